"""The texts of a fiche in Dutch, as data, in short sentences of short words.

Readers are a nine-year-old and parents with little Dutch; `tests/documents/test_reading_ease.py`
has the limits. A status promises nothing: no word says that a level will follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class StatusTexts:
    """The texts of a status without a level; `referral` tells parents whom to ask."""

    name: str
    explanation: str
    referral: str = ""

    @property
    def for_parents(self) -> str:
        return f"{self.explanation} {self.referral}".strip()


@dataclass(frozen=True, slots=True)
class Advice:
    lead: str
    text: str


@dataclass(frozen=True, slots=True)
class GoalTexts:
    """The texts of one goal that levels of a scale may attain.

    `marker` has a place for the code of the `level` that is the first to attain it.
    """

    marker: str
    explanation: Advice
    attained: str
    not_attained: str


@dataclass(frozen=True, slots=True)
class ScaleTexts:
    """The texts of a scale; those of its `alternative` are for someone who does not see it."""

    lowest: str
    highest: str
    no_level: str
    alternative_scale: str
    alternative_reached: str
    alternative_goal: str


@dataclass(frozen=True, slots=True, eq=False)
class LevelsTexts:
    """The texts of all levels of a component in words.

    Compared by identity, so that a cache can use them as its key.
    """

    title: str
    introduction: str
    reached: str
    reached_highest: str
    next_step: str


@dataclass(frozen=True, slots=True)
class ViewingTexts:
    """The texts about test viewing; `planned` has a place for the `periods`, joined by `joint`."""

    title: str
    right: str
    planned: str
    unplanned: str
    period: str
    open_end: str
    joint: str
    registration: str


@dataclass(frozen=True, slots=True, eq=False)
class FicheTexts:
    """The texts of a fiche, for student and parents.

    Compared by identity, so that a cache can use them as its key.
    """

    title: str
    class_group: str
    school: str
    site: str
    target_group: str
    tested: str
    school_year: str
    stamnummer: str
    introduction: str
    introduction_without_level: str
    scale: ScaleTexts
    basic_literacy: GoalTexts
    final_objectives: GoalTexts
    guide_title: str
    guide: tuple[Advice, ...]
    levels: LevelsTexts
    questions_title: str
    questions: tuple[str, ...]
    viewing: ViewingTexts
    document: str
    version: str
    page: str
    read_on: str


DUTCH_STATUSES: Mapping[str, StatusTexts] = MappingProxyType(
    {
        "absent": StatusTexts("Afwezig", "De leerling was er niet bij dit deel van de toets."),
        "exempt": StatusTexts(
            "Vrijgesteld",
            "De leerling hoefde dit deel niet te maken.",
            "De school kan zeggen waarom.",
        ),
        "notCompleted": StatusTexts(
            "Niet afgewerkt",
            "Dit deel is niet af, bijvoorbeeld door een fout op de computer.",
            "Daar kan de leerling niets aan doen.",
        ),
        "notAssigned": StatusTexts(
            "Niet voorzien", "Dit deel hoorde niet bij de toets van deze leerling."
        ),
        "withheld": StatusTexts(
            "Geen niveau",
            "Bij dit deel delen we geen niveau mee.",
            "De school kan er meer over zeggen.",
        ),
        "withdrawn": StatusTexts(
            "Ingetrokken", "Dit niveau telt niet meer mee.", "De school kan zeggen waarom."
        ),
    }
)

DUTCH_FICHE = FicheTexts(
    title="Feedbackfiche",
    class_group="Klas",
    school="School",
    site="Vestiging",
    target_group="Leerjaar",
    tested="Afgenomen",
    school_year="Schooljaar",
    stamnummer="Stamnummer",
    introduction=(
        "Per deel van de toets zie je één niveau. Het donkere vakje met de pijl is het niveau van"
        " de leerling. Ernaast staat wat een leerling op dat niveau kan."
    ),
    introduction_without_level=(
        "Deze fiche toont geen niveau. Dat zegt niets over wat de leerling kan. Bij elk deel"
        " lees je er meer over. Praat erover met de school."
    ),
    scale=ScaleTexts(
        lowest="laagste niveau",
        highest="hoogste niveau",
        no_level="geen niveau",
        alternative_scale="De schaal gaat van laag naar hoog: {levels}.",
        alternative_reached="De leerling haalt {level}.",
        alternative_goal="{goal} begint bij {level}.",
    ),
    basic_literacy=GoalTexts(
        marker="vanaf {level}: basisgeletterdheid",
        explanation=Advice(
            "Basisgeletterdheid", "Dit is wat elke leerling nodig heeft om goed mee te doen."
        ),
        attained="Dit is genoeg voor de basisgeletterdheid.",
        not_attained="Dit is nog niet genoeg voor de basisgeletterdheid.",
    ),
    final_objectives=GoalTexts(
        marker="vanaf {level}: eindtermen",
        explanation=Advice(
            "Eindtermen", "Dit moet een leerling leren op school. Zo staat het in de wet."
        ),
        attained="Dit is genoeg voor de eindtermen.",
        not_attained="Dit is nog niet genoeg voor de eindtermen.",
    ),
    guide_title="Zo lees je deze fiche",
    guide=(
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
    levels=LevelsTexts(
        title="Alle niveaus in woorden",
        introduction=(
            "Dit kan een leerling op elk niveau, van laag naar hoog. Het donkere vakje is het"
            " niveau van de leerling. Daarna komt de volgende stap, als die er is."
        ),
        reached="Dit niveau",
        reached_highest="Dit niveau, het hoogste",
        next_step="Volgende stap",
    ),
    questions_title="Drie vragen voor de leraar",
    questions=(
        "Wat gaat er al goed?",
        "Wat is de volgende stap?",
        "Hoe kunnen we daar thuis bij helpen?",
    ),
    viewing=ViewingTexts(
        title="De toets bekijken",
        right="De leerling mag komen zien wat juist was en wat fout.",
        planned="Dat kan in Brussel, {periods}.",
        unplanned="Dat kan in Brussel. De school weet wanneer.",
        period="van {days}",
        open_end="vanaf {day}",
        joint=" en ",
        registration="De school schrijft de leerling in. Het kost niets.",
    ),
    document="Document",
    version="versie",
    page="bladzijde",
    read_on="verder op bladzijde",
)
