"""Overviews of every kind, for the programs that read them."""

from dataclasses import replace
from datetime import date

from shared.documents.content import (
    REPORTED,
    STATUSES,
    AdministrationFacts,
    Level,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    SchoolFacts,
)
from tests.worker.contents import NASTY_NAMES, SCALE, SCHOOL, SIGNS, overview, two_target_groups


def overviews_of_every_kind() -> dict[str, OverviewContent]:
    """Return twenty overviews by a name for their kind."""
    long_name = "Wolfeschlegelsteinhausenbergerdorff " * 3
    q_and_r = AdministrationFacts(
        "=25", "Q&R <b> _x0041_", "'25", date(2024, 12, 30), date(2025, 1, 2)
    )
    return {
        "plain": overview(),
        "two target groups": two_target_groups(),
        "two streams": _two_streams(),
        "nasty names": overview([(name, name) for name in NASTY_NAMES]),
        "formulas": overview([(f"{sign}1+1", f"{sign}A1") for sign in "=+-@'"]),
        "writing direction": overview([("\u202eJacobs\u202c", "\u2066=1+1\u2069")]),
        "other scripts": overview([("王小明", "李"), ("محمد", "علي"), ("देवी", "आशा")]),
        "blanks": overview([("", "Noor"), (" Maes", "Jan "), ("De  Smet", "")]),
        "long name": overview([(long_name, long_name)]),
        "numbers as text": overview([("007", "1e5"), ("1.0", "TRUE")]),
        "no stamnummer": _with_rows(stamnummer=None),
        "sites": _with_rows(site_name="Vestiging Noord & Zuid", document_number="7QX2M4KD9A"),
        "no students": _with_group(rows=()),
        "no components": _without_components(),
        "every outcome": _every_outcome(),
        "one level": _with_scale((Level("Z", "Enig niveau", 1),)),
        "long labels": _with_scale((Level("L", "Nog niet " * 11, 1), Level("H", "=Wel", 2))),
        "descriptions": _with_columns(
            descriptions=(SIGNS, "Eén regel.\nNog een <b>&.", "", "=1", None)
        ),
        "marked-up facts": overview(
            administration=q_and_r, school=SchoolFacts("000035", "'t Kasteel & <Zoon>", "Gent &R")
        ),
        "many students": overview(
            [(f"Maes {number}", "Noor") for number in range(300)],
            school=replace(SCHOOL, name="X" * 200),
        ),
    }


def _with_group(**changes: object) -> OverviewContent:
    group = overview().target_groups[0]
    return overview(target_groups=(replace(group, **changes),))  # type: ignore[arg-type]  # fields


def _with_rows(**changes: str | None) -> OverviewContent:
    rows = overview().target_groups[0].rows
    return _with_group(rows=tuple(replace(row, **changes) for row in rows))  # type: ignore[arg-type]  # fields


def _with_columns(descriptions: tuple[str | None, ...]) -> OverviewContent:
    columns = overview().target_groups[0].columns
    return _with_group(columns=tuple(replace(c, descriptions=descriptions) for c in columns))


def _with_scale(scale: tuple[Level, ...]) -> OverviewContent:
    column = OverviewColumn("C", "Lezen", "frans", scale)
    rows = tuple(
        OverviewRow("4A", "Maes", level.label, None, (OverviewCell(REPORTED, level),))
        for level in scale
    )
    return _with_group(columns=(column,), rows=rows)


def _two_streams() -> OverviewContent:
    groups = two_target_groups().target_groups
    name = "2de leerjaar secundair onderwijs {}-stroom"
    return overview(
        target_groups=tuple(
            replace(group, code=stream, name=name.format(stream))
            for group, stream in zip((groups[1], groups[1]), "AB", strict=True)
        )
    )


def _without_components() -> OverviewContent:
    rows = tuple(replace(row, cells=()) for row in overview().target_groups[0].rows)
    return _with_group(columns=(), rows=rows)


def _every_outcome() -> OverviewContent:
    row = overview().target_groups[0].rows[0]
    outcomes = [OverviewCell(status, None) for status in STATUSES if status != REPORTED]
    outcomes += [OverviewCell(REPORTED, level) for level in SCALE]
    rows = tuple(replace(row, cells=(outcome, outcome)) for outcome in outcomes)
    return _with_group(rows=rows)
