"""Streaming writer of the files of a delivery, with the hashes and row counts of its manifest."""

import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from synthetic.plan import SyntheticDeliveryError

ITEM_RESULTS: Final = "item_results.csv"
REFERENCES: Final = "references.csv"
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
    REFERENCES: (
        "school",
        "component",
        "reference",
        "level",
        "indicator",
        "value",
        "standard_error",
        "students",
    ),
}
MAX_PENDING_LINES: Final = 512
OLDEST_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
UNIX: Final = 3  # the same "version made by" on every system
REGULAR_FILE: Final = 0o100644 << 16


class _LineSink:
    """A file for csv.writer that appends lines to a list, without a Python call per row."""

    __slots__ = ("write",)

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


class CsvFile:
    """A CSV file (RFC 4180, so CRLF) that buffers at most MAX_PENDING_LINES between calls."""

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
        if len(self._pending) >= MAX_PENDING_LINES:
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
    """The open CSV files of a delivery directory, a context manager that closes them.

    `names` are those of COLUMNS that the delivery has.
    """

    def __init__(self, directory: Path, names: Iterable[str]) -> None:
        self._directory = directory
        self._names = list(names)
        self._tables: dict[str, CsvFile] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for name in self._names:
            self._tables[name] = CsvFile(self._directory / name, COLUMNS[name])
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

    def finish(
        self, administration: dict[str, str] | None, manifest: dict[str, Any]
    ) -> dict[str, int]:
        """Write the JSON files, the manifest last, and return the data rows per file.

        A correction has no administration. The id of the delivery has a hash of its content.
        """
        self._open.close()
        rows: dict[str, int] = {}
        hashes: dict[str, str] = {}
        if administration is not None:
            name = "administration.json"
            content = _json_bytes(administration)
            (self._directory / name).write_bytes(content)
            rows[name], hashes[name] = 1, hashlib.sha256(content).hexdigest()
        rows |= {table: self._tables[table].rows for table in self._tables}
        hashes |= {table: self._tables[table].sha256 for table in self._tables}
        content_hash = hashlib.sha256(_json_bytes(hashes)).hexdigest()[:12]
        manifest = manifest | {
            "deliveryId": f"{manifest['deliveryId']}-{content_hash}",
            "files": {file: {"rows": rows[file], "sha256": hashes[file]} for file in rows},
        }
        (self._directory / MANIFEST).write_bytes(_json_bytes(manifest))
        return rows


def _json_bytes(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def zip_delivery(directory: Path, target: Path) -> None:
    """Write a delivery directory to a ZIP file, with the manifest first and fixed timestamps.

    Raises:
        SyntheticDeliveryError: the directory has no manifest, or `target` exists.
    """
    manifest = directory / MANIFEST
    if not manifest.is_file():
        raise SyntheticDeliveryError(
            f"{directory} has no {MANIFEST}: choose the directory of a delivery"
        )
    if target.exists():
        raise SyntheticDeliveryError(f"{target} exists: choose another file, or remove it first")
    names = [MANIFEST, *sorted(json.loads(manifest.read_bytes())["files"])]
    with zipfile.ZipFile(target, "x") as archive:
        for name in names:
            _add_entry(archive, directory / name)


def _add_entry(archive: zipfile.ZipFile, path: Path) -> None:
    entry = zipfile.ZipInfo(path.name, OLDEST_ZIP_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = UNIX
    entry.external_attr = REGULAR_FILE
    entry.file_size = path.stat().st_size  # zipfile needs it to decide on ZIP64
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, 1 << 20)
