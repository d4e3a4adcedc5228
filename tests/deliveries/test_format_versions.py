"""A delivery of format 1.0 has nothing that came with a later version."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shared.deliveries.csv_header import parse_header
from shared.deliveries.delivery_format import (
    STUDENTS,
)
from shared.deliveries.faults import FaultLog
from shared.deliveries.file_format import FORMAT_1_0, FORMAT_1_1
from tests.deliveries.delivery_files import full, import_refused, run_import

NAMES = ",".join(column.name for column in STUDENTS.columns)


@pytest.mark.parametrize("version", [FORMAT_1_0, FORMAT_1_1])
def test_every_version_is_accepted(session: Session, tmp_path: Path, version: str) -> None:
    delivery = full()
    delivery.manifest["formatVersion"] = version

    assert run_import(session, delivery.write(tmp_path)).status == "applied"


def test_newer_member_is_refused_by_name(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.manifest["allowRemovals"] = 3

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("newerFormat", "delivery.json", None, "allowRemovals")]
    assert "1.1" in report["faults"][0]["remedy"]


@pytest.mark.parametrize("value", [-1, "3", 1.5, True])
def test_invalid_number_of_removals_is_refused(
    session: Session, tmp_path: Path, value: object
) -> None:
    delivery = full(2)
    delivery.manifest |= {"formatVersion": FORMAT_1_1, "allowRemovals": value}

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("invalidMember", "delivery.json", None, "allowRemovals")]


def test_newer_columns_are_refused_by_name() -> None:
    faults = FaultLog()

    assert parse_header(NAMES, STUDENTS, FORMAT_1_0, faults) is None

    assert [(fault["kind"], fault["column"]) for fault in faults.as_json()] == [
        ("newerFormat", "enrolment"),
        ("newerFormat", "previous_insz"),
    ]
    assert parse_header(NAMES, STUDENTS, FORMAT_1_1, FaultLog()) is not None


def test_several_predecessors_are_of_the_newer_format(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("schools.csv", 3, "successor_of", "000019|000027")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("newerFormat", "schools.csv", 3, "successor_of")]
