"""The native charts of a workbook of school feedback, drawn from the cells of its tables."""

from typing import Final

from openpyxl.chart import BarChart, Reference
from openpyxl.chart.data_source import StrRef
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.series_factory import SeriesFactory
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.feedback_table import shade
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.school_feedback.figures import ComponentFigures

_TEXTS = DUTCH_SCHOOL_FEEDBACK
_WIDTH, _HEIGHT = 18, 9
"""Centimetres."""
_CLASS_HEIGHT = 1
_ROWS_PER_CHART = 17
_FEW_STUDENTS = 10
_REFERENCE_STEPS: Final = (0.9, 0.5, 0.1)
_OUTLINE: Final = "6B737F"


def add_charts(
    sheet: Worksheet, figures: ComponentFigures, counts: range, shares: range, place: int
) -> None:
    """Add the spread over the levels, and below it the class groups, from column `place` on."""
    levels = len(figures.levels)
    column = get_column_letter(place)
    if figures.school_row.percentages is not None:
        chart = _chart(f"{figures.name}: {_in_sentence(_TEXTS.share)}")
        _add_rows(chart, sheet, shares, range(shares.start + 1, shares.stop), levels)
        chart.y_axis.number_format = "0%"
    else:
        chart = _chart(f"{figures.name}: {_in_sentence(_TEXTS.count)}")
        _add_rows(chart, sheet, counts, range(counts.start + 1, counts.start + 2), levels)
        _count_students(chart, max(figures.school_row.counts or (0,)))
    sheet.add_chart(chart, f"{column}{counts.start}")
    if any(not row.is_hidden for row in figures.class_rows):
        chart = _class_groups(sheet, figures, counts, levels)
        sheet.add_chart(chart, f"{column}{counts.start + _ROWS_PER_CHART}")


def _chart(title: str) -> BarChart:
    chart = BarChart()
    chart.type, chart.title = "col", title
    chart.width, chart.height = _WIDTH, _HEIGHT
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.scaling.min = 0
    return chart


def _add_rows(chart: BarChart, sheet: Worksheet, table: range, rows: range, levels: int) -> None:
    """Add a series per row of the table: school, Flanders, similar schools."""
    for row, step in zip(rows, _REFERENCE_STEPS, strict=False):
        values = Reference(sheet, min_col=1, max_col=levels + 1, min_row=row)
        chart.append(_series(values, step))
    headers = Reference(sheet, min_col=2, max_col=levels + 1, min_row=table.start)
    chart.set_categories(headers)


def _class_groups(
    sheet: Worksheet, figures: ComponentFigures, counts: range, levels: int
) -> BarChart:
    """Return bars of one hue, a step per level, with the number of students in each."""
    chart = _chart(
        f"{figures.name}: {_in_sentence(_TEXTS.count)}, {_in_sentence(_TEXTS.class_group)}"
    )
    chart.type, chart.grouping, chart.overlap = "bar", "stacked", 100
    chart.x_axis.scaling.orientation = "maxMin"
    first, last = counts.start + 2, counts.stop - 1
    for number in range(levels):
        column = number + 2
        values = Reference(sheet, min_col=column, min_row=first, max_row=last)
        title = f"{quote_sheetname(sheet.title)}!{sheet.cell(counts.start, column).coordinate}"
        chart.append(_series(values, number / max(levels - 1, 1), title))
    chart.set_categories(Reference(sheet, min_col=1, min_row=first, max_row=last))
    _count_students(chart, max(row.students or 0 for row in figures.class_rows))
    chart.height = max(_HEIGHT, _CLASS_HEIGHT * len(figures.class_rows))
    return chart


def _count_students(chart: BarChart, most: int) -> None:
    """Let the axis have whole numbers: few students would get lines for halves of them."""
    chart.y_axis.number_format = "0"
    if most <= _FEW_STUDENTS:
        chart.y_axis.majorUnit = 1


def _series(values: Reference, step: float, title: str = "") -> Series:
    """Return a series of this shade; without the cell of a title, its first cell is the title."""
    series: Series = SeriesFactory(values, title_from_data=not title)
    if title:
        series.tx = SeriesLabel(strRef=StrRef(title))
    series.graphicalProperties.solidFill = "".join(f"{round(255 * one):02X}" for one in shade(step))
    series.graphicalProperties.line.solidFill = _OUTLINE
    return series


def _in_sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
