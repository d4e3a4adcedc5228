"""Writes the files of a delivery as its rows come: hashed on the way, never held in memory."""

import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from synthetic.plan import SyntheticDeliveryError

ITEM_RESULTS: Final = "item_results.csv"
MANIFEST: Final = "delivery.json"
COLUMNS: Final = {
    "target_groups.csv": ("target_group", "name", "education_level", "grade", "stream"),
    "components.csv": (
        "component",
        "target_group",
        "subject",
        "name",
        "position",
        "calibration",
        "level_scale",
    ),
    "levels.csv": (
        "level_scale",
        "level",
        "ordinal",
        "label",
        "attains_basic_literacy",
        "attains_final_objectives",
    ),
    "level_descriptions.csv": ("component", "level", "text"),
    "schools.csv": ("school", "name", "municipality", "main_structure", "comparison_group"),
    "class_groups.csv": ("school", "class_group", "target_group", "site", "site_name"),
    "students.csv": (
        "student",
        "school",
        "class_group",
        "family_name",
        "given_name",
        "stamnummer",
        "insz",
    ),
    "results.csv": ("student", "component", "status", "level", "scale_score"),
    ITEM_RESULTS: ("student", "component", "item", "correct"),
}
PENDING_LINES: Final = 512
OLDEST_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
UNIX: Final = 3  # the same system byte wherever the archive is made
PLAIN_FILE: Final = 0o100644 << 16


class _LineSink:
    """Hands the lines of a csv.writer straight to a list, without a call into Python per row."""

    __slots__ = ("write",)

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


class CsvTable:
    """One CSV file (RFC 4180, so CRLF); at most PENDING_LINES and one call's rows are held."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.rows = 0
        self._file = path.open("xb")
        self._digest = hashlib.sha256()
        self._pending: list[str] = []
        self._writer = csv.writer(_LineSink(self._pending), lineterminator="\r\n")
        self._writer.writerow(columns)

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        self._writer.writerows(rows)
        self.rows += len(rows)
        if len(self._pending) >= PENDING_LINES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _flush(self) -> None:
        content = "".join(self._pending).encode()
        self._pending.clear()
        self._digest.update(content)
        self._file.write(content)


class DeliveryWriter:
    """Open tables of one delivery directory, closed when the block ends, however it ends."""

    def __init__(self, directory: Path, *, with_items: bool) -> None:
        self._directory = directory
        self._names = [name for name in COLUMNS if with_items or name != ITEM_RESULTS]
        self._tables: dict[str, CsvTable] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for name in self._names:
            self._tables[name] = CsvTable(self._directory / name, COLUMNS[name])
            self._open.callback(self._tables[name].close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def write(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        self._tables[name].write(rows)

    def finish(self, administration: dict[str, str], manifest: dict[str, Any]) -> dict[str, int]:
        """Writes the two JSON files, the manifest last, and returns the data rows per file.

        The delivery's id follows from its content: other content never has the same id.
        """
        self._open.close()
        name = "administration.json"
        content = _json_bytes(administration)
        (self._directory / name).write_bytes(content)
        rows = {name: 1} | {table: self._tables[table].rows for table in self._tables}
        hashes = {name: hashlib.sha256(content).hexdigest()} | {
            table: self._tables[table].sha256 for table in self._tables
        }
        mark = hashlib.sha256(_json_bytes(hashes)).hexdigest()[:12]
        manifest = manifest | {
            "deliveryId": f"{manifest['deliveryId']}-{mark}",
            "files": {file: {"rows": rows[file], "sha256": hashes[file]} for file in rows},
        }
        (self._directory / MANIFEST).write_bytes(_json_bytes(manifest))
        return rows


def _json_bytes(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def zip_delivery(directory: Path, target: Path) -> None:
    """Packs a delivery directory into one ZIP: the manifest first, fixed times, streamed.

    Raises SyntheticDeliveryError when there is no delivery there, or `target` exists already.
    """
    manifest = directory / MANIFEST
    if not manifest.is_file():
        raise SyntheticDeliveryError(f"{directory} holds no {MANIFEST}: name a delivery directory")
    if target.exists():
        raise SyntheticDeliveryError(f"{target} exists: name another file, or remove it first")
    names = [MANIFEST, *sorted(json.loads(manifest.read_bytes())["files"])]
    with zipfile.ZipFile(target, "x") as archive:
        for name in names:
            _add_member(archive, directory / name)


def _add_member(archive: zipfile.ZipFile, path: Path) -> None:
    member = zipfile.ZipInfo(path.name, OLDEST_ZIP_DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = UNIX
    member.external_attr = PLAIN_FILE
    member.file_size = path.stat().st_size  # decides on ZIP64 before the first byte is written
    with path.open("rb") as source, archive.open(member, "w") as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
