"""The sheets of the overview: its content, text as text, and nothing else."""

from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.overview import OVERVIEW_TEMPLATE_VERSION, render_overview
from services.worker.xlsx.text import escape_text
from shared.documents.content import (
    NOT_ASSIGNED,
    OverviewCell,
    OverviewContent,
    OverviewTargetGroup,
)
from shared.documents.texts import DUTCH
from tests.worker.contents import NASTY_NAMES, SCHOOL, overview, two_target_groups

STUDENTS, SECOND = "4de leerjaar lager onderwijs", "2de leerjaar B-stroom"
COUNTS, LEVELS, GUIDE = "Aantallen", "Niveaus", "Leeswijzer"
NOT_YET = DUTCH.overview.not_attained


def _workbook(content: OverviewContent) -> Workbook:
    return load_workbook(BytesIO(render_overview(content)))


def _rows(workbook: Workbook, name: str) -> list[tuple[object, ...]]:
    return list(workbook[name].iter_rows(values_only=True))


def _legend(sheet: Worksheet) -> str | None:
    assert sheet.oddFooter is not None
    return sheet.oddFooter.center.text


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
            *("Klas", "Vak", "Onderdeel"),
            *("Niveau E", "Niveau D", "Niveau C", "Niveau B", "Niveau A", "Zonder niveau"),
        ),
        ("4A", "Nederlands", "Begrijpend lezen", 0, 0, 2, 0, 1, 0),
        ("4A", "Wiskunde", "Wiskundige problemen oplossen", 0, 0, 0, 0, 0, 1),
    ]


def test_each_scale_of_a_target_group_has_its_own_counts() -> None:
    workbook = _workbook(two_target_groups())
    counts = [name for name in workbook.sheetnames if name.startswith(COUNTS)]
    assert counts == [
        "Aantallen 4de lager onderwijs",
        "Aantallen 2de leerjaar B-stroom",
        "Aantallen 2de leerjaar B-st (2)",
    ]
    assert _rows(workbook, counts[1]) == [
        ("Klas", "Vak", "Onderdeel", "Nog niet", "Bereikt", "Zonder niveau"),
        ("2A", "Nederlands", "Lezen", 0, 1, 1),
        ("2B", "Nederlands", "Lezen", 1, 0, 0),
    ]
    assert _rows(workbook, counts[2])[0][3:] == ("Start", "Top", "Zonder niveau")


def test_level_descriptions_and_markers_are_on_a_sheet() -> None:
    assert _rows(_workbook(two_target_groups()), LEVELS)[11:] == [
        (SECOND, "Nederlands", "Lezen", "Nog niet", NOT_YET, NOT_YET, "Leest zinnen."),
        (SECOND, "Nederlands", "Lezen", "Bereikt", "bereikt", NOT_YET, None),
        (SECOND, "Wiskunde", "Getallen", "Start", None, None, None),
        (SECOND, "Wiskunde", "Getallen", "Top", "bereikt", "bereikt", None),
    ]


def test_levels_without_markers_show_none() -> None:
    workbook = _workbook(overview())
    assert _rows(workbook, LEVELS)[0][4:] == (DUTCH.overview.description,)
    shown = [cell.number_format for sheet in workbook.worksheets for row in sheet for cell in row]
    assert set(shown) == {"General"}
    assert DUTCH.overview.markers_legend.text not in str(_rows(workbook, GUIDE))
    assert not [sheet for sheet in workbook.worksheets if _legend(sheet)]


def test_a_level_that_attains_something_shows_a_sign_that_is_not_part_of_its_label() -> None:
    workbook = _workbook(two_target_groups())
    sheet = workbook[SECOND]
    assert [(sheet[at].value, sheet[at].number_format) for at in ("F2", "G3", "F4", "F3")] == [
        ("Bereikt", '@" ○"'),
        ("Top", '@" ●"'),
        ("Nog niet", "General"),
        ("Afwezig", "General"),
    ]
    assert _legend(sheet) == "● eindtermen bereikt · ○ basisgeletterdheid bereikt"
    assert DUTCH.overview.markers_legend.text in str(_rows(workbook, GUIDE))
    header = workbook["Aantallen 2de leerjaar B-stroom"]["E1"]
    assert (header.value, header.number_format) == ("Bereikt", '@" ○"')


def test_the_number_of_the_fiche_and_the_site_have_columns_where_one_is_known() -> None:
    workbook = _workbook(two_target_groups())
    assert _rows(workbook, SECOND)[0][3:5] == ("Nummer fiche", "Vestiging")
    assert [row[3:5] for row in _rows(workbook, SECOND)[1:]] == [
        ("7QX2M4KD9A", "Noord"),
        ("7QX2M4KD9A", None),
        ("7QX2M4KD9A", "Zuid"),
    ]
    assert "Vestiging" not in _rows(workbook, STUDENTS)[0]


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


@pytest.mark.parametrize("name", [*NASTY_NAMES, "\tTab", "'t Kindt", "王小明", " spaced "])
def test_any_name_stays_text_as_it_was(name: str) -> None:
    drawn = render_overview(overview([(name, name)]))
    cell = load_workbook(BytesIO(drawn))[STUDENTS]["B2"]
    assert cell.data_type == "s"
    assert cell.value == name
    assert b"<f>" not in ZipFile(BytesIO(drawn)).read("xl/worksheets/sheet1.xml")


def test_characters_outside_xml_are_escaped_as_in_excel() -> None:
    assert escape_text("a\x00b\x07\uffff") == "a_x0000_b_x0007__xFFFF_"
    assert escape_text("_x0041_") == "_x005F_x0041_"
    assert escape_text("snake_case _x41_\t\n") == "snake_case _x41_\t\n"
    content = overview(
        [("a\x00b", "c\x1fd\r\ufffe")], school=replace(SCHOOL, name="Ter\x0b Linde\x01 & Co")
    )
    with ZipFile(BytesIO(render_overview(content))) as package:
        for name in package.namelist():
            ET.fromstring(package.read(name))  # noqa: S314  # our own file


def test_properties_have_the_school_and_no_student() -> None:
    drawn = render_overview(overview([("Geheimzinnig", "Wonderlijk")]))
    with ZipFile(BytesIO(drawn)) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    holding = {name for name, text in parts.items() if "Geheimzinnig" in text}
    assert holding == {"xl/sharedStrings.xml"}
    properties = load_workbook(BytesIO(drawn)).properties
    assert properties.language == "nl-BE"
    assert properties.subject == "De Kameleon (000028)"
    assert properties.title == "Overzicht voor de klassenraad Vlaamse toetsen 2024"
    assert not [name for name in parts if "macro" in name.lower() or "external" in name.lower()]


def test_a_stamnummer_is_not_flagged_as_a_number() -> None:
    with ZipFile(BytesIO(render_overview(overview()))) as package:
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


def test_a_component_without_a_visible_name_has_a_header() -> None:
    group = _group(overview())
    columns = tuple(replace(column, name="\u200e\x01") for column in group.columns)
    workbook = _workbook(overview(target_groups=(replace(group, columns=columns),)))
    assert _rows(workbook, STUDENTS)[0][4:] == ("(Nederlands)", "(Wiskunde)")
    single = replace(group, columns=columns[:1], rows=())
    assert _rows(_workbook(overview(target_groups=(single,))), STUDENTS)[0][3:] == ("-",)
