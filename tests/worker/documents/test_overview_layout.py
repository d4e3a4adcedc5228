"""The layout of the overview's sheets on screen and on paper."""

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook

from services.worker.documents.overview import OVERVIEW_TEMPLATE_VERSION, render_overview
from services.worker.documents.overview_styles import level_style
from services.worker.xlsx.text import sheet_names
from shared.documents.content import (
    OverviewContent,
    OverviewTargetGroup,
)
from shared.documents.texts import DUTCH
from tests.worker.contents import SCALE, overview, two_target_groups

STUDENTS, SECOND = "4de leerjaar lager onderwijs", "2de leerjaar B-stroom"
COUNTS, LEVELS, GUIDE = "Aantallen", "Niveaus", "Leeswijzer"
NOT_YET = DUTCH.overview.not_attained


def _workbook(content: OverviewContent) -> Workbook:
    return load_workbook(BytesIO(render_overview(content)))


def _rows(workbook: Workbook, name: str) -> list[tuple[object, ...]]:
    return list(workbook[name].iter_rows(values_only=True))


def _group(content: OverviewContent) -> OverviewTargetGroup:
    return content.target_groups[0]


def test_each_class_group_starts_on_a_new_page_which_no_fitting_prevents() -> None:
    workbook = _workbook(two_target_groups())
    breaks = {
        sheet.title: [one.id for one in sheet.row_breaks.brk] for sheet in workbook.worksheets
    }
    assert breaks[SECOND] == [3]
    assert breaks["Aantallen 2de leerjaar B-stroom"] == [2]
    assert breaks[LEVELS] == [11]
    for sheet in workbook.worksheets:
        properties = sheet.sheet_properties.pageSetUpPr
        assert properties is not None
        assert bool(properties.fitToPage) == (sheet.title == GUIDE)


def test_a_long_name_has_a_row_of_several_lines_and_a_header_room_for_its_button() -> None:
    names = [("Wolfeschlegelsteinhausenbergerdorff " * 3, "An"), ("MAES WILLEMS", "Bo")]
    sheet = _workbook(overview(names))[STUDENTS]
    assert sheet["B2"].alignment.wrap_text
    assert sheet.row_dimensions[2].height >= 3 * 15
    assert sheet.row_dimensions[3].height is None
    assert sheet.column_dimensions["B"].width == 36
    assert sheet["A1"].alignment.vertical == "top"
    lines = 3  # of "Wiskundige problemen oplossen"
    assert sheet.row_dimensions[1].height >= (lines + 1) * 15


def test_columns_are_scaled_to_the_width_of_the_page() -> None:
    group = _group(overview())
    column, row = group.columns[0], group.rows[0]
    columns = tuple(replace(column, component=f"C{at}", name=f"Onderdeel {at}") for at in range(20))
    wide = replace(group, columns=columns, rows=(replace(row, cells=(row.cells[0],) * 20),))
    for content in (overview(), overview(target_groups=(wide,))):
        sheet = _workbook(content)[STUDENTS]
        characters = [column.width for column in sheet.column_dimensions.values()]
        scale = sheet.page_setup.scale
        assert scale is not None
        points = sum(characters) * 5.577 * scale / 100  # a digit of Calibri 11 is 0.507 em
        assert points <= 770  # 297 mm less two margins of half an inch
        assert scale == 100 or points > 700


def test_sheets_are_tables_with_a_frozen_header_and_a_page_setup() -> None:
    workbook = _workbook(overview())
    names = set()
    for name, frozen in ((STUDENTS, "D2"), (COUNTS, "D2"), (LEVELS, "E2")):
        sheet = workbook[name]
        (table,) = sheet.tables.values()
        names.add(table.displayName)
        assert table.ref == sheet.dimensions
        assert table.autoFilter is not None
        assert sheet.freeze_panes == frozen
        assert sheet.print_title_rows == "$1:$1"
    assert len(names) == 3
    for printed in workbook.worksheets:
        page = printed.page_setup
        is_guide = printed.title == GUIDE
        assert page.orientation == ("portrait" if is_guide else "landscape")
        assert page.paperSize == 9
        assert (page.fitToWidth, page.fitToHeight) == ((1, 1) if is_guide else (None, None))
        assert printed.oddFooter is not None
        assert printed.oddFooter.right.text == "Bladzijde &P van &N"


def test_sheet_names_are_accepted_by_excel() -> None:
    long = "2de leerjaar van de tweede graad met een heel lange naam"
    names = sheet_names([long, long.upper(), "A/B [x]:*?\\", "'''", "A B x"])
    assert names == (
        "2de leerjaar van de tweede naam",
        "2DE LEERJAAR VAN DE TWEEDE (2)",
        "A B x",
        "-",
        "A B x (2)",
    )
    assert all(len(name) <= 31 for name in names)


@pytest.mark.parametrize(
    "name",
    ["2de leerjaar secundair onderwijs {}", "Tweede leerjaar {} van het secundair onderwijs"],
)
def test_sheet_names_keep_the_word_that_distinguishes_two_streams(name: str) -> None:
    streams = [name.format(stream) for stream in ("A-stroom", "B-stroom")]
    names = sheet_names([*streams, *(f"Aantallen {stream}" for stream in streams)])
    for short, stream in zip(names, ("A-stroom", "B-stroom") * 2, strict=True):
        assert stream in short
        assert len(short) <= 31


def test_a_higher_level_has_a_deeper_tint_with_readable_text() -> None:
    tints = [level_style(step, len(SCALE), "").fill.fgColor.rgb for step in range(len(SCALE))]
    brightness = [sum(bytes.fromhex(str(tint)[2:])) for tint in tints]
    assert brightness == sorted(brightness, reverse=True)
    assert len(set(tints)) == len(SCALE)
    assert min(brightness) > 3 * 160


def test_a_changed_drawing_needs_a_new_template_version() -> None:
    """Update both together: only the version marks existing overviews as stale."""
    with ZipFile(BytesIO(render_overview(overview()))) as package:
        parts = [(name, sha256(package.read(name)).hexdigest()) for name in package.namelist()]
    drawn = sha256(repr(parts).encode()).hexdigest()[:16]
    assert (OVERVIEW_TEMPLATE_VERSION, drawn) == ("overview-3.nl-3", "d5db4f4529eab50a")
