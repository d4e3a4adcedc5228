"""Synthetic contents for the benchmarks: fiches and overviews, by seed."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import groupby
from random import Random

from shared.documents.content import (
    NOT_ASSIGNED,
    REPORTED,
    AdministrationFacts,
    ComponentOutcome,
    FicheContent,
    Level,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
    SchoolFacts,
    SubjectSection,
)
from shared.documents.viewing_periods import ViewingPeriod

STUDENTS = 100  # in an overview
CLASS_GROUPS = ("4A", "4B", "4C", "4D", "4E")
TARGET_GROUP = "4de leerjaar lager onderwijs"
SCALE = tuple(Level(code, f"Niveau {code}", place) for place, code in enumerate("EDCBA", start=1))
ADMINISTRATION = AdministrationFacts(
    "2024", "Vlaamse toetsen 2024", "2023-2024", date(2024, 4, 24), date(2024, 5, 16)
)
SUBJECTS = {
    "nederlands": (("LEZ", "Begrijpend lezen"), ("SCH", "Schrijven en grammatica")),
    "wiskunde": (("WPO", "Wiskundige problemen oplossen"), ("GET", "Getallen en bewerkingen")),
}
VIEWING = (
    ViewingPeriod(date(2024, 6, 25), date(2024, 7, 12)),
    ViewingPeriod(date(2024, 8, 19), date(2024, 9, 13)),
)
LEVEL_DESCRIPTIONS = (
    "Vindt wat letterlijk in een korte opgave staat en lost een vertrouwde taak in één stap op.",
    "Legt een verband tussen gegevens die dicht bij elkaar staan en werkt een aanpak netjes af.",
    "Brengt gegevens uit delen van een opgave samen en kiest daarbij een aanpak die werkt.",
    "Legt uit waarom een aanpak werkt en past die ook toe in een situatie die nieuw is.",
    "Vergelijkt verschillende aanpakken, zegt welke best past en controleert het eigen antwoord.",
)
GIVEN_NAMES = (
    *("Noor", "Žofie", "Lucas", "Emma", "Mohamed", "Arthur", "Louise", "Liam", "Marie", "Anaïs"),
    *("Finn", "Ella", "Jules", "Yasmina", "Thu", "Wout", "Fien", "Adam", "Nora", "Stan"),
)
FAMILY_NAMES = (
    *("Peeters", "Janssens", "Maes", "Jacobs", "Mertens", "Willems", "Claes", "Goossens"),
    *("Wouters", "De Smet", "Dubois", "El Amrani", "Demir", "Van den Broeck", "D'Hondt", "Nowak"),
)
FAMILY_ENDINGS = ("", "", "", "-Maes", "-Claes", " de Bruyn")
_CLASS_SIZES = (18, 26)
PRINT_FILE_STUDENTS, _ = _CLASS_SIZES  # in a print file
_ASSIGNED_SHARE = 0.96
_STATUSES_WITHOUT_LEVEL = ("absent", "exempt", "notCompleted", "withheld")


def fiches(seed: int) -> Iterator[FicheContent]:
    """Yield fiches without end, ordered by school and class group as in a build."""
    random = Random(seed)  # noqa: S311  # synthetic contents need no secrecy
    while True:
        school = _school(random)
        for class_group in CLASS_GROUPS:
            for _ in range(random.randint(*_CLASS_SIZES)):
                yield _fiche(random, school, class_group)


def fiches_in_random_order(seed: int) -> Iterator[FicheContent]:
    """Yield fiches of students of random schools, without end."""
    random = Random(seed)  # noqa: S311  # synthetic contents need no secrecy
    while True:
        yield _fiche(random, _school(random), random.choice(CLASS_GROUPS))


def class_groups(seed: int) -> Iterator[tuple[FicheContent, ...]]:
    """Yield the first `PRINT_FILE_STUDENTS` fiches of each class group."""
    for _, class_fiches in groupby(fiches(seed), lambda fiche: (fiche.school, fiche.class_group)):
        yield tuple(class_fiches)[:PRINT_FILE_STUDENTS]


def _school(random: Random) -> SchoolFacts:
    number = random.randrange(1000, 4850)
    return SchoolFacts(f"{number:06}", f"Basisschool De Regenboog {number}", "Genk")


def _fiche(random: Random, school: SchoolFacts, class_group: str) -> FicheContent:
    """Return a fiche with levels around one random ability."""
    return FicheContent(
        document_number=f"{random.randrange(10**10):010}",
        stamnummer=f"{random.randrange(10**7):07}",
        administration=ADMINISTRATION,
        school=school,
        target_group_name=TARGET_GROUP,
        class_group=class_group,
        site_name="Hoofdvestiging",
        given_name=random.choice(GIVEN_NAMES),
        family_name=random.choice(FAMILY_NAMES) + random.choice(FAMILY_ENDINGS),
        sections=_sections(random, random.gauss(2, 1)),
        viewing_periods=VIEWING,
    )


def _sections(random: Random, ability: float) -> tuple[SubjectSection, ...]:
    """Return sections that students with the same outcomes share, as those of a build do."""
    sections = tuple(
        SubjectSection(
            subject,
            tuple(
                _outcome(random, ability, code, name, position)
                for position, (code, name) in enumerate(components, start=1)
            ),
        )
        for subject, components in SUBJECTS.items()
    )
    return _shared_sections(sections)


@cache
def _shared_sections(sections: tuple[SubjectSection, ...]) -> tuple[SubjectSection, ...]:
    return sections


def _outcome(
    random: Random, ability: float, code: str, name: str, position: int
) -> ComponentOutcome:
    cell = _cell(random, ability)
    return _shared_outcome(code, name, position, cell)


@cache
def _shared_outcome(code: str, name: str, position: int, cell: OverviewCell) -> ComponentOutcome:
    descriptions = tuple(f"{code}: {text}" for text in LEVEL_DESCRIPTIONS) if cell.level else ()
    return ComponentOutcome(
        f"LO4-{code}", name, position, cell.status, SCALE, cell.level, descriptions
    )


def _cell(random: Random, ability: float) -> OverviewCell:
    if random.random() > _ASSIGNED_SHARE:
        return OverviewCell(random.choice((*_STATUSES_WITHOUT_LEVEL, NOT_ASSIGNED)), None)
    index = min(max(round(random.gauss(ability, 0.8)), 0), len(SCALE) - 1)
    return OverviewCell(REPORTED, SCALE[index])


def overviews(seed: int) -> Iterator[OverviewContent]:
    """Yield overviews of one target group with `STUDENTS` students, without end."""
    random = Random(seed)  # noqa: S311  # synthetic contents need no secrecy
    columns = tuple(
        OverviewColumn(f"LO4-{code}", name, subject, SCALE, LEVEL_DESCRIPTIONS)
        for subject, components in SUBJECTS.items()
        for code, name in components
    )
    while True:
        rows = sorted(
            (_row(random, place, len(columns)) for place in range(STUDENTS)),
            key=lambda row: (row.class_group, row.family_name, row.given_name),
        )
        yield OverviewContent(
            ADMINISTRATION,
            _school(random),
            (OverviewTargetGroup("LO4", TARGET_GROUP, columns, tuple(rows)),),
        )


def _row(random: Random, place: int, columns: int) -> OverviewRow:
    ability = random.gauss(2, 1)
    return OverviewRow(
        CLASS_GROUPS[place % len(CLASS_GROUPS)],
        random.choice(FAMILY_NAMES) + random.choice(FAMILY_ENDINGS),
        random.choice(GIVEN_NAMES),
        f"{random.randrange(2_000_000, 3_000_000)}",
        tuple(_cell(random, ability) for _ in range(columns)),
        document_number=f"{random.randrange(10**10):010}",
        site_name="Hoofdvestiging",
    )
