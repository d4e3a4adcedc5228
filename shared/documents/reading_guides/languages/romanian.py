"""The reading guide in Romanian."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

ROMANIAN = GuideTexts(
    language="ro",
    name="Română",
    dutch_name="Roemeens",
    title="Cum se citește fișa",
    introduction=(
        "Elevul a dat un test la școală. Școala vă dă o fișă cu rezultatul. Ea este în neerlandeză."
        " Acest ghid arată ce se află în fiecare loc. Căutați numărul în desen, apoi citiți textul"
        " cu același număr."
    ),
    front=FrontTexts(
        title="Fața fișei",
        alternative="Desen cu fața unei fișe, cu numerele de la {first} la {last}.",
        student="Numele elevului. Dedesubt sunt numere care aparțin numai acestui elev.",
        facts="Clasa, școala, sediul, anul de studiu, zilele testului și anul școlar.",
        subjects=(
            "Materiile: neerlandeză și matematică. O materie are una sau mai multe părți. Fiecare"
            " parte are nivelul ei."
        ),
        scale=(
            "Toate nivelurile, de la cel mai mic la cel mai mare. Caseta de culoare închisă este"
            " nivelul elevului."
        ),
        description=(
            "Nivelul și ce știe să facă un elev la acest nivel. Textul este în neerlandeză. Rugați"
            " profesorul să îl explice."
        ),
        goals=(
            "Este suficient? Linia începe la nivelul la care se atinge un obiectiv. Primul obiectiv"
            " este ceea ce îi trebuie oricărui elev în viață. Al doilea este stabilit prin lege."
            " Nu orice test are aceste obiective."
        ),
        no_level="Aici nu este niciun nivel. Cuvântul de alături spune de ce.",
        tips="Patru sfaturi. În română sunt pe pagina următoare.",
    ),
    back=BackTexts(
        title="Spatele fișei",
        alternative="Desen cu spatele unei fișe, cu numerele de la {first} la {last}.",
        levels=(
            "Toate nivelurile în cuvinte, de la cel mai mic la cel mai mare. O fișă fără niciun"
            " nivel nu are această pagină."
        ),
        next_step=(
            "Caseta de culoare închisă este nivelul elevului. Caseta cu linie întreruptă este pasul"
            " următor."
        ),
        questions="Trei întrebări pentru profesor. Le găsiți mai jos.",
        viewing=(
            "Elevul poate veni să vadă ce a fost corect și ce a fost greșit. Este la Bruxelles și"
            " este gratuit. Școala îl înscrie pe elev."
        ),
    ),
    tips_title="Patru sfaturi",
    tips=(
        Advice("Nu este o notă", "Un nivel nu este o notă. El spune ce știe cineva deja să facă."),
        Advice(
            "Fără comparație",
            "Nivelul nu compară elevul cu nimeni. Litera nu este litera de la alt test.",
        ),
        Advice(
            "O singură zi",
            "Testul arată ce a reușit elevul în acea zi. Profesorul vede mult mai mult, în fiecare"
            " zi. Și asta contează.",
        ),
        Advice("Întrebări?", "Vorbiți cu școala. Ea îl cunoaște pe elev și vă ajută cu plăcere."),
    ),
    statuses=StatusMeanings(
        title="Dacă nu este niciun nivel",
        absent="Elevul nu a fost prezent la această parte.",
        exempt="Elevul nu a trebuit să facă această parte. Școala poate spune de ce.",
        not_completed="Această parte nu este terminată. Nu este vina elevului.",
        not_assigned="Această parte nu era în testul acestui elev.",
        withheld="Pentru această parte nu dăm un nivel. Școala poate spune mai multe.",
        withdrawn="Acest nivel nu mai contează. Școala poate spune de ce.",
    ),
    questions_title="Trei întrebări pentru profesor",
    questions_introduction="Întrebați în neerlandeză sau arătați aici întrebarea cu degetul.",
    questions=(
        "Ce merge deja bine?",
        "Care este pasul următor?",
        "Cum putem ajuta acasă?",
    ),
    version="versiunea",
    page="pagina",
    read_on="continuare la pagina",
)
