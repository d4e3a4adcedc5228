"""No report, error or log line of an import contains a name, a stamnummer or an INSZ."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.deliveries.faults import quotable
from tests.deliveries.delivery_files import DeliveryFiles, full, insz, run_import, table_contents

NAME = "Vandermarkeer"
NUMBER = insz("851231123")
STAMNUMMER = "7654321"
ROW = ["s7", "000028", "4A", NAME, f"{NAME}ke", STAMNUMMER, NUMBER]
PERSONAL = re.compile(rf"vandermark|{NUMBER[:9]}|{STAMNUMMER}", re.IGNORECASE)


def shifted_columns(delivery: DeliveryFiles) -> None:
    delivery.rows["students.csv"].extend(
        [ROW[-places:] + ROW[:-places] for places in range(1, len(ROW))]
    )


def without_header(delivery: DeliveryFiles) -> None:
    delivery.rows["students.csv"][0] = ROW


def in_wrong_file(delivery: DeliveryFiles) -> None:
    delivery.raw["results.csv"] = delivery.bytes_of("students.csv")


def unclosed_quote(delivery: DeliveryFiles) -> None:
    delivery.raw["students.csv"] = delivery.bytes_of("students.csv") + f's8,"{NAME}'.encode()


def damaged_bytes(delivery: DeliveryFiles) -> None:
    data = delivery.bytes_of("students.csv")
    delivery.raw["students.csv"] = data + f"s8,000028,4A,{NAME}\r\n".encode() + b"\xff\0\r\n"


def in_every_column(delivery: DeliveryFiles) -> None:
    for line in range(1, len(delivery.rows["students.csv"])):
        for column in range(len(ROW)):
            row = list(ROW)
            row[column] = ROW[(column + line) % len(ROW)]
            delivery.rows["students.csv"].append(row)


def insz_in_other_files(delivery: DeliveryFiles) -> None:
    delivery.add("results.csv", NUMBER, "LEZ4", "absent", "", "")
    delivery.add("results.csv", "s1", f"x{NUMBER}", NUMBER, NUMBER, NUMBER)
    delivery.add("schools.csv", NUMBER, "School", "Genk", NUMBER, "", NUMBER)
    delivery.manifest["deliveryId"] = f"{NUMBER}\0"


def names_in_results(delivery: DeliveryFiles) -> None:
    delivery.add("results.csv", NAME, "LEZ4", "absent", "", "")
    delivery.add("results.csv", f"{NAME} {NAME}ke", "LEZ4", "absent", "", "")
    delivery.add("results.csv", "s1", NAME, NAME, NAME, NAME)
    delivery.add("item_results.csv", f"{NAME}, 4A", "LEZ4", "1", "1")
    delivery.add("item_results.csv", STAMNUMMER, "LEZ4", "1", "1")


def duplicate_stamnummer(delivery: DeliveryFiles) -> None:
    delivery.add("students.csv", "s8", "000028", "4A", NAME, NAME, STAMNUMMER, NUMBER)


LEAKS: list[Callable[[DeliveryFiles], None]] = [
    shifted_columns,
    without_header,
    in_wrong_file,
    unclosed_quote,
    damaged_bytes,
    in_every_column,
    insz_in_other_files,
    names_in_results,
    duplicate_stamnummer,
]


@pytest.mark.parametrize("change", LEAKS)
def test_report_and_logs_have_no_personal_data(
    session: Session,
    tmp_path: Path,
    change: Callable[[DeliveryFiles], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    delivery = full()
    delivery.rows["students.csv"].append(ROW)
    change(delivery)

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.status == "refused"
    assert PERSONAL.search(json.dumps(outcome.report, ensure_ascii=False)) is None
    assert PERSONAL.search(caplog.text + "".join(capfd.readouterr())) is None
    row = session.execute(text("select d::text from deliveries d")).scalar_one()
    assert PERSONAL.search(row) is None


def test_insz_is_stored_as_a_hash_only(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.rows["students.csv"].append(ROW)

    assert run_import(session, delivery.write(tmp_path)).status == "applied"

    assert not any(
        NUMBER in row for rows in table_contents(session, without=()).values() for row in rows
    )


def test_insz_never_reaches_the_server(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    write = __import__("psycopg").Copy.write

    def record(copy: object, data: str) -> None:
        sent.append(data)
        write(copy, data)

    monkeypatch.setattr("psycopg.Copy.write", record)
    delivery = full()
    delivery.rows["students.csv"].append(ROW)

    run_import(session, delivery.write(tmp_path))

    assert NAME in "".join(sent)
    assert NUMBER not in "".join(sent)


@pytest.mark.parametrize(
    "value",
    ["85.12.31-123.45", NUMBER, f"nr {NUMBER}", f"x{NUMBER}y", "851231 123 45", "85123112399"],
)
def test_value_like_an_insz_is_not_quoted(value: str) -> None:
    assert quotable(value) is None


@pytest.mark.parametrize("value", ["000028", "s1", "acefeb4c8a04fa177205", "LEZ4", "240,5", "x y"])
def test_other_value_is_quoted(value: str) -> None:
    assert quotable(value) == value


def test_quoted_value_is_truncated_and_printable() -> None:
    quoted = quotable("a\x00\u202e" + "b" * 500)

    assert quoted is not None
    assert len(quoted) == 80
    assert quoted.startswith("a\ufffd\ufffdb")


def test_delivery_row_has_its_sender(session: Session, tmp_path: Path) -> None:
    outcome = run_import(session, full().write(tmp_path))

    assert isinstance(outcome.delivery_id, UUID)
    row = session.execute(text("select received_from, status from deliveries")).one()
    assert tuple(row) == ("tests", "applied")
