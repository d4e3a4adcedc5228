"""The reading guide in Dutch."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

DUTCH_GUIDE = GuideTexts(
    language="nl",
    name="Nederlands",
    dutch_name="Nederlands",
    title="Zo lees je de feedbackfiche",
    introduction=(
        "De leerling maakte een toets op school. De school geeft je een blad met wat eruit kwam."
        " Hier zie je wat waar staat. Zoek het nummer op de tekening. Lees dan de tekst bij dat"
        " nummer."
    ),
    front=FrontTexts(
        title="De voorkant",
        alternative="Tekening van de voorkant van een fiche, met de nummers {first} tot {last}.",
        student="De naam van de leerling. Daaronder staan nummers van die leerling alleen.",
        facts="De klas, de school, het leerjaar en de dagen van de toets.",
        subjects=("De vakken. Een vak heeft een of meer delen. Elk deel heeft een eigen niveau."),
        scale="Alle niveaus, van laag naar hoog. Het donkere vakje is het niveau van de leerling.",
        description="Het niveau, en wat een leerling dan kan. De leraar legt het graag uit.",
        goals=(
            "Is dit genoeg? De lijn start bij het niveau waar je het doel haalt. Het eerste doel"
            " is wat elke leerling nodig heeft. Het tweede staat in de wet. Niet elke toets heeft"
            " een doel."
        ),
        no_level="Hier is er geen niveau. Het woord ernaast zegt waarom.",
        tips="Vier tips om de fiche te lezen.",
    ),
    back=BackTexts(
        title="De achterkant",
        alternative="Tekening van de achterkant van een fiche, met de nummers {first} tot {last}.",
        levels="Elk niveau in woorden, van laag naar hoog. Zonder niveau is er geen achterkant.",
        next_step="Het donkere vakje is het niveau. Het vakje met streepjes is de volgende stap.",
        questions="Drie vragen voor de leraar. Ze staan ook hieronder.",
        viewing=(
            "De leerling mag komen zien wat juist was en wat fout. Dat kan in Brussel. Het kost"
            " niets. De school schrijft de leerling in."
        ),
    ),
    tips_title="Vier tips",
    tips=(
        Advice("Geen cijfer", "Een niveau is geen punt. Het zegt wat iemand nu al kan."),
        Advice(
            "Geen vergelijking",
            "Het niveau vergelijkt de leerling met niemand. Vergelijk de letter niet met die van"
            " een andere toets.",
        ),
        Advice(
            "Eén moment",
            "De toets toont wat die dag lukte. De leraar ziet elke dag veel meer. Dat telt ook.",
        ),
        Advice("Vragen?", "Praat met de school. Zij kent de leerling en helpt je graag."),
    ),
    statuses=StatusMeanings(
        title="Als er geen niveau staat",
        absent="De leerling was er niet bij dit deel.",
        exempt="De leerling hoefde dit deel niet te maken. De school zegt je waarom.",
        not_completed="Dit deel is niet af. Daar kan de leerling niets aan doen.",
        not_assigned="Dit deel hoorde niet bij de toets van deze leerling.",
        withheld="Bij dit deel delen we geen niveau mee. De school weet meer.",
        withdrawn="Dit niveau telt niet meer mee. De school zegt je waarom.",
    ),
    questions_title="Drie vragen voor de leraar",
    questions_introduction="Neem dit blad mee naar het gesprek op school.",
    questions=(
        "Wat gaat er al goed?",
        "Wat is de volgende stap?",
        "Hoe kunnen we daar thuis bij helpen?",
    ),
    version="versie",
    page="bladzijde",
    read_on="verder op bladzijde",
)
