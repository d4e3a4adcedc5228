"""What an import leaves in the tables: first, again, corrected, withdrawn, replaced."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared.results.deliveries.service import ImportOutcome, import_delivery
from shared.results.models import Administration, Delivery, ItemResult, Result, ScaleScore
from shared.schools.models import Participation, School
from shared.students.models import ClassGroup, Student
from tests.results.delivery_files import (
    INSZ_KEY,
    SAMPLE,
    DeliveryFiles,
    correction,
    full,
    insz,
    table_contents,
    take_in,
)

CURRENT = """
    select p.delivered_as, p.school_id, c.code, r.status, l.code, s.score::float
    from results r join students p on p.id = r.student_id join components c on c.id = r.component_id
    left join levels l on l.id = r.level_id left join scale_scores s on s.result_id = r.id
    where r.superseded_at is null order by 1, 2, 3
"""
ITEMS = """
    select p.delivered_as, p.school_id, c.code, i.items, i.correct
    from item_results i join students p on p.id = i.student_id
    join components c on c.id = i.component_id order by 1, 2, 3
"""


def current(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(CURRENT))]


def items(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(ITEMS))]


def count(session: Session, model: type[Any], *conditions: Any) -> int:
    return session.execute(select(func.count()).select_from(model).where(*conditions)).scalar_one()


def applied(session: Session, delivery: DeliveryFiles, directory: Path) -> ImportOutcome:
    outcome = take_in(session, delivery.write(directory / uuid4().hex))
    assert (outcome.status, outcome.report["faults"]) == ("applied", [])
    return outcome


def test_sample_made_elsewhere_is_taken_with_the_counts_of_its_manifest(session: Session) -> None:
    outcome = take_in(session, SAMPLE)

    manifest = json.loads((SAMPLE / "delivery.json").read_text())
    rows = {name: entry["rows"] for name, entry in manifest["files"].items()}
    assert outcome.status == "applied"
    assert outcome.report["rows"] == rows
    assert count(session, School) == count(session, Participation) == rows["schools.csv"]
    assert count(session, ClassGroup) == rows["class_groups.csv"]
    assert count(session, Student) == rows["students.csv"]
    assert count(session, Result) == rows["results.csv"]
    answers = session.execute(text("select sum(cardinality(items)) from item_results"))
    assert answers.scalar_one() == rows["item_results.csv"]
    assert outcome.report["changes"]["results"] == {
        "added": rows["results.csv"],
        "superseded": 0,
        "unchanged": 0,
    }


def test_same_delivery_again_changes_nothing(session: Session) -> None:
    take_in(session, SAMPLE)
    before = table_contents(session)

    again = take_in(session, SAMPLE)

    assert (again.status, again.report["changes"]) == ("unchanged", {})
    assert table_contents(session) == before


def test_zip_file_is_taken_like_the_directory(session: Session, tmp_path: Path) -> None:
    assert take_in(session, full().write(tmp_path / "delivery")).status == "applied"
    assert take_in(session, full().pack(tmp_path / "delivery.zip")).status == "unchanged"


def test_rows_become_what_they_say(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)

    administration = session.execute(select(Administration)).scalar_one()
    assert (administration.school_year, administration.tested_until_on.isoformat()) == (
        "2023-2024",
        "2024-05-16",
    )
    school = session.execute(select(School).where(School.id == "007947")).scalar_one()
    assert (school.name, school.successor_of) == ("Ter Linde", "000019")
    student = session.execute(select(Student).where(Student.delivered_as == "s2")).scalar_one()
    assert (student.family_name, student.given_name) == ("Çelik", "Žofie")
    digits = insz("850101003").encode()
    assert student.insz_hash == hmac.new(INSZ_KEY, digits, hashlib.sha256).digest()
    assert current(session) == [
        ("s1", "000028", "LEZ4", "reported", "C", 240.5),
        ("s1", "000028", "WIS4", "absent", None, None),
        ("s2", "000028", "KAL4", "reported", "E", None),
        ("s2", "000028", "LEZ4", "reported", "D", 190.0),
        ("s3", "000028", "LEZ4", "exempt", None, None),
        ("s4", "007947", "LEZ2", "reported", "A", 301.25),
        ("s5", "000028", "LEZ4", "reported", "E", 100.0),
        ("s5", "007947", "LEZ4", "reported", "E", 100.0),
    ]
    assert items(session)[0] == ("s1", "000028", "LEZ4", ["1", "2"], [True, False])


def test_student_of_two_schools_has_a_row_and_results_in_each(
    session: Session, tmp_path: Path
) -> None:
    applied(session, full(), tmp_path)

    rows = [(row[0], row[1]) for row in current(session) if row[0] == "s5"]
    assert rows == [("s5", "000028"), ("s5", "007947")]
    assert [row[:2] for row in items(session) if row[0] == "s5"] == rows


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_both_delimiters_and_a_byte_order_mark_are_read(
    session: Session, tmp_path: Path, delimiter: str, start: bytes
) -> None:
    delivery = full()
    delivery.delimiter = delimiter
    for name in list(delivery.rows):
        delivery.raw[name] = start + delivery.bytes_of(name).replace(b"\r\n", b"\n")

    applied(session, delivery, tmp_path)

    assert len(current(session)) == 8


def test_columns_in_any_order_and_without_optional_ones_are_read(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    for name, rows in delivery.rows.items():
        delivery.rows[name] = [row[::-1] for row in rows]
    delivery.rows["class_groups.csv"] = [row[2:] for row in delivery.rows["class_groups.csv"]]

    applied(session, delivery, tmp_path)

    assert len(current(session)) == 8
    assert count(session, ClassGroup, ClassGroup.site.is_(None)) == 4


NASTY = [
    '=HYPERLINK("http://x";"y")',
    "</w:t>",
    "(unbalanced",
    "../../etc",
    'O"Brien',
    '"',
    "\\N",
    "\\.",
    "a\\tb, c; d",
    "{1,2}",
    "NULL",
    "Ó Súilleabháin",
    "Ελένη",
    "Щербакова",
    "王小明",
    "محمد",
    "e\u0301\u0323",
    "X",
    "n" * 100,
    " %s %(x)s {0} ",
    "\U0001f600",
]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_names_arrive_intact(session: Session, tmp_path: Path, delimiter: str) -> None:
    delivery = full()
    delivery.delimiter = delimiter
    for number, name in enumerate(NASTY):
        delivery.add("students.csv", f"n{number}", "000028", "4A", name, name[::-1], "", "")

    applied(session, delivery, tmp_path)

    query = select(Student.family_name, Student.given_name).where(
        Student.delivered_as.like("n%"), Student.school_id == "000028"
    )
    assert {tuple(row) for row in session.execute(query)} == {(name, name[::-1]) for name in NASTY}


def test_text_of_a_level_may_have_several_lines(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("level_descriptions.csv", 2, "text", 'Leest "een"\r\nof twee woorden.')

    applied(session, delivery, tmp_path)

    texts = session.execute(text("select text from level_descriptions")).scalars()
    assert 'Leest "een"\r\nof twee woorden.' in set(texts)


def test_items_in_any_order_come_together(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.rows["item_results.csv"] = [
        ["student", "component", "item", "correct"],
        ["s1", "LEZ4", 'a"b', "1"],
        ["s4", "LEZ2", "c\\d", "0"],
        ["s1", "LEZ4", "{e,f}", "0"],
        ["s4", "LEZ2", "null", "1"],
    ]

    applied(session, delivery, tmp_path)

    assert items(session) == [
        ("s1", "000028", "LEZ4", ['a"b', "{e,f}"], [True, False]),
        ("s4", "007947", "LEZ2", ["c\\d", "null"], [False, True]),
    ]


def test_correction_supersedes_and_keeps_the_history(session: Session, tmp_path: Path) -> None:
    first = applied(session, full(), tmp_path)
    untouched = (
        session.execute(
            select(Result.id)
            .join(Student, Student.id == Result.student_id)
            .where(Student.delivered_as != "s1")
        )
        .scalars()
        .all()
    )

    second = applied(
        session, correction(2, results=[["s1", "LEZ4", "reported", "D", "199"]]), tmp_path
    )

    assert current(session)[0] == ("s1", "000028", "LEZ4", "reported", "D", 199.0)
    ended = session.execute(select(Result).where(Result.superseded_at.is_not(None))).scalar_one()
    assert ended.delivery_id == first.delivery_id
    assert ended.superseded_by_delivery_id == second.delivery_id
    score = session.get(ScaleScore, ended.id)
    assert score is not None
    assert float(score.score) == 240.5
    assert second.report["changes"]["results"] == {"added": 1, "superseded": 1, "unchanged": 0}
    still = session.execute(select(Result.id).where(Result.superseded_at.is_(None))).scalars()
    assert set(untouched) < set(still)


def test_correction_that_says_what_stands_already_adds_no_history(
    session: Session, tmp_path: Path
) -> None:
    applied(session, full(), tmp_path)
    before = table_contents(session)

    same = correction(2, results=[["s1", "LEZ4", "reported", "C", "240.5"]])
    outcome = applied(session, same, tmp_path)

    assert outcome.report["changes"]["results"] == {"added": 0, "superseded": 0, "unchanged": 1}
    assert table_contents(session) == before


def test_score_alone_is_a_change(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)

    applied(session, correction(2, results=[["s1", "LEZ4", "reported", "C", ""]]), tmp_path)

    assert current(session)[0] == ("s1", "000028", "LEZ4", "reported", "C", None)


def test_withdrawn_takes_a_result_and_its_items_away_in_every_school(
    session: Session, tmp_path: Path
) -> None:
    applied(session, full(), tmp_path)

    withdrawal = correction(2, results=[["s5", "LEZ4", "withdrawn", "", ""]])
    outcome = applied(session, withdrawal, tmp_path)

    assert outcome.report["changes"]["results"] == {"added": 0, "superseded": 2, "unchanged": 0}
    assert "s5" not in {row[0] for row in current(session) + items(session)}
    assert count(session, Result, Result.superseded_at.is_not(None)) == 2


def test_withdrawing_what_is_not_there_is_a_warning(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)

    withdrawal = correction(2, results=[["s3", "WIS4", "withdrawn", "", ""]])
    outcome = applied(session, withdrawal, tmp_path)

    assert outcome.report["warningCounts"] == {"nothingToWithdraw": 1}


def test_correction_merges_items_by_item(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)

    corrected = [["s1", "LEZ4", "3", "1"], ["s1", "LEZ4", "2", "1"], ["s2", "LEZ4", "1", "1"]]
    applied(session, correction(2, item_results=corrected), tmp_path)

    assert items(session)[:2] == [
        ("s1", "000028", "LEZ4", ["1", "2", "3"], [True, True, True]),
        ("s2", "000028", "LEZ4", ["1"], [True]),
    ]
    assert len(items(session)) == 5


def test_correction_adds_a_student_beside_what_stands(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)

    applied(
        session,
        correction(
            2,
            students=[["s6", "000028", "4A", "Baert", "Eva", "1000006", ""]],
            results=[["s6", "WIS4", "reported", "E", ""]],
        ),
        tmp_path,
    )

    assert current(session)[-1] == ("s6", "000028", "WIS4", "reported", "E", None)
    assert count(session, Student, Student.removed_at.is_(None)) == 7


def test_correction_that_enrols_a_student_elsewhere_brings_the_results_along(
    session: Session, tmp_path: Path
) -> None:
    applied(session, full(), tmp_path)

    enrolment = [["s1", "007947", "4C", "Peeters", "An", "1000007", insz("850101001")]]
    applied(session, correction(2, students=enrolment), tmp_path)

    assert [row for row in current(session) if row[0] == "s1" and row[1] == "007947"] == [
        ("s1", "007947", "LEZ4", "reported", "C", 240.5),
        ("s1", "007947", "WIS4", "absent", None, None),
    ]
    assert ("s1", "007947", "LEZ4", ["1", "2"], [True, False]) in items(session)


def test_correction_moves_a_student_and_withdraws_what_no_longer_fits(
    session: Session, tmp_path: Path
) -> None:
    applied(session, full(), tmp_path)

    applied(
        session,
        correction(
            2,
            students=[["s4", "007947", "4C", "Wouters", "Cy", "1000001", ""]],
            results=[
                ["s4", "LEZ2", "withdrawn", "", ""],
                ["s4", "WIS4", "reported", "D", ""],
            ],
        ),
        tmp_path,
    )

    assert [row[2:4] for row in current(session) if row[0] == "s4"] == [("WIS4", "reported")]


def test_full_takes_away_what_it_no_longer_has(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)
    smaller = full(2)
    smaller.remove("schools.csv", 3)
    del smaller.rows["class_groups.csv"][3:]
    for line in (7, 5, 4):
        smaller.remove("students.csv", line)
    for line in (7, 6):
        smaller.remove("results.csv", line)
    del smaller.rows["item_results.csv"]
    smaller.remove("levels.csv", 6)
    smaller.remove("level_descriptions.csv", 9)

    outcome = applied(session, smaller, tmp_path)

    removed = {name: change.get("removed") for name, change in outcome.report["changes"].items()}
    assert removed == {
        "targetGroups": 0,
        "components": 0,
        "levels": 1,
        "levelDescriptions": 1,
        "schools": 0,
        "participations": 1,
        "classGroups": 2,
        "students": 3,
        "results": None,
        "itemResults": 4,
    }
    assert outcome.report["changes"]["results"] == {"added": 0, "superseded": 3, "unchanged": 5}
    assert {row[:2] for row in current(session)} == {
        ("s1", "000028"),
        ("s2", "000028"),
        ("s5", "000028"),
    }
    assert count(session, School) == 2


def test_row_that_comes_back_is_the_same_row(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)
    before = set(session.execute(select(Student.id)).scalars())
    smaller = full(2)
    smaller.remove("students.csv", 4)
    smaller.remove("results.csv", 6)
    applied(session, smaller, tmp_path)
    assert count(session, Student, Student.removed_at.is_not(None)) == 1

    applied(session, full(3), tmp_path)

    assert count(session, Student, Student.removed_at.is_not(None)) == 0
    assert set(session.execute(select(Student.id)).scalars()) == before
    assert [row[3] for row in current(session) if row[0] == "s3"] == ["exempt"]


def test_full_leaves_equal_rows_untouched(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)
    before = table_contents(session)

    outcome = applied(session, full(2), tmp_path)

    assert table_contents(session) == before
    assert outcome.report["changes"]["results"] == {"added": 0, "superseded": 0, "unchanged": 8}


def test_other_administration_is_left_alone(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)
    other = full()
    other.administration = {**(other.administration or {}), "id": "2025"}
    other.manifest |= {"administrationId": "2025", "deliveryId": "other"}
    other.set("schools.csv", 2, "name", "De Nieuwe Wilg")

    applied(session, other, tmp_path)

    assert count(session, Student) == 12
    assert count(session, Result, Result.superseded_at.is_(None)) == 16
    names = select(Participation.administration_id, Participation.name).where(
        Participation.school_id == "000028"
    )
    assert {tuple(row) for row in session.execute(names)} == {
        ("2024", "De Wilg"),
        ("2025", "De Nieuwe Wilg"),
    }
    assert session.get_one(School, "000028").name == "De Nieuwe Wilg"


def test_received_delivery_is_settled_once(session: Session, tmp_path: Path) -> None:
    received = Delivery(status="received", received_from="client", storage_key="deliveries/x")
    session.add(received)
    session.flush()
    path = full().write(tmp_path / "delivery")

    first = import_delivery(
        session, path, insz_key=INSZ_KEY, received_from="client", delivery_id=received.id
    )
    again = import_delivery(
        session, path, insz_key=INSZ_KEY, received_from="client", delivery_id=received.id
    )

    assert first.delivery_id == again.delivery_id == received.id
    assert first.status == again.status == "applied"
    assert again.report == first.report
    row = session.get_one(Delivery, received.id)
    assert (row.reference, row.mode, row.sequence) == ("test-1", "full", 1)
    assert (row.storage_key, row.finished_at is not None) == ("deliveries/x", True)
    assert count(session, Delivery) == 1


def test_delivery_that_was_never_received_is_an_error(session: Session, tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        import_delivery(
            session, tmp_path, insz_key=INSZ_KEY, received_from="x", delivery_id=uuid4()
        )


def test_items_of_a_full_delivery_replace_the_old_ones(session: Session, tmp_path: Path) -> None:
    applied(session, full(), tmp_path)
    replaced = full(2)
    replaced.rows["item_results.csv"] = [
        ["student", "component", "item", "correct"],
        ["s1", "LEZ4", "9", "1"],
    ]

    outcome = applied(session, replaced, tmp_path)

    assert items(session) == [("s1", "000028", "LEZ4", ["9"], [True])]
    assert outcome.report["changes"]["itemResults"] == {"added": 0, "changed": 1, "removed": 3}
    assert count(session, ItemResult) == 1
