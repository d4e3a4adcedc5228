"""Read overviews of every kind with six programs, and compare all cells with those written.

`make workbook-readers` runs it; it needs Node.js, LibreOffice Calc and Gnumeric.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from warnings import filterwarnings

from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from services.worker.documents.overview import overview_sheets, render_overview
from services.worker.xlsx.text import BIDI_CONTROLS
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH
from tests.readers.overviews import overviews_of_every_kind

Sheets = list[tuple[str, list[list[Any]]]]
"""Names and rows of the sheets of a workbook, without empty cells and rows at an end."""

HERE = Path(__file__).parent
PROGRAMS = {"soffice": "libreoffice-calc", "ssconvert": "gnumeric", "node": "nodejs"}
_NO_CONTROLS = str.maketrans("", "", BIDI_CONTROLS)


def written_cells(content: OverviewContent) -> Sheets:
    """Return the cells of an overview as they are meant."""
    return _trimmed(
        (sheet.title, [[_without_controls(cell.value) for cell in row] for row in sheet.rows])
        for sheet in overview_sheets(content, DUTCH)
    )


def _without_controls(value: str | int | None) -> str | int | None:
    return value.translate(_NO_CONTROLS) if isinstance(value, str) else value


def read_openpyxl(files: Sequence[Path]) -> list[Sheets]:
    # Gnumeric saves no default style.
    filterwarnings("ignore", message="Workbook contains no default style")
    return [
        _trimmed(
            (sheet.title, [list(row) for row in sheet.iter_rows(values_only=True)])
            for sheet in load_workbook(file).worksheets
        )
        for file in files
    ]


def read_calamine(files: Sequence[Path]) -> list[Sheets]:
    return [
        _trimmed(
            (name, workbook.get_sheet_by_name(name).to_python(skip_empty_area=False))
            for name in workbook.sheet_names
        )
        for workbook in map(CalamineWorkbook.from_path, map(str, files))
    ]


def read_node(library: str, files: Sequence[Path]) -> list[Sheets]:
    """Return what a library of Node.js reads."""
    command = ["node", str(HERE / "read_workbooks.mjs"), library, *map(str, files)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    cells = json.loads(done.stdout)
    return [_trimmed(cells[str(file)]) for file in files]


def read_libreoffice(files: Sequence[Path]) -> list[Sheets]:
    """Return what LibreOffice saves again."""
    with tempfile.TemporaryDirectory() as saved:
        profile = f"-env:UserInstallation=file://{saved}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", saved]
        subprocess.run([*command, *map(str, files)], check=True, capture_output=True)
        return read_openpyxl([Path(saved) / file.name for file in files])


def read_gnumeric(files: Sequence[Path]) -> list[Sheets]:
    """Return what Gnumeric saves again; it keeps `_x005F_`, the escape of a `_` before `x0041_`."""
    with tempfile.TemporaryDirectory() as saved:
        for file in files:
            command = ["ssconvert", str(file), str(Path(saved) / file.name)]
            subprocess.run(command, check=True, capture_output=True)
        read = read_openpyxl([Path(saved) / file.name for file in files])
    return [
        [(name, [[_unescaped(value) for value in row] for row in rows]) for name, rows in sheets]
        for sheets in read
    ]


def _unescaped(value: Any) -> Any:
    return value.replace("_x005F_", "_") if isinstance(value, str) else value


READERS: dict[str, Callable[[Sequence[Path]], list[Sheets]]] = {
    "openpyxl": read_openpyxl,
    "calamine": read_calamine,
    "exceljs": lambda files: read_node("exceljs", files),
    "SheetJS": lambda files: read_node("SheetJS", files),
    "LibreOffice": read_libreoffice,
    "Gnumeric": read_gnumeric,
}


def _trimmed(sheets: Iterable[Sequence[Any]]) -> Sheets:
    return [(name, _without_end([_without_end(row) for row in rows])) for name, rows in sheets]


def _without_end(values: Sequence[Any]) -> list[Any]:
    """Return the values with None for an empty text, and none of these at the end."""
    kept = [None if value in ("", []) else value for value in values]
    while kept and kept[-1] is None:
        kept.pop()
    return kept


def differences(expected: Sheets, found: Sheets) -> list[str]:
    """Return a line per sheet that differs."""
    if [name for name, _ in expected] != [name for name, _ in found]:
        return [f"sheets {[name for name, _ in found]}"]
    return [
        f"{name}: {wanted!r} is read as {read!r}"
        for (name, wanted), (_, read) in zip(expected, found, strict=True)
        if wanted != read
    ]


def write_overviews(folder: Path) -> dict[Path, Sheets]:
    """Write the overviews of every kind; return their cells by file."""
    written = {}
    for kind, content in overviews_of_every_kind().items():
        file = folder / f"{kind}.xlsx"
        file.write_bytes(render_overview(content))
        written[file] = written_cells(content)
    return written


def main() -> int:
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        print(f"Install {', '.join(missing)}, then run this again.", file=sys.stderr)  # noqa: T201  # a command
        return 1
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        written = write_overviews(Path(folder))
        for reader, read in READERS.items():
            found = dict(zip(written, read(list(written)), strict=True))
            wrong = {
                file.stem: lines
                for file, cells in written.items()
                if (lines := differences(cells, found[file]))
            }
            print(f"{reader}: {len(written) - len(wrong)} of {len(written)} equal")  # noqa: T201  # a command
            for kind, lines in wrong.items():
                print(f"  {kind}:", *lines, sep="\n    ")  # noqa: T201  # a command
            failed += len(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
