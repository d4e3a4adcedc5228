"""A small valid delivery, for tests to change in one place."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.core.database import Base
from shared.deliveries.delivery_source import SourceLimits
from shared.deliveries.models import Delivery
from shared.deliveries.removal_check import RemovalLimit
from shared.deliveries.service import ImportOutcome, import_delivery

INSZ_KEY = b"a key that only tests have, 32 b."
AUDIT_LOG = ("audit_events", "audit_heads", "pending_audit_events")
SAMPLE = Path(__file__).parents[1] / "data" / "delivery-sample"


def insz(nine: str) -> str:
    """Return a valid INSZ of a birth before 2000."""
    return f"{nine}{97 - int(nine) % 97:02d}"


ROWS = {
    "target_groups.csv": """target_group,name,education_level,grade,stream
LO4,Vierde leerjaar,lager,4,
SO2A,Tweede jaar A,secundair,2,A""",
    "components.csv": """component,target_group,subject,name,position,calibration,level_scale
LEZ4,LO4,nederlands,Lezen,1,false,LO
WIS4,LO4,wiskunde,Rekenen,2,false,LO
KAL4,LO4,wiskunde,Meten,3,true,LO
LEZ2,SO2A,nederlands,Lezen,1,false,SO""",
    "levels.csv": """level_scale,level,ordinal,label,attains_basic_literacy
LO,E,1,Niveau E,
LO,D,2,Niveau D,
LO,C,3,Niveau C,
SO,B,1,Niveau B,false
SO,A,2,Niveau A,true""",
    "level_descriptions.csv": """component,level,text
LEZ4,E,Leest een woord.
LEZ4,D,Leest een zin.
LEZ4,C,Leest een tekst.
WIS4,E,Telt.
WIS4,D,Rekent.
WIS4,C,Lost op.
LEZ2,B,Leest een tekst.
LEZ2,A,Weegt een tekst.""",
    "schools.csv": """school,name,municipality,main_structure,comparison_group,successor_of
000028,De Wilg,Genk,211,L4,
007947,Ter Linde,Hasselt,311,,000019""",
    "class_groups.csv": """school,class_group,target_group,site,site_name
000028,4A,LO4,1,Hoofdvestiging
000028,4B,LO4,,
007947,2A,SO2A,,
007947,4C,LO4,,""",
    "students.csv": f"""student,school,class_group,family_name,given_name,stamnummer,insz
s1,000028,4A,Peeters,An,1000001,{insz("850101001")}
s2,000028,4A,Çelik,Žofie,1000002,{insz("850101003")}
s3,000028,4B,Maes,Bo,1000003,
s4,007947,2A,Wouters,Cy,1000001,{insz("850101005")}
s5,000028,4B,Claes,Di,1000005,{insz("850101007")}
s5,007947,4C,Claes,Di,1000005,{insz("850101007")}""",
    "results.csv": """student,component,status,level,scale_score
s1,LEZ4,reported,C,240.50
s1,WIS4,absent,,
s2,LEZ4,reported,D,190
s2,KAL4,reported,E,
s3,LEZ4,exempt,,
s4,LEZ2,reported,A,301.25
s5,LEZ4,reported,E,100""",
    "item_results.csv": """student,component,item,correct
s1,LEZ4,1,1
s1,LEZ4,2,0
s4,LEZ2,1,1
s5,LEZ4,1,0
s5,LEZ4,2,1""",
}
ADMINISTRATION = {
    "id": "2024",
    "schoolYear": "2023-2024",
    "name": "Vlaamse toetsen 2024",
    "testedFrom": "2024-04-24",
    "testedUntil": "2024-05-16",
}


@dataclass
class DeliveryFiles:
    """The rows of a delivery by file; `raw` has the bytes of files that replace their rows."""

    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    administration: dict[str, Any] | None = None
    raw: dict[str, bytes] = field(default_factory=dict)
    delimiter: str = ","

    def set(self, file: str, line: int, column: str, value: str) -> None:
        self.rows[file][line - 1][self.rows[file][0].index(column)] = value

    def add_column(self, file: str, column: str, value: str = "") -> None:
        """Add a column of format 1.1 with this value in each row."""
        self.manifest["formatVersion"] = "1.1"
        header, *rows = self.rows[file]
        self.rows[file] = [[*header, column], *([*row, value] for row in rows)]

    def add(self, file: str, *values: str) -> None:
        self.rows[file].append(list(values))

    def remove(self, file: str, line: int) -> None:
        del self.rows[file][line - 1]

    def bytes_of(self, file: str) -> bytes:
        if file in self.raw:
            return self.raw[file]
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.delimiter).writerows(self.rows[file])
        return out.getvalue().encode()

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of every file, with a matching manifest by default."""
        files = {name: self.bytes_of(name) for name in self.rows | self.raw.keys()}
        if self.administration is not None:
            files.setdefault("administration.json", json.dumps(self.administration).encode())
        entries = {
            name: {"rows": self._count(name), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
            if name != "delivery.json"
        }
        manifest = {"files": entries} | self.manifest
        return {"delivery.json": json.dumps(manifest).encode()} | files

    def _count(self, name: str) -> int:
        return len(self.rows[name]) - 1 if name in self.rows else 1

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in self.contents().items():
            (directory / name).write_bytes(data)
        return directory

    def pack(self, path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.contents().items():
                archive.writestr(name, data)
        return path


Change = Callable[[DeliveryFiles], object]


def manifest_of(sequence: int, mode: str) -> dict[str, Any]:
    return {
        "formatVersion": "1.0",
        "deliveryId": f"test-{sequence}",
        "administrationId": "2024",
        "mode": mode,
        "sequence": sequence,
        "createdAt": "2024-06-10T09:00:00+02:00",
    }


def full(sequence: int = 1) -> DeliveryFiles:
    rows = {name: list(csv.reader(content.splitlines())) for name, content in ROWS.items()}
    return DeliveryFiles(rows, manifest_of(sequence, "full"), dict(ADMINISTRATION))


def correction(sequence: int, **rows: list[list[str]]) -> DeliveryFiles:
    """Return a correction with these rows by file; the headers are those of the small delivery."""
    delivery = DeliveryFiles({}, manifest_of(sequence, "correction"))
    for name, added in rows.items():
        file = f"{name}.csv"
        delivery.rows[file] = [ROWS[file].splitlines()[0].split(","), *added]
    return delivery


def run_import(
    session: Session,
    path: Path,
    limits: SourceLimits | None = None,
    removals: RemovalLimit | None = None,
    received_from: str = "tests",
) -> ImportOutcome:
    return import_delivery(
        session,
        path,
        insz_key=INSZ_KEY,
        removals=removals,
        received_from=received_from,
        limits=limits,
    )


def table_contents(session: Session, without: Collection[str] = AUDIT_LOG) -> dict[str, list[str]]:
    """Return every row of every table except deliveries, locks and those `without`, as text."""
    return {
        table: [
            row
            for (row,) in session.execute(text(f"select t::text from {table} t order by t::text"))
        ]
        for table in Base.metadata.tables
        if table not in {"deliveries", "locks", "opening_changes", *without}
    }


def import_refused(session: Session, delivery: DeliveryFiles, directory: Path) -> dict[str, Any]:
    """Import a delivery that must be refused without changes, and return its report."""
    assert run_import(session, full().write(directory / "first")).status == "applied"
    before = table_contents(session)
    outcome = run_import(session, delivery.write(directory / "second"))
    assert outcome.status == "refused"
    assert table_contents(session) == before
    assert outcome.report["changes"] == {}
    row = session.get_one(Delivery, outcome.delivery_id)
    assert (row.status, row.report) == ("refused", outcome.report)
    return {"places": places(outcome), **outcome.report}


def places(outcome: ImportOutcome) -> list[tuple[Any, ...]]:
    """Return kind, file, line and column of each fault."""
    return [
        tuple(fault.get(name) for name in ("kind", "file", "line", "column"))
        for fault in outcome.report["faults"]
    ]
