"""The reading guide in Polish."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

POLISH = GuideTexts(
    language="pl",
    name="Polski",
    dutch_name="Pools",
    title="Jak czytać kartę wyników",
    introduction=(
        "W szkole odbył się test. Szkoła daje Państwu kartę z wynikiem ucznia. Karta jest po"
        " niderlandzku. Ten przewodnik pokazuje, co gdzie się znajduje. Proszę znaleźć numer na"
        " rysunku i przeczytać tekst z tym samym numerem."
    ),
    front=FrontTexts(
        title="Przednia strona",
        alternative="Rysunek przedniej strony karty z numerami od {first} do {last}.",
        student="Imię i nazwisko ucznia. Niżej są numery, które należą tylko do tego ucznia.",
        facts="Klasa, szkoła, budynek, rok nauki, dni testu i rok szkolny.",
        subjects=(
            "Przedmioty: niderlandzki i matematyka. Przedmiot ma jedną lub więcej części. Każda"
            " część ma własny poziom."
        ),
        scale="Wszystkie poziomy, od najniższego do najwyższego. Ciemne pole to poziom ucznia.",
        description=(
            "Poziom i to, co uczeń na nim potrafi. Ten tekst jest po niderlandzku. Nauczyciel może"
            " go wyjaśnić."
        ),
        goals=(
            "Czy to wystarczy? Linia zaczyna się od poziomu, na którym cel jest osiągnięty."
            " Pierwszy cel to coś, czego każdy uczeń potrzebuje na co dzień. Drugi określa prawo."
            " Nie każdy test ma te cele."
        ),
        no_level="Tu nie ma poziomu. Słowo obok mówi, dlaczego.",
        tips="Cztery wskazówki. Po polsku są na następnej stronie.",
    ),
    back=BackTexts(
        title="Tylna strona",
        alternative="Rysunek tylnej strony karty z numerami od {first} do {last}.",
        levels=(
            "Wszystkie poziomy opisane słowami, od niskiego do wysokiego. Karta bez poziomu nie ma"
            " tej strony."
        ),
        next_step="Ciemne pole to poziom ucznia. Pole z przerywaną linią to następny krok.",
        questions="Trzy pytania do nauczyciela. Są też poniżej.",
        viewing=(
            "Uczeń może zobaczyć, co było dobrze, a co źle. Odbywa się to w Brukseli i jest"
            " bezpłatne. Ucznia zgłasza szkoła."
        ),
    ),
    tips_title="Cztery wskazówki",
    tips=(
        Advice("To nie ocena", "Poziom nie jest oceną. Mówi, co ktoś już teraz potrafi."),
        Advice(
            "Bez porównań",
            "Poziom nie porównuje ucznia z nikim. Litera nie jest literą z innego testu.",
        ),
        Advice(
            "Tylko jeden dzień",
            "Test pokazuje, co udało się tego dnia. Nauczyciel widzi o wiele więcej, i to każdego"
            " dnia. To też się liczy.",
        ),
        Advice("Pytania?", "Proszę porozmawiać ze szkołą. Zna ona ucznia i chętnie pomoże."),
    ),
    statuses=StatusMeanings(
        title="Jeśli nie ma poziomu",
        absent="Ucznia nie było na tej części testu.",
        exempt="Uczeń nie musiał robić tej części. Szkoła może powiedzieć, dlaczego.",
        not_completed="Ta część nie jest ukończona. To nie jest wina ucznia.",
        not_assigned="Tej części nie było w teście tego ucznia.",
        withheld="Dla tej części nie podajemy poziomu. Szkoła może powiedzieć więcej.",
        withdrawn="Ten poziom już się nie liczy. Szkoła może powiedzieć, dlaczego.",
    ),
    questions_title="Trzy pytania do nauczyciela",
    questions_introduction="Można zapytać po niderlandzku albo wskazać pytanie palcem.",
    questions=(
        "Co już idzie dobrze?",
        "Jaki jest następny krok?",
        "Jak możemy w tym pomóc w domu?",
    ),
    version="wersja",
    page="strona",
    read_on="dalej na stronie",
)
