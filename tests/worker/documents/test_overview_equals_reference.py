"""A rendered overview, once loaded, equals the workbook that openpyxl writes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.overview import render_overview
from shared.documents.content import (
    NOT_ASSIGNED,
    REPORTED,
    STATUSES,
    AdministrationFacts,
    Level,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
    SchoolFacts,
)
from shared.documents.texts import DUTCH, StatusTexts, Texts
from tests.worker.contents import NASTY_NAMES, SCALE, SCHOOL, overview
from tests.worker.reference_renderer.overview import draw_overview

Facts = Iterator[tuple[str, object]]


def _unescaped(value: object) -> object:
    """Undo the escape of an escape, as openpyxl does in shared strings but not in inline ones."""
    return value.replace("x005F_", "") if isinstance(value, str) else value


def _cells(sheet: Worksheet) -> Facts:
    for row in sheet.iter_rows():
        for cell in row:
            at = f"{sheet.title} {cell.coordinate}"
            yield f"{at} value", _unescaped(cell.value)
            yield f"{at} type", cell.data_type if cell.value is not None else None
            style = (cell.font, cell.fill, cell.border, cell.alignment, cell.protection)
            yield f"{at} style", tuple(map(repr, style))
            yield f"{at} format", (cell.number_format, cell.quotePrefix, cell.pivotButton)


def _set_up(sheet: Worksheet) -> Facts:
    for letter, column in sheet.column_dimensions.items():
        yield f"{sheet.title} column {letter}", (column.width, column.min, column.max)
    for number, row in sheet.row_dimensions.items():
        yield f"{sheet.title} row {number}", row.height
    yield f"{sheet.title} dimensions", sheet.dimensions
    yield f"{sheet.title} frozen", sheet.freeze_panes
    yield f"{sheet.title} titles", sheet.print_title_rows
    yield f"{sheet.title} breaks", [one.id for one in sheet.row_breaks.brk]
    for name in ("sheet_view", "sheet_format", "page_setup", "page_margins", "sheet_properties"):
        yield f"{sheet.title} {name}", repr(getattr(sheet, name))
    for band in (sheet.oddHeader, sheet.oddFooter):
        assert band is not None
        yield f"{sheet.title} band", (band.left.text, band.center.text, band.right.text)
    for name, table in sheet.tables.items():  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        yield f"{sheet.title} table {name}", repr(table)


def _everything(workbook: Workbook) -> dict[str, object]:
    workbook.properties.modified = None  # openpyxl writes the time of saving
    facts: dict[str, object] = {
        "sheets": workbook.sheetnames,
        "states": [sheet.sheet_state for sheet in workbook.worksheets],
        "properties": repr(workbook.properties),
        "calculation": repr(workbook.calculation),
        "defined names": list(workbook.defined_names),
    }
    for sheet in workbook.worksheets:
        for name, fact in (*_cells(sheet), *_set_up(sheet)):
            assert name not in facts or name.endswith("band")
            facts.setdefault(name, fact)
            assert facts[name] == fact or name.endswith("band")
    return facts


def _assert_equal(content: OverviewContent, texts: Texts = DUTCH) -> None:
    rendered = _everything(load_workbook(BytesIO(render_overview(content, texts))))
    reference = _everything(load_workbook(BytesIO(draw_overview(content, texts))))
    assert list(rendered) == list(reference)
    assert {name: fact for name, fact in rendered.items() if reference[name] != fact} == {}


def _two_groups() -> OverviewContent:
    """Another scale, markers, a site, and components and groups of the same name."""
    first = overview().target_groups[0]
    scale = (
        Level("L", "-Nog niet", 1, attains_basic_literacy=True),
        Level("H", "Niveau C", 2, attains_basic_literacy=True, attains_final_objectives=True),
    )
    columns = tuple(
        OverviewColumn(f"SO-{subject}", "Lezen & <meer>", subject, scale, ("=1+1\nof <2>", None))
        for subject in ("nederlands", "wiskunde", "=nieuw")
    )
    cells = (OverviewCell(REPORTED, scale[0]), None, OverviewCell("exempt", None))
    rows = (
        OverviewRow("2B", "Maes", "Noor", None, cells),
        OverviewRow("2A", "Claes", "", None, cells[::-1]),
        OverviewRow("2C", "", "Wout", None, (cells[0], cells[0], cells[0]), "-7QX", "=Site"),
    )
    second = OverviewTargetGroup("SO2B", first.name, columns, rows)
    return overview(target_groups=(first, second))


def _without_rows() -> OverviewContent:
    group = overview().target_groups[0]
    return overview(target_groups=(replace(group, rows=()),))


def _without_columns() -> OverviewContent:
    group = overview().target_groups[0]
    rows = tuple(replace(row, cells=()) for row in group.rows)
    return overview(target_groups=(replace(group, columns=(), rows=rows),))


def _every_outcome() -> OverviewContent:
    group = overview().target_groups[0]
    outcomes = [OverviewCell(status, None) for status in STATUSES if status != REPORTED]
    outcomes += [OverviewCell(REPORTED, level) for level in SCALE]
    rows = tuple(
        replace(group.rows[0], class_group=f"4{'AB'[number % 2]}", cells=(outcome, outcome))
        for number, outcome in enumerate(outcomes)
    )
    return overview(target_groups=(replace(group, rows=rows),))


@pytest.mark.parametrize(
    "content",
    [
        overview(),
        overview([(name, name) for name in (*NASTY_NAMES, "\tTab", "'t Kindt", " ", "a\nb\r")]),
        _two_groups(),
        _without_rows(),
        _without_columns(),
        _every_outcome(),
        overview(school=SchoolFacts("000035", "'t Kasteel & <Zoon>", "")),
        overview(school=replace(SCHOOL, name="Ter\x0b Linde\x01 &" * 9)),
        overview(school=replace(SCHOOL, id="=0001", municipality="Gent &R")),
        overview(
            administration=AdministrationFacts(
                "=25", "Q&R_x0041_ &amp;R\n<b>", "'25", date(2024, 12, 30), date(2025, 1, 2)
            )
        ),
    ],
    ids=[
        *("plain", "nasty names", "two groups", "no rows", "no columns", "every outcome"),
        *("quoted school", "long school", "formula in facts", "marked-up administration"),
    ],
)
def test_a_rendered_overview_equals_the_reference(content: OverviewContent) -> None:
    _assert_equal(content)


def test_two_statuses_with_the_same_name_are_counted_separately() -> None:
    unassigned = DUTCH.statuses[NOT_ASSIGNED]
    statuses = {**DUTCH.statuses, "absent": StatusTexts(unassigned.name, "Was er niet.")}
    _assert_equal(_every_outcome(), replace(DUTCH, statuses=statuses))


def test_other_texts_give_another_workbook() -> None:
    words = replace(DUTCH.overview, class_group="=Klas", guide_sheet="Guide", confidential="A&B")
    _assert_equal(_two_groups(), replace(DUTCH, overview=words, language="en", version="en-7"))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAME = _TEXT.filter(str.strip)


@st.composite
def _contents(draw: st.DrawFn) -> OverviewContent:
    labels = draw(st.lists(_NAME, min_size=1, max_size=7, unique=True))
    markers = st.none() | st.booleans()
    scale = tuple(
        Level(str(at), label, at, draw(markers), draw(markers))
        for at, label in enumerate(labels, start=1)
    )
    subjects = st.sampled_from(("nederlands", "wiskunde", "frans"))
    descriptions = st.tuples(*[st.none() | _TEXT] * len(scale)) | st.just(())
    columns = tuple(
        OverviewColumn(f"C{number}", draw(_NAME), draw(subjects), scale, draw(descriptions))
        for number in range(draw(st.integers(1, 3)))
    )
    outcome = st.one_of(
        st.none(),
        st.sampled_from(scale).map(lambda level: OverviewCell(REPORTED, level)),
        st.sampled_from(STATUSES[1:]).map(lambda status: OverviewCell(status, None)),
    )
    row = st.builds(
        OverviewRow,
        _NAME,
        _TEXT,
        _TEXT,
        st.one_of(st.none(), _TEXT),
        st.tuples(*[outcome] * len(columns)),
        st.none() | _TEXT,
        st.none() | _TEXT,
    )
    rows = tuple(draw(st.lists(row, max_size=4)))
    group = OverviewTargetGroup("G", draw(_NAME), columns, rows)
    return overview(target_groups=(group,), school=SchoolFacts("000028", draw(_NAME), draw(_TEXT)))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=_contents())
def test_any_content_equals_the_reference(content: OverviewContent) -> None:
    _assert_equal(content)
