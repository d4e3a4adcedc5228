"""The programs of Python read overviews of every kind with equal cells.

`make workbook-readers` compares what the other programs read.
"""

from pathlib import Path

import pytest

from tests.readers.workbook_readers import READERS, differences, write_overviews


@pytest.mark.parametrize("reader", ["openpyxl", "calamine"])
def test_overviews_of_every_kind_are_read_with_equal_cells(reader: str, tmp_path: Path) -> None:
    written = write_overviews(tmp_path)
    assert len(written) == 20
    for file, found in zip(written, READERS[reader](list(written)), strict=True):
        assert differences(written[file], found) == []


def test_a_different_cell_and_a_different_sheet_are_differences() -> None:
    sheets = [("Niveaus", [["Klas", 1]])]
    assert differences(sheets, [("Niveaus", [["Klas", 2]])])
    assert differences(sheets, [("Niveau", [["Klas", 1]])])
    assert differences(sheets, [("Niveaus", [["Klas", 1]])]) == []
