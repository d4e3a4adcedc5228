"""School feedback of sample schools: of every kind, and random ones by seed."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from shared.documents.content import SchoolFacts
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.school_feedback.figures import (
    ComponentFigures,
    FigureLevel,
    FigureRow,
    MeanScore,
    NotTested,
    Reference,
    ReferenceKind,
    ReferenceName,
    RowKind,
    SchoolFeedback,
)
from tests.worker.contents import ADMINISTRATION, NASTY_NAMES, SCHOOL

COMPUTED_AT = datetime(2024, 9, 20, 6, 0, tzinfo=UTC)
LEVELS = tuple(
    FigureLevel(code, f"Niveau {code}", place, place > 1, place > 2)
    for place, code in enumerate("EDCBA", start=1)
)
WITHOUT_GOALS = tuple(
    FigureLevel(code, f"Niveau {code}", place) for place, code in enumerate("EDCBA", start=1)
)
OTHER_SCALES = (
    tuple(
        FigureLevel(code, code.capitalize(), place, place > 1)
        for place, code in enumerate(("STARTEND", "BASIS", "GEVORDERD", "EXPERT"), start=1)
    ),
    (FigureLevel("V", "Voldoende", 1), FigureLevel("G", "Goed", 2)),
    (FigureLevel("Z", "Enig niveau", 1),),
    tuple(FigureLevel(f"N{place}", f"Stap {place}", place) for place in range(1, 8)),
)
FLANDERS = Reference(
    ReferenceName.FLANDERS,
    ReferenceKind.DELIVERED,
    (0.08, 0.21, 0.34, 0.25, 0.12),
    0.92,
    0.71,
    MeanScore(502.4, 0.6),
    64_210,
)
SIMILAR = Reference(
    ReferenceName.SIMILAR,
    ReferenceKind.COMPUTED,
    (0.11, 0.24, 0.33, 0.22, 0.10),
    0.89,
    0.65,
    MeanScore(494.1, 2.25),
)


def school_row(*counts: int, **changes: Any) -> FigureRow:
    return FigureRow(RowKind.SCHOOL, counts=counts or None, **changes)


def class_row(name: str, *counts: int, **changes: Any) -> FigureRow:
    return FigureRow(RowKind.CLASS_GROUP, name, counts=counts or None, **changes)


def component(**changes: Any) -> ComponentFigures:
    """Return reading in a school of 45 students with three class groups, of which two are shown."""
    facts: dict[str, Any] = {
        "component": "LO4-LEZ",
        "name": "Begrijpend lezen",
        "subject": "nederlands",
        "position": 1,
        "is_calibration": False,
        "levels": LEVELS,
        "rows": (
            school_row(3, 12, 15, 10, 5, not_assigned=2),
            class_row("4A", 1, 6, 8, 5, 2),
            class_row("4B", 2, 5, 6, 4, 3, site="2", site_name="Vestiging Zuid"),
            class_row("4C"),
            class_row("4D"),
        ),
        "mean": MeanScore(496.25, 7.1),
        "not_tested": NotTested(None, 7, None),
        "references": (FLANDERS, SIMILAR),
        "has_late_corrections": True,
        "version": 1,
        "reason": "first figures",
        "computed_at": COMPUTED_AT,
    }
    return ComponentFigures(**{**facts, **changes})


def small() -> ComponentFigures:
    """Return a component of a school of seven students, without goals or class groups."""
    references = (Reference(ReferenceName.FLANDERS, ReferenceKind.COMPUTED, FLANDERS.shares),)
    return component(
        component="LO4-WIS",
        name="Wiskundige problemen oplossen",
        subject="wiskunde",
        levels=WITHOUT_GOALS,
        rows=(school_row(0, 2, 3, 2, 0), class_row("4A"), class_row("3-4B")),
        mean=None,
        references=references,
        has_late_corrections=False,
        version=2,
    )


def hidden() -> ComponentFigures:
    rows = (school_row(), class_row("4A"))
    return component(
        component="LO4-SCH", name="Schrijven", rows=rows, mean=None, not_tested=None, references=()
    )


def target_group(
    *components: ComponentFigures, code: str = "LO4", name: str = "4de leerjaar lager onderwijs"
) -> SchoolFeedback:
    return SchoolFeedback(ADMINISTRATION.id, SCHOOL.id, code, name, components)


def feedback(*groups: SchoolFeedback, school: SchoolFacts = SCHOOL) -> SchoolFeedbackContent:
    return SchoolFeedbackContent(ADMINISTRATION, school, groups)


def large() -> ComponentFigures:
    """Return a component with thirty class groups, some of them hidden."""
    shown = [class_row(f"{number}A", 2, 4, 6, 5, 3) for number in range(1, 29)]
    rows = (school_row(60, 112, 170, 144, 85), *shown, class_row("29A"), class_row("30A"))
    return component(component="SO2-WIS", name="Meetkunde", subject="wiskunde", rows=rows)


FEEDBACK = {
    "of a school": feedback(target_group(component(), hidden(), small())),
    "of a small school": feedback(target_group(small())),
    "of hidden figures": feedback(target_group(hidden())),
    "of a calibration": feedback(
        target_group(
            component(
                is_calibration=True,
                name="Rekenen",
                subject="wiskunde",
                rows=(school_row(9, 9, 8, 7, 5),),
            )
        )
    ),
    "of two target groups": feedback(
        target_group(component()),
        target_group(large(), code="SO2", name="2de leerjaar secundair onderwijs, A-stroom"),
    ),
}


def any_feedback(seed: int) -> SchoolFeedbackContent:
    """Return the school feedback of a seed: any scale, any name, any of its figures hidden."""
    random = Random(seed)  # noqa: S311  # test data, not a secret
    groups = tuple(
        target_group(
            *(_any_component(random, place) for place in range(random.randint(1, 4))),
            code=f"G{number}",
            name=random.choice(NASTY_NAMES),
        )
        for number in range(random.randint(1, 2))
    )
    name = random.choice((*NASTY_NAMES, "De Kameleon", "\u738b W" * 30))
    return feedback(*groups, school=SchoolFacts("000028", name, random.choice(("", "Genk"))))


def _any_component(random: Random, place: int) -> ComponentFigures:
    levels = random.choice((LEVELS, WITHOUT_GOALS, *OTHER_SCALES))
    names = [
        random.choice((*NASTY_NAMES, "4A", "1ste jaar (b)")) for _ in range(random.randint(0, 9))
    ]
    rows = [class_row(name, *_any_counts(random, len(levels))) for name in names]
    is_shown = random.random() < 0.8
    counts = _any_counts(random, len(levels)) or (3,) * len(levels)
    references = tuple(
        Reference(
            name,
            random.choice([*ReferenceKind]),
            random.choice((None, tuple(1 / len(levels) for _ in levels))),
            random.choice((None, random.random())),
            random.choice((None, random.random())),
            random.choice((None, MeanScore(random.gauss(500, 50), random.random()))),
        )
        for name in random.sample([*ReferenceName], random.randint(0, 2))
    )
    return component(
        component=f"C{place}",
        name=random.choice((*NASTY_NAMES, "Lezen")),
        subject=random.choice(("nederlands", "wiskunde", "frans")),
        levels=levels,
        rows=(school_row(*counts, not_assigned=random.choice((None, 3))), *rows)
        if is_shown
        else (school_row(), *(class_row(name) for name in names)),
        mean=random.choice((None, MeanScore(500, 3))) if is_shown else None,
        not_tested=NotTested(None, random.randint(5, 30), None) if is_shown else None,
        references=references if is_shown else (),
        has_late_corrections=random.random() < 0.8,
    )


def _any_counts(random: Random, levels: int) -> tuple[int, ...]:
    """Return counts of a row that is shown, or none of a hidden one."""
    if random.random() < 0.3:
        return ()
    counts = [random.choice((0, 1, 3, 8, 120)) for _ in range(levels)]
    return (*counts[:-1], counts[-1] + 5)
