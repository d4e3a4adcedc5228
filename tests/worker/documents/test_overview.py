"""A rendered overview has the same bytes everywhere, nothing of other schools, and text as text."""

import re
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from itertools import permutations
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from services.worker.documents.overview import render_overview
from shared.documents.content import OverviewContent
from tests.worker.contents import ADMINISTRATION, NASTY_NAMES, SCALE, SCHOOL, overview

STUDENTS = "4de leerjaar lager onderwijs"
NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _parts(rendered: bytes) -> dict[str, str]:
    with ZipFile(BytesIO(rendered)) as package:
        assert package.testzip() is None
        return {name: package.read(name).decode() for name in package.namelist()}


def _schools() -> list[OverviewContent]:
    group = overview().target_groups[0]
    without = replace(group, rows=tuple(replace(row, stamnummer=None) for row in group.rows))
    return [
        overview([("Aerts", "An")], school=replace(SCHOOL, id="000011", name="De Appel")),
        overview([("Bal", "Bo"), ("Bos", "Ben")], school=replace(SCHOOL, id="000022", name="Berk")),
        overview(target_groups=(without,)),
        overview([("Cox", "Ci")], administration=replace(ADMINISTRATION, name="Toetsen 2025")),
    ]


def test_the_same_content_gives_the_same_bytes_in_any_order() -> None:
    schools = _schools()
    alone = [render_overview(school) for school in schools]
    assert len(set(alone)) == len(schools)
    for order in list(permutations(range(len(schools))))[::5]:
        for number in (*order, *order):
            assert render_overview(schools[number]) == alone[number]


def test_the_bytes_do_not_depend_on_the_xml_library_openpyxl_finds() -> None:
    program = (
        "from hashlib import sha256\n"
        "import openpyxl\n"
        "from services.worker.documents.overview import render_overview\n"
        "from tests.worker.contents import NASTY_NAMES, overview\n"
        "content = overview([(name, name) for name in NASTY_NAMES])\n"
        "print(openpyxl.LXML, sha256(render_overview(content)).hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"OPENPYXL_LXML": wanted, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for wanted in ("True", "False")
    }
    expected = sha256(render_overview(overview([(name, name) for name in NASTY_NAMES]))).hexdigest()
    assert {line.split()[1] for line in printed} == {expected}
    assert "False" in {line.split()[0] for line in printed}


def test_the_bytes_do_not_depend_on_prefixes_that_another_library_registered() -> None:
    # In a process of its own: a registration cannot be undone.
    program = (
        "import sys\n"
        "from hashlib import sha256\n"
        "from xml.etree.ElementTree import register_namespace\n"
        "from services.worker.documents.overview import render_overview\n"
        "from tests.worker.contents import overview\n"
        "for prefix, namespace in zip(sys.argv[1::2], sys.argv[2::2], strict=True):\n"
        "    register_namespace(prefix, namespace)\n"
        "print(sha256(render_overview(overview())).hexdigest())\n"
    )
    clashing = (
        *("", "http://www.w3.org/1999/xhtml"),
        *("r", "http://example.org/r"),
        *("main", NAMESPACE.strip("{}")),
        *("cp", "http://purl.org/dc/terms/"),
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, *clashing],
        env={"OPENPYXL_LXML": "False", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == sha256(render_overview(overview())).hexdigest()


def test_no_text_of_one_school_is_in_the_next() -> None:
    first, second, *_ = _schools()
    render_overview(first)
    text = "".join(_parts(render_overview(second)).values())
    assert "Berk" in text
    for word in ("Aerts", "De Appel", "000011", "\ue000", "\ue001", "\ue002"):
        assert word not in text


def test_names_of_students_are_in_the_shared_strings_only() -> None:
    parts = _parts(render_overview(overview([("Geheimzinnig", "Wonderlijk")])))
    assert [name for name, text in parts.items() if "Geheimzinnig" in text] == [
        "xl/sharedStrings.xml"
    ]
    assert not [name for name in parts if "macro" in name.lower() or "external" in name.lower()]


def test_the_package_contains_no_time_of_day() -> None:
    rendered = render_overview(overview())
    with ZipFile(BytesIO(rendered)) as package:
        assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    instants = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", "".join(_parts(rendered).values()))
    assert set(instants) == {"2024-05-16T00:00:00Z"}


@pytest.mark.parametrize("name", ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@x", "\tx"])
def test_a_name_that_starts_like_a_formula_stays_text(name: str) -> None:
    rendered = render_overview(overview([(name, "Noor")]))
    sheet = load_workbook(BytesIO(rendered))[STUDENTS]
    assert (sheet["B2"].value, sheet["B2"].data_type) == (name, "s")
    assert sheet["B2"].quotePrefix
    assert not sheet["C2"].quotePrefix
    assert not [text for text in _parts(rendered).values() if "<f>" in text]


def test_every_part_is_xml_with_control_characters_escaped_as_in_excel() -> None:
    name = "a\x00b\r\ufffe_x0041_ "
    parts = _parts(render_overview(overview([(name, "&P <b>")])))
    for part in parts.values():
        ET.fromstring(part)  # noqa: S314  # our own file
    written = '<si><t xml:space="preserve">a_x0000_b_x000D__xFFFE__x005F_x0041_ </t></si>'
    assert written in parts["xl/sharedStrings.xml"]


def test_every_cell_of_text_refers_to_a_shared_string() -> None:
    parts = _parts(render_overview(overview([(name, name) for name in NASTY_NAMES])))
    strings = len(re.findall("<si>", parts["xl/sharedStrings.xml"]))
    for name, part in parts.items():
        if name.startswith("xl/worksheets/sheet"):
            used = [int(number) for number in re.findall(r't="s"><v>(\d+)</v>', part)]
            assert used
            assert max(used) < strings
            assert "inlineStr" not in part


def test_the_header_of_a_table_is_the_header_of_its_sheet() -> None:
    group = overview().target_groups[0]
    columns = tuple(replace(column, name="=Lezen_x0041_ & <") for column in group.columns)
    parts = _parts(render_overview(overview(target_groups=(replace(group, columns=columns),))))
    strings = [
        "".join(node.itertext())
        for node in ET.fromstring(parts["xl/sharedStrings.xml"])  # noqa: S314  # our own file
    ]
    for number in (1, 2):
        sheet = ET.fromstring(parts[f"xl/worksheets/sheet{number}.xml"])  # noqa: S314  # the same
        header = sheet.findall(f".//{NAMESPACE}row[@r='1']/{NAMESPACE}c/{NAMESPACE}v")
        table = ET.fromstring(parts[f"xl/tables/table{number}.xml"])  # noqa: S314  # the same
        named = [column.get("name") for column in table.iter(f"{NAMESPACE}tableColumn")]
        assert [strings[int(cell.text or "")] for cell in header] == named


def test_a_workbook_that_was_only_read_has_no_changes_to_save() -> None:
    workbook = load_workbook(BytesIO(render_overview(overview())))
    assert not workbook.calculation.fullCalcOnLoad


def test_a_school_of_another_administration_or_scale_gets_its_own_template() -> None:
    group = overview().target_groups[0]
    scale = tuple(replace(level, label=f"Trap {level.code}") for level in SCALE)
    columns = tuple(replace(column, scale=scale) for column in group.columns)
    rows = tuple(replace(row, cells=(None, None)) for row in group.rows)
    other = overview(target_groups=(replace(group, columns=columns, rows=rows),))
    render_overview(overview())
    assert "Trap A" in _parts(render_overview(other))["xl/sharedStrings.xml"]
    assert "Trap A" not in _parts(render_overview(overview()))["xl/sharedStrings.xml"]


def test_controls_of_the_writing_direction_are_left_out() -> None:
    rendered = render_overview(overview([("\u202eJacobs\u202c", "\u2066=1+1\u2069")]))
    sheet = load_workbook(BytesIO(rendered))[STUDENTS]
    assert (sheet["B2"].value, sheet["C2"].value) == ("Jacobs", "=1+1")
    assert sheet["C2"].quotePrefix
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", str(_parts(rendered)))
