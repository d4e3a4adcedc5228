"""The texts of our documents, in one place, as data.

Another language, or official texts of the operator, are another `Texts`. Its `version` is printed
on each document and is part of the template's version: change it with any text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from shared.documents.fiche_texts import (
    DUTCH_FICHE,
    DUTCH_STATUSES,
    Advice,
    FicheTexts,
    StatusTexts,
)
from shared.documents.hand_out_lists.texts import DUTCH_HAND_OUT, HandOutTexts

__all__ = ["DUTCH", "Advice", "FicheTexts", "FileTexts", "OverviewTexts", "StatusTexts", "Texts"]


@dataclass(frozen=True, slots=True)
class Marker:
    """The sign of a level that attains something, and what it attains."""

    sign: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class OverviewTexts:
    """The texts of an overview, for the class council.

    `markers_legend` is in the guide of an overview with levels that have a marker.
    Compared by identity, so that a cache can use them as its key.
    """

    title: str
    class_group: str
    family_name: str
    given_name: str
    stamnummer: str
    document_number: str
    site: str
    counts_sheet: str
    levels_sheet: str
    level: str
    description: str
    basic_literacy: Marker
    final_objectives: Marker
    attained: str
    not_attained: str
    markers_legend: Advice
    target_group: str
    subject: str
    component: str
    without_level: str
    guide_sheet: str
    confidential: str
    page: str
    of_pages: str
    facts: Mapping[str, str]
    conditions_title: str
    conditions: tuple[Advice, ...]
    reading_title: str
    reading: tuple[Advice, ...]
    statuses_title: str


@dataclass(frozen=True, slots=True)
class FileTexts:
    """The texts in file names; `unnamed` replaces a name that is not usable in a file name."""

    fiche: str
    fiches: str
    hand_out_list: str
    overview: str
    unnamed: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts in one language (a BCP 47 tag); the keys of mappings are codes of the delivery."""

    language: str
    version: str
    months: tuple[str, ...]
    period: str
    subjects: Mapping[str, str]
    statuses: Mapping[str, StatusTexts]
    fiche: FicheTexts
    overview: OverviewTexts
    hand_out: HandOutTexts
    files: FileTexts

    def subject(self, code: str) -> str:
        """Return the name of a subject, or its code if it has no name."""
        return self.subjects.get(code, code.capitalize())

    def day(self, day: date) -> str:
        return f"{day.day} {self.months[day.month - 1]} {day.year}"

    def period_of(self, from_on: date, until_on: date) -> str:
        """Return the period in words, without repeating a month or year."""
        if from_on == until_on:
            return self.day(until_on)
        first = self.day(from_on)
        if from_on.year == until_on.year:
            first = first.removesuffix(f" {from_on.year}")
            if from_on.month == until_on.month:
                first = str(from_on.day)
        return self.period.format(first=first, last=self.day(until_on))


_OVERVIEW = OverviewTexts(
    title="Overzicht voor de klassenraad",
    class_group="Klas",
    family_name="Familienaam",
    given_name="Voornaam",
    stamnummer="Stamnummer",
    document_number="Nummer fiche",
    site="Vestiging",
    counts_sheet="Aantallen",
    levels_sheet="Niveaus",
    level="Niveau",
    description="Wat een leerling op dit niveau kan",
    basic_literacy=Marker("○", "Basisgeletterdheid"),
    final_objectives=Marker("●", "Eindtermen"),
    attained="bereikt",
    not_attained="niet bereikt",
    markers_legend=Advice(
        "Teken achter een niveau",
        "● Op dit niveau zijn de eindtermen bereikt. ○ Op dit niveau is de basisgeletterdheid"
        " bereikt. Staat er geen teken, dan is dat niet zo of is het niet vastgelegd.",
    ),
    target_group="Leerjaar",
    subject="Vak",
    component="Onderdeel",
    without_level="Zonder niveau",
    guide_sheet="Leeswijzer",
    confidential="Vertrouwelijk: alleen voor de klassenraad",
    page="Bladzijde",
    of_pages="van",
    facts=MappingProxyType(
        {
            "administration": "Toets",
            "school_year": "Schooljaar",
            "tested": "Afgenomen",
            "school": "School",
            "school_id": "Instellingsnummer",
            "version": "Versie",
        }
    ),
    conditions_title="Voorwaarden voor gebruik in de klassenraad",
    conditions=(
        Advice(
            "Alleen met afspraak in het schoolreglement",
            "De klassenraad mag deze resultaten gebruiken als het schoolreglement dat regelt."
            " Staat er niets over in, gebruik dit overzicht dan niet in de klassenraad.",
        ),
        Advice(
            "Nooit het enige criterium",
            "Een niveau is één element naast andere. Een beslissing over evaluatie, overgang of"
            " oriëntering mag er nooit alleen op steunen.",
        ),
        Advice(
            "Niet voor derden",
            "Resultaten van leerlingen of van groepen leerlingen mogen niet aan derden worden"
            " meegedeeld, ook niet als aantallen. Bewaar dit bestand waar alleen de klassenraad"
            " bij kan.",
        ),
    ),
    reading_title="Zo lees je dit overzicht",
    reading=(
        Advice(
            "Niveau per onderdeel",
            "Elke rij is een leerling, elke kolom een onderdeel van de toets. De cel toont het"
            " bereikte niveau, of in gewone woorden waarom er geen is. De kleur herhaalt alleen"
            " wat er staat: hoe hoger het niveau, hoe dieper het blauw.",
        ),
        Advice(
            "Wat een niveau inhoudt",
            "Het blad Niveaus beschrijft per onderdeel wat een leerling op elk niveau kan. Lees een"
            " niveau altijd samen met die omschrijving.",
        ),
        Advice(
            "Geen cijfers",
            "Niveaus zijn geen punten. Tel ze niet op en neem geen gemiddelde: elk onderdeel heeft"
            " zijn eigen schaal.",
        ),
        Advice(
            "Een momentopname",
            "De toets toont wat op dat moment lukte. Leg een niveau naast wat de leraren het hele"
            " jaar door zien.",
        ),
        Advice(
            "Kleine groepen",
            "De bladen met aantallen tellen leerlingen per klas, voor elke schaal apart. Bij een"
            " kleine groep zegt een aantal weinig over de klas en veel over één leerling.",
        ),
    ),
    statuses_title="Als er geen niveau staat",
)

DUTCH = Texts(
    language="nl-BE",
    version="nl-3",
    months=(
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ),
    period="{first} tot en met {last}",
    subjects=MappingProxyType({"nederlands": "Nederlands", "wiskunde": "Wiskunde"}),
    statuses=DUTCH_STATUSES,
    fiche=DUTCH_FICHE,
    overview=_OVERVIEW,
    hand_out=DUTCH_HAND_OUT,
    files=FileTexts(
        fiche="Feedbackfiche",
        fiches="Feedbackfiches",
        hand_out_list="Uitdeellijst",
        overview="Overzicht klassenraad",
        unnamed="zonder naam",
    ),
)
