"""A workbook of school feedback has the figures as numbers, with charts of exactly these cells."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.feedback_workbook import render_feedback_workbook
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from tests.worker.feedback import FEEDBACK, any_feedback, feedback, hidden, small, target_group

TEXTS = DUTCH_SCHOOL_FEEDBACK


def sheets_of(content: SchoolFeedbackContent) -> list[Worksheet]:
    workbook = openpyxl.load_workbook(BytesIO(render_feedback_workbook(content)))
    return [workbook[name] for name in workbook.sheetnames]


def charts_of(sheet: Worksheet) -> list[Any]:
    return list(vars(sheet)["_charts"])


def table(sheet: Worksheet, header: str) -> dict[str, list[Any]]:
    """Return the rows below a header, by the text of their first cell."""
    rows = [[cell for cell in row if cell is not None] for row in sheet.values]
    [first] = [number for number, row in enumerate(rows) if row[:1] == [header]]
    found: dict[str, list[Any]] = {}
    for row in rows[first + 1 :]:
        if not row:
            break
        found[str(row[0])] = row[1:]
    return found


@pytest.mark.parametrize("kind", FEEDBACK)
def test_the_cells_are_the_figures(kind: str) -> None:
    content = FEEDBACK[kind]
    _, *sheets = sheets_of(content)
    for sheet, figures in zip(sheets, content.components(), strict=True):
        if figures.school_row.is_hidden:
            assert sheet.max_row <= 5
            continue
        counts = table(sheet, TEXTS.count)
        assert counts[TEXTS.school.text] == list(figures.school_row.counts or ())
        for row in figures.class_rows:
            name = ", ".join(filter(None, (row.name, row.site_name)))
            hidden_cells = [TEXTS.hidden] * len(figures.levels)
            assert counts[name] == (list(row.counts) if row.counts else hidden_cells)


def test_shares_of_a_small_school_are_in_no_cell_and_no_chart() -> None:
    _, sheet = sheets_of(feedback(target_group(small())))
    assert TEXTS.school.text not in table(sheet, TEXTS.share)
    [chart] = charts_of(sheet)
    assert chart.y_axis.majorUnit == 1, "no line for half a student"


def test_a_chart_refers_to_the_cells_of_its_table() -> None:
    _, sheet, *_ = sheets_of(FEEDBACK["of a school"])
    levels, class_groups = charts_of(sheet)
    titles = [sheet[one.tx.strRef.f.split("!")[1]].value for one in levels.series]
    assert titles == [
        TEXTS.school.text,
        *(TEXTS.references[one].text for one in TEXTS.references),
    ]
    for one, level in zip(class_groups.series, "EDCBA", strict=True):
        assert sheet[one.tx.strRef.f.split("!")[1]].value == f"Niveau {level}"
    [[first, *_], *_] = [sheet[one.val.numRef.f.split("!")[1]] for one in levels.series]
    assert first[0].value == pytest.approx(0.07)


def test_hidden_figures_have_no_chart() -> None:
    _, sheet = sheets_of(feedback(target_group(hidden())))
    assert charts_of(sheet) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_text_is_never_a_formula_and_the_bytes_are_stable(seed: int) -> None:
    content = any_feedback(seed)
    data = render_feedback_workbook(content)
    assert data == render_feedback_workbook(content)
    for sheet in openpyxl.load_workbook(BytesIO(data)).worksheets:
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    with ZipFile(BytesIO(data)) as package:
        assert {one.date_time for one in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
