"""Each delivery leaves an audit event that the schools concerned can read."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.audit.models import AuditEvent
from shared.audit.repository import AuditFilter
from shared.audit.service import append_pending, list_events, verify
from shared.changes.models import ChangeEvent
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.identity_checks import MAX_REFUSALS
from shared.deliveries.service import ImportOutcome
from shared.documents.service import mention_of_student
from shared.students.models import Student
from tests.deliveries.delivery_files import DeliveryFiles, correction, full, run_import
from tests.deliveries.delivery_rows import current_results, import_applied
from tests.releasing import open_scope

OLD, NEW = "000028", "007947"
AN = ["Peeters", "An", "", ""]
FIRST_KINDS = (
    "administration, classGroups, components, itemResults, levelDescriptions, levels,"
    " participations, results, schools, students, targetGroups"
)


def events(session: Session, outcome: ImportOutcome) -> dict[str, tuple[str, set[str]]]:
    """Return the kinds of rows and the codes of students in the event of each school."""
    found = {}
    resource = f"/v1/deliveries/{outcome.delivery_id}"
    append_pending(session)
    for event in session.scalars(select(AuditEvent).where(AuditEvent.resource == resource)):
        assert (event.action, event.outcome, event.rule) == ("importDelivery", "allowed", "granted")
        assert event.organisation not in found
        client, kinds = (event.purpose or "").split(": ")
        assert client == "Delivered by tests"
        found[event.organisation or ""] = (kinds, codes(session, event.students or ()))
    return found


def codes(session: Session, students: list[UUID] | tuple[UUID, ...]) -> set[str]:
    found = session.scalars(select(Student.delivered_as).where(Student.id.in_(students)))
    return set(found)


def code_with_new_school() -> DeliveryFiles:
    """Return a correction that enrols a student of one school, under another name, in another."""
    return correction(2, students=[["s1", NEW, "4C", "Baert", "Eva", "", ""]])


def changed_results(mode: str) -> DeliveryFiles:
    """Return a delivery with another result, result of a calibration, and two of items."""
    if mode == "correction":
        return correction(
            2,
            results=[["s3", "LEZ4", "absent", "", ""], ["s2", "KAL4", "reported", "D", ""]],
            item_results=[["s1", "LEZ4", "1", "0"], ["s4", "LEZ2", "1", "0"]],
        )
    delivery = full(2)
    delivery.set("results.csv", 6, "status", "absent")
    delivery.set("results.csv", 5, "level", "D")
    for line in (2, 4):
        delivery.set("item_results.csv", line, "correct", "0")
    return delivery


def test_first_delivery_is_one_event_per_school_without_students(
    session: Session, tmp_path: Path
) -> None:
    outcome = import_applied(session, full(), tmp_path)

    assert events(session, outcome) == {school: (FIRST_KINDS, set()) for school in (OLD, NEW)}


CORRECTIONS: dict[str, tuple[DeliveryFiles, dict[str, tuple[str, set[str]]]]] = {
    "name": (
        correction(2, students=[["s1", OLD, "4A", "Baert", "Eva", "1000001", ""]]),
        {OLD: ("students", {"s1"})},
    ),
    "class group": (
        correction(2, class_groups=[[OLD, "4B", "LO4", "1", "Elders"]]),
        {OLD: ("classGroups", set())},
    ),
    "results": (
        correction(
            2,
            results=[["s1", "LEZ4", "reported", "D", "199"], ["s5", "LEZ4", "withdrawn", "", ""]],
        ),
        {school: ("itemResults, results", set()) for school in (OLD, NEW)},
    ),
    "item results": (
        correction(2, item_results=[["s4", "LEZ2", "1", "0"]]),
        {NEW: ("itemResults", set())},
    ),
    "component": (
        correction(2, components=[["LEZ4", "LO4", "nederlands", "Lezen", "4", "false", "LO"]]),
        {school: ("components", set()) for school in (OLD, NEW)},
    ),
    "levels": (
        correction(2, levels=[["LO", "C", "3", "Niveau vier", ""]]),
        {school: ("levels", set()) for school in (OLD, NEW)},
    ),
    "texts of levels": (
        correction(2, level_descriptions=[["LEZ4", "C", "Leest een letter."]]),
        {school: ("levelDescriptions", set()) for school in (OLD, NEW)},
    ),
    "school": (
        correction(2, schools=[[NEW, "Ter Linde", "Genk", "311", "", "000019"]]),
        {NEW: ("participations, schools", set())},
    ),
    "another school of the student": (
        code_with_new_school(),
        {OLD: ("students", {"s1"}), NEW: ("itemResults, students", {"s1"})},
    ),
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_correction_is_in_the_log_of_each_school_concerned(
    session: Session, tmp_path: Path, name: str
) -> None:
    import_applied(session, full(), tmp_path)
    delivery, expected = CORRECTIONS[name]

    outcome = import_applied(session, delivery, tmp_path)

    assert events(session, outcome) == expected
    assert list(verify(session, {})) == []


def test_both_schools_find_the_student_whose_results_were_copied(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    import_applied(session, code_with_new_school(), tmp_path)

    assert {row[1] for row in current_results(session) if row[0] == "s1"} == {OLD, NEW}
    for school in (OLD, NEW):
        student = session.scalars(
            select(Student.id).where(Student.delivered_as == "s1", Student.school_id == school)
        ).one()
        about = AuditFilter(school, [mention_of_student(session, school, student)])
        found = list_events(session, about, PageSelection(10)).rows
        assert [event.action for event in found] == ["importDelivery"]


@pytest.mark.parametrize("mode", ["correction", "full"])
def test_move_is_in_the_log_of_both_schools(session: Session, tmp_path: Path, mode: str) -> None:
    import_applied(session, full(), tmp_path)
    delivery = full(2) if mode == "full" else correction(2, students=[])
    delivery.add_column("students.csv", "enrolment")
    rows = delivery.rows["students.csv"]
    rows[:] = [row for row in rows if row[0] != "s1"]
    rows += [["s1", OLD, "4A", *AN, "ended"], ["s1", NEW, "4C", *AN, "active"]]

    found = events(session, import_applied(session, delivery, tmp_path))

    assert {school: students for school, (_, students) in found.items()} == {
        OLD: {"s1"},
        NEW: {"s1"},
    }


def test_later_full_delivery_is_in_the_log_of_the_schools_that_changed(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    assert events(session, import_applied(session, full(2), tmp_path)) == {}
    changed = full(3)
    changed.set("students.csv", 2, "family_name", "Pieters")
    changed.set("results.csv", 4, "level", "C")
    changed.set("item_results.csv", 2, "correct", "0")

    outcome = import_applied(session, changed, tmp_path)

    assert events(session, outcome) == {OLD: ("itemResults, results, students", {"s1"})}


@pytest.mark.parametrize("mode", ["correction", "full"])
@pytest.mark.parametrize(
    ("product", "named"),
    [
        (Product.STUDENT_FEEDBACK, {OLD: {"s3"}, NEW: set()}),
        (Product.TEST_VIEWING, {OLD: {"s1"}, NEW: {"s4"}}),
        (Product.SCHOOL_FEEDBACK, {OLD: set(), NEW: set()}),
        (None, {OLD: set(), NEW: set()}),
    ],
)
def test_event_names_students_of_released_results_only(
    unit: UnitOfWork, tmp_path: Path, mode: str, product: Product | None, named: dict[str, set[str]]
) -> None:
    """The name would tell that there is a result, and of a calibration that it was taken."""
    session = unit.session
    import_applied(session, full(), tmp_path)
    if product is not None:
        open_scope(session, "2024", product)

    outcome = import_applied(session, changed_results(mode), tmp_path)

    assert events(session, outcome) == {
        OLD: ("itemResults, results", named[OLD]),
        NEW: ("itemResults", named[NEW]),
    }


def test_refused_delivery_is_in_the_log_without_a_school(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    invalid = correction(2, results=[["s1", "LEZ4", "reported", "Z", ""]])
    unknown = correction(2, results=[["s9", "LEZ4", "absent", "", ""]])
    refused = [
        run_import(session, delivery.write(tmp_path / str(number)))
        for number, delivery in enumerate((invalid, unknown))
    ]

    append_pending(session)
    found = session.execute(
        select(AuditEvent.resource, AuditEvent.rule, AuditEvent.purpose, AuditEvent.students).where(
            AuditEvent.outcome == "refused", AuditEvent.organisation.is_(None)
        )
    )
    assert {tuple(row) for row in found} == {
        (f"/v1/deliveries/{outcome.delivery_id}", rule, "Delivered by tests", None)
        for outcome, rule in zip(refused, ("invalid", "contradictsStored"), strict=True)
    }


def test_guesses_of_a_stamnummer_are_limited(session: Session, tmp_path: Path) -> None:
    """After ten refusals, a number that the school has and one that it has not are one refusal."""
    import_applied(session, full(), tmp_path)

    def kinds(number: str, path: str) -> list[str]:
        row = ["s9", OLD, "4A", "Baert", "Eva", number, ""]
        outcome = run_import(session, correction(2, students=[row]).write(tmp_path / path))
        return [*outcome.report["faultCounts"]]

    for count in range(MAX_REFUSALS):
        assert kinds("1000001", f"guess{count}") == ["contradictsStored"]
    assert [kinds(number, number) for number in ("1000001", "7654321")] == [
        ["tooManyRefusals"],
        ["tooManyRefusals"],
    ]
    without = correction(2, students=[["s9", OLD, "4A", "Baert", "Eva", "", ""]])
    with session.begin_nested() as attempt:
        import_applied(session, without, tmp_path)
        attempt.rollback()

    session.execute(text("update deliveries set finished_at = finished_at - interval '1 day'"))
    assert kinds("1000001", "later") == ["contradictsStored"]


def corrected(session: Session) -> list[tuple[UUID, str | None, str]]:
    """Return the change events as they are after the commit."""
    session.execute(text("set constraints all immediate"))
    session.execute(text("set constraints all deferred"))
    query = select(ChangeEvent.source_id, ChangeEvent.school_id, ChangeEvent.product)
    return [(*row,) for row in session.execute(query.order_by(ChangeEvent.number))]


@pytest.mark.parametrize("mode", ["full", "correction"])
def test_released_results_that_change_are_a_change_event_of_their_school(
    session: Session, tmp_path: Path, mode: str
) -> None:
    import_applied(session, full(), tmp_path)
    assert corrected(session) == []
    open_scope(session, "2024", Product.STUDENT_FEEDBACK)
    outcome = import_applied(session, changed_results(mode), tmp_path)
    expected = (outcome.delivery_id, OLD, Product.STUDENT_FEEDBACK)
    assert corrected(session) == [expected]


def test_a_delivery_without_changes_or_of_what_is_not_released_is_no_change_event(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    import_applied(session, changed_results("correction"), tmp_path)
    open_scope(session, "2024", Product.STUDENT_FEEDBACK)
    unchanged = changed_results("full")
    unchanged.manifest |= {"sequence": 3, "deliveryId": "test-3"}
    import_applied(session, unchanged, tmp_path)
    assert corrected(session) == []
