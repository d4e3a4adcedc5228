"""The sheets of the overview: its content, text as text, and nothing else."""

import re
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook

from services.worker.documents.overview_model import OVERVIEW_TEMPLATE_VERSION
from services.worker.documents.overview_styles import level_style
from services.worker.xlsx.text import escape_text, sheet_names
from shared.documents.content import (
    NOT_ASSIGNED,
    REPORTED,
    Level,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
)
from shared.documents.texts import DUTCH
from tests.worker.contents import NASTY_NAMES, SCALE, SCHOOL, overview
from tests.worker.reference_renderer.overview import draw_overview

STUDENTS, COUNTS, GUIDE = "4de leerjaar lager onderwijs", "Aantallen", "Leeswijzer"


def _workbook(content: OverviewContent) -> Workbook:
    return load_workbook(BytesIO(draw_overview(content)))


def _rows(workbook: Workbook, name: str) -> list[tuple[object, ...]]:
    return list(workbook[name].iter_rows(values_only=True))


def _group(content: OverviewContent) -> OverviewTargetGroup:
    return content.target_groups[0]


def test_a_row_per_student_in_the_given_order_with_levels_and_statuses_in_words() -> None:
    assert _rows(_workbook(overview()), STUDENTS) == [
        (
            "Klas",
            "Familienaam",
            "Voornaam",
            "Stamnummer",
            "Begrijpend lezen",
            "Wiskundige problemen oplossen",
        ),
        ("4A", "Jacobs", "Žofie", "2300001", "Niveau A", "Afwezig"),
        ("4A", "Maes", "Noor", "2300002", "Niveau C", "Niet voorzien"),
    ]


def test_a_stamnummer_column_exists_only_if_one_is_known() -> None:
    content = overview()
    group = _group(content)
    rows = tuple(replace(row, stamnummer=None) for row in group.rows)
    without = replace(content, target_groups=(replace(group, rows=rows),))
    assert _rows(_workbook(without), STUDENTS)[0][:4] == (
        "Klas",
        "Familienaam",
        "Voornaam",
        "Begrijpend lezen",
    )


def test_counts_per_class_group_component_and_level() -> None:
    content = overview([("A", "A"), ("B", "B"), ("C", "C")])
    assert _rows(_workbook(content), COUNTS) == [
        (
            *("Klas", "Leerjaar", "Vak", "Onderdeel"),
            *("Niveau E", "Niveau D", "Niveau C", "Niveau B", "Niveau A", "Zonder niveau"),
        ),
        ("4A", STUDENTS, "Nederlands", "Begrijpend lezen", 0, 0, 2, 0, 1, 0),
        ("4A", STUDENTS, "Wiskunde", "Wiskundige problemen oplossen", 0, 0, 0, 0, 0, 1),
    ]


def test_scales_of_several_target_groups_are_side_by_side_in_the_counts() -> None:
    other_scale = (Level("L", "Nog niet", 1), Level("H", "Bereikt", 2))
    column = OverviewColumn("SO2B-LEZ", "Begrijpend lezen", "nederlands", other_scale)
    row = OverviewRow("2B", "Maes", "Noor", None, (OverviewCell(REPORTED, other_scale[1]),))
    second = OverviewTargetGroup("SO2B", "2de leerjaar B-stroom", (column,), (row,))
    content = overview()
    workbook = _workbook(replace(content, target_groups=(_group(content), second)))
    assert workbook.sheetnames == [STUDENTS, "2de leerjaar B-stroom", COUNTS, GUIDE]
    counted = [
        dict(zip(_rows(workbook, COUNTS)[0], row, strict=True)) for row in _rows(workbook, COUNTS)
    ]
    assert counted[-1]["Bereikt"] == 1
    assert counted[-1]["Nog niet"] == 0
    assert counted[-1]["Niveau C"] is None
    assert counted[1]["Bereikt"] is None


def test_never_assigned_and_not_assigned_are_shown_and_not_counted() -> None:
    content = overview()
    group = _group(content)
    cells = (None, OverviewCell(NOT_ASSIGNED, None))
    rows = (replace(group.rows[0], cells=cells),)
    workbook = _workbook(replace(content, target_groups=(replace(group, rows=rows),)))
    assert _rows(workbook, STUDENTS)[1][4:] == ("Niet voorzien", "Niet voorzien")
    assert [row[-1] for row in _rows(workbook, COUNTS)[1:]] == [0, 0]


def test_the_guide_has_the_conditions_of_use_in_the_class_council() -> None:
    said = " ".join(str(value) for row in _rows(_workbook(overview()), GUIDE) for value in row)
    for advice in (*DUTCH.overview.conditions, *DUTCH.overview.reading):
        assert advice.text in said
    for word in ("schoolreglement", "nooit", "derden", "000028", OVERVIEW_TEMPLATE_VERSION):
        assert word in said


def test_sheets_are_tables_with_a_frozen_header_and_a_page_setup() -> None:
    workbook = _workbook(overview())
    names = set()
    for name, frozen in ((STUDENTS, "D2"), (COUNTS, "E2")):
        sheet = workbook[name]
        (table,) = sheet.tables.values()
        names.add(table.displayName)
        assert table.ref == sheet.dimensions
        assert table.autoFilter is not None
        assert sheet.freeze_panes == frozen
        assert sheet.print_title_rows == "$1:$1"
    assert len(names) == 2
    for printed in workbook.worksheets:
        page = printed.page_setup
        is_guide = printed.title == GUIDE
        assert page.orientation == ("portrait" if is_guide else "landscape")
        assert (page.paperSize, page.fitToWidth, page.fitToHeight) == (9, 1, int(is_guide))
        assert printed.oddFooter is not None
        assert printed.oddFooter.right.text == "Bladzijde &P van &N"


@pytest.mark.parametrize("name", [*NASTY_NAMES, "\tTab", "'t Kindt", "王小明", " spaced "])
def test_any_name_stays_text_as_it_was(name: str) -> None:
    drawn = draw_overview(overview([(name, name)]))
    cell = load_workbook(BytesIO(drawn))[STUDENTS]["B2"]
    assert cell.data_type == "s"
    assert cell.value == escape_text(name)
    assert name == "_x0041_" or escape_text(name) == name
    assert b"<f>" not in ZipFile(BytesIO(drawn)).read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_text_that_starts_like_a_formula_stays_text_when_edited(name: str) -> None:
    sheet = _workbook(overview([(name, "Noor")]))[STUDENTS]
    assert sheet["B2"].quotePrefix
    assert not sheet["C2"].quotePrefix


def test_characters_outside_xml_are_escaped_as_in_excel() -> None:
    assert escape_text("a\x00b\x07\uffff") == "a_x0000_b_x0007__xFFFF_"
    assert escape_text("_x0041_") == "_x005F_x0041_"
    assert escape_text("snake_case _x41_\t\n") == "snake_case _x41_\t\n"
    content = overview(
        [("a\x00b", "c\x1fd\r\ufffe")], school=replace(SCHOOL, name="Ter\x0b Linde\x01 & Co")
    )
    with ZipFile(BytesIO(draw_overview(content))) as package:
        for name in package.namelist():
            ET.fromstring(package.read(name))  # noqa: S314  # our own file


def test_properties_have_the_school_and_no_student() -> None:
    drawn = draw_overview(overview([("Geheimzinnig", "Wonderlijk")]))
    with ZipFile(BytesIO(drawn)) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    holding = {name for name, text in parts.items() if "Geheimzinnig" in text}
    assert holding == {"xl/worksheets/sheet1.xml"}
    properties = load_workbook(BytesIO(drawn)).properties
    assert properties.language == "nl-BE"
    assert properties.subject == "De Kameleon (000028)"
    assert properties.title == "Overzicht voor de klassenraad Vlaamse toetsen 2024"
    assert not [name for name in parts if "macro" in name.lower() or "external" in name.lower()]


def test_the_package_contains_no_time_of_day() -> None:
    content = overview()
    drawn = draw_overview(content)
    assert drawn == draw_overview(overview())
    with ZipFile(BytesIO(drawn)) as package:
        assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        properties = package.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", properties)) == {"2024-05-16T00:00:00Z"}


def test_a_stamnummer_is_not_flagged_as_a_number() -> None:
    with ZipFile(BytesIO(draw_overview(overview()))) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert 0 < sheet.index("<ignoredErrors>") < sheet.index("<tableParts")


def test_columns_with_the_same_name_are_distinguished_by_subject() -> None:
    content = overview()
    group = _group(content)
    columns = tuple(replace(column, name="Lezen") for column in group.columns)
    workbook = _workbook(replace(content, target_groups=(replace(group, columns=columns),)))
    assert _rows(workbook, STUDENTS)[0][4:] == ("Lezen (Nederlands)", "Lezen (Wiskunde)")


def test_a_target_group_without_students_has_a_valid_sheet() -> None:
    content = overview()
    empty = replace(_group(content), rows=())
    workbook = _workbook(replace(content, target_groups=(empty,)))
    assert [row[0] for row in _rows(workbook, STUDENTS)] == ["Klas"]


def test_sheet_names_are_accepted_by_excel() -> None:
    long = "2de leerjaar van de tweede graad met een heel lange naam"
    names = sheet_names([long, long.upper(), "A/B [x]:*?\\", "'''", "A B x"])
    assert names == (
        "2de leerjaar van de tweede graa",
        "2DE LEERJAAR VAN DE TWEEDE (2)",
        "A B x",
        "-",
        "A B x (2)",
    )
    assert all(len(name) <= 31 for name in names)


def test_a_higher_level_has_a_deeper_tint_with_readable_text() -> None:
    tints = [level_style(step, len(SCALE)).fill.fgColor.rgb for step in range(len(SCALE))]
    brightness = [sum(bytes.fromhex(str(tint)[2:])) for tint in tints]
    assert brightness == sorted(brightness, reverse=True)
    assert len(set(tints)) == len(SCALE)
    assert min(brightness) > 3 * 160


def test_a_changed_drawing_needs_a_new_template_version() -> None:
    """Update both together: only the version marks existing overviews as stale."""
    with ZipFile(BytesIO(draw_overview(overview()))) as package:
        parts = [(name, sha256(package.read(name)).hexdigest()) for name in package.namelist()]
    drawn = sha256(repr(parts).encode()).hexdigest()[:16]
    assert (OVERVIEW_TEMPLATE_VERSION, drawn) == ("overview-2.nl-2", "66658906c3a5c242")
