"""Import of a first delivery into the tables, and of the same delivery again."""

import hashlib
import hmac
import json
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.core.collation import class_list_key
from shared.deliveries.models import Delivery
from shared.deliveries.service import import_delivery
from shared.results.models import Administration, Result
from shared.schools.models import Participation, School
from shared.students.models import ClassGroup, Student
from tests.deliveries.delivery_files import (
    INSZ_KEY,
    SAMPLE,
    correction,
    full,
    insz,
    run_import,
    table_contents,
)
from tests.deliveries.delivery_rows import count, current_results, import_applied, items


def test_sample_is_applied_with_the_counts_of_its_manifest(session: Session) -> None:
    outcome = run_import(session, SAMPLE)

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
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
    }


def test_repeated_delivery_changes_nothing(session: Session) -> None:
    run_import(session, SAMPLE)
    before = table_contents(session)

    again = run_import(session, SAMPLE)

    assert (again.status, again.report["changes"]) == ("unchanged", {})
    assert table_contents(session) == before


def test_zip_file_is_imported_like_the_directory(session: Session, tmp_path: Path) -> None:
    assert run_import(session, full().write(tmp_path / "delivery")).status == "applied"
    assert run_import(session, full().pack(tmp_path / "delivery.zip")).status == "unchanged"


def test_rows_are_stored_with_their_values(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)

    administration = session.execute(select(Administration)).scalar_one()
    assert (administration.school_year, administration.tested_until_on.isoformat()) == (
        "2023-2024",
        "2024-05-16",
    )
    school = session.execute(select(School).where(School.id == "007947")).scalar_one()
    assert (school.name, school.successor_of) == ("Ter Linde", ["000019"])
    student = session.execute(select(Student).where(Student.delivered_as == "s2")).scalar_one()
    assert (student.family_name, student.given_name) == ("Çelik", "Žofie")
    digits = insz("850101003").encode()
    assert student.insz_hash == hmac.new(INSZ_KEY, digits, hashlib.sha256).digest()
    assert current_results(session) == [
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


def test_students_and_class_groups_are_stored_in_dutch_order(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    delivery.add("class_groups.csv", "000028", "10A", "LO4", "", "")
    delivery.add("students.csv", "s6", "000028", "10A", "Aerts", "Bo", "", "")
    delivery.add("students.csv", "s7", "000028", "4A", 'Öz "a", b', "\\N", "", "")
    import_applied(session, delivery, tmp_path)

    own = select(Student.delivered_as).where(Student.school_id == "000028")
    assert session.scalars(own.order_by(Student.sort_key)).all() == [
        "s2",  # Çelik
        "s7",  # Öz
        "s1",  # Peeters
        "s5",
        "s3",
        "s6",
    ]
    groups = select(ClassGroup.name).where(ClassGroup.school_id == "000028")
    assert session.scalars(groups.order_by(ClassGroup.sort_key)).all() == ["4A", "4B", "10A"]
    assert key_of(session, "s7") == class_list_key("4A", 'Öz "a", b', "\\N", "s7")


def test_a_corrected_name_or_class_group_gives_another_place(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    for sequence, (group, name) in enumerate([("4A", "Zaman"), ("4B", "Zaman")], start=2):
        rows = [["s1", "000028", group, name, "An", "", ""]]
        import_applied(session, correction(sequence, students=rows), tmp_path)
        assert key_of(session, "s1") == class_list_key(group, name, "An", "s1")


def key_of(session: Session, code: str) -> str:
    return session.scalars(select(Student.sort_key).where(Student.delivered_as == code)).one()


def test_student_of_two_schools_has_a_row_and_results_in_each(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)

    rows = [(row[0], row[1]) for row in current_results(session) if row[0] == "s5"]
    assert rows == [("s5", "000028"), ("s5", "007947")]
    assert [row[:2] for row in items(session) if row[0] == "s5"] == rows


def test_results_count_once_for_a_student_of_two_schools(session: Session, tmp_path: Path) -> None:
    delivery = full()
    students = {row[0] for row in delivery.rows["item_results.csv"][1:]}
    first = import_applied(session, delivery, tmp_path).report
    results = first["rows"]["results.csv"]
    assert len(current_results(session)) > results
    assert first["changes"]["results"] == counts(added=results, unchanged=0)
    assert first["changes"]["itemResults"] == counts(added=len(students))

    delivery = full(2)
    delivery.rows["results.csv"][-1][-1] = "101"
    second = import_applied(session, delivery, tmp_path).report["changes"]
    assert second["results"] == counts(changed=1, unchanged=results - 1)

    delivery = full(3)
    for file in ("results.csv", "item_results.csv"):
        delivery.rows[file] = [row for row in delivery.rows[file] if row[0] != "s5"]
    third = import_applied(session, delivery, tmp_path).report["changes"]
    assert third["results"] == counts(removed=1, unchanged=results - 1)
    assert third["itemResults"] == counts(removed=1)


def counts(**numbers: int) -> dict[str, int]:
    return {"added": 0, "changed": 0, "removed": 0} | numbers


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_both_delimiters_and_a_byte_order_mark_are_read(
    session: Session, tmp_path: Path, delimiter: str, start: bytes
) -> None:
    delivery = full()
    delivery.delimiter = delimiter
    for name in list(delivery.rows):
        delivery.raw[name] = start + delivery.bytes_of(name).replace(b"\r\n", b"\n")

    import_applied(session, delivery, tmp_path)

    assert len(current_results(session)) == 8


def test_columns_in_any_order_and_without_optional_ones_are_read(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    for name, rows in delivery.rows.items():
        delivery.rows[name] = [row[::-1] for row in rows]
    delivery.rows["class_groups.csv"] = [row[2:] for row in delivery.rows["class_groups.csv"]]

    import_applied(session, delivery, tmp_path)

    assert len(current_results(session)) == 8
    assert count(session, ClassGroup, ClassGroup.site.is_(None)) == 4


UNUSUAL_NAMES = [
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
def test_unusual_names_are_stored_unchanged(
    session: Session, tmp_path: Path, delimiter: str
) -> None:
    delivery = full()
    delivery.delimiter = delimiter
    for number, name in enumerate(UNUSUAL_NAMES):
        delivery.add("students.csv", f"n{number}", "000028", "4A", name, name[::-1], "", "")

    import_applied(session, delivery, tmp_path)

    query = select(Student.family_name, Student.given_name).where(
        Student.delivered_as.like("n%"), Student.school_id == "000028"
    )
    assert {tuple(row) for row in session.execute(query)} == {
        (name, name[::-1]) for name in UNUSUAL_NAMES
    }


def test_level_description_may_have_several_lines(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("level_descriptions.csv", 2, "text", 'Leest "een"\r\nof twee woorden.')

    import_applied(session, delivery, tmp_path)

    texts = session.execute(text("select text from level_descriptions")).scalars()
    assert 'Leest "een"\r\nof twee woorden.' in set(texts)


def test_items_in_any_order_are_merged_into_one_row(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.rows["item_results.csv"] = [
        ["student", "component", "item", "correct"],
        ["s1", "LEZ4", 'a"b', "1"],
        ["s4", "LEZ2", "c\\d", "0"],
        ["s1", "LEZ4", "{e,f}", "0"],
        ["s4", "LEZ2", "null", "1"],
    ]

    import_applied(session, delivery, tmp_path)

    assert items(session) == [
        ("s1", "000028", "LEZ4", ['a"b', "{e,f}"], [True, False]),
        ("s4", "007947", "LEZ2", ["c\\d", "null"], [False, True]),
    ]


def test_received_delivery_is_imported_once(session: Session, tmp_path: Path) -> None:
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


def test_import_of_an_unknown_delivery_is_an_error(session: Session, tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        import_delivery(
            session, tmp_path, insz_key=INSZ_KEY, received_from="x", delivery_id=uuid4()
        )
