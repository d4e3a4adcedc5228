"""The cells of an overview as plain values, so that only the writers are measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.documents.overview import overview_sheets, overview_styles
from services.worker.xlsx.sheet import CellStyle, Sheet
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH


@dataclass(frozen=True, slots=True)
class WorkbookCells:
    """The sheets of a workbook, and all styles of their cells."""

    styles: Sequence[CellStyle]
    sheets: Sequence[Sheet]


def workbook_cells(content: OverviewContent) -> WorkbookCells:
    return WorkbookCells(overview_styles(content, DUTCH), overview_sheets(content, DUTCH))
