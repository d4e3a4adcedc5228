"""Batches of schools: their subjects, their results, and a failure of one school in them."""

from sqlalchemy import event, text

from shared.school_feedback.batches import SCHOOLS_PER_BATCH, Batch, batches_of
from shared.school_feedback.computation import Policies, compute_schools
from shared.schools.repository import participating_between, participating_schools
from tests.deliveries.delivery_files import correction
from tests.school_feedback.conftest import ADMINISTRATION, Computed
from tests.school_feedback.random_deliveries import random_delivery
from tests.school_feedback.suppressing import KEY

REMOVE_A_STUDENT = text("""
    update school_feedback_members
    set students = students[2:], class_groups = class_groups[2:], levels = levels[2:]
    where snapshot_id in (select id from school_feedback_snapshots where school_id = :school)
""")
CURRENT = text("select school_id from feedback_computations where reference_state = :state")


def test_batches_have_all_schools_once() -> None:
    schools = [f"{number:06d}" for number in range(2 * SCHOOLS_PER_BATCH + 1)]
    batches = batches_of(schools)
    assert [batch.subject for batch in batches] == ["000000-000039", "000040-000079", "000080"]
    assert [Batch.of(batch.subject) for batch in batches] == batches


def test_a_batch_has_the_schools_between_its_numbers(computed: Computed) -> None:
    computed.deliver(random_delivery(1))
    of = computed.session, ADMINISTRATION
    assert participating_between(*of, *Batch.of("000003-000005")) == ["000003", "000004", "000005"]
    assert participating_between(*of, *Batch.of("000007")) == ["000007"]


def test_schools_together_get_the_figures_that_each_gets_alone(computed: Computed) -> None:
    computed.deliver(random_delivery(2))
    computed.compute()
    together = computed.figures()
    for table in ("members", "snapshots"):
        computed.session.connection().exec_driver_sql(f"delete from school_feedback_{table}")
    for school in participating_schools(computed.session, ADMINISTRATION):
        compute_schools(computed.session, ADMINISTRATION, [school], Policies(KEY))
    alone = computed.figures()
    assert alone.keys() == together.keys()
    for key, figures in together.items():
        assert figures.rows == alone[key].rows
        assert (figures.mean, figures.references) == (alone[key].mean, alone[key].references)


def test_the_number_of_statements_does_not_depend_on_the_number_of_schools(
    computed: Computed,
) -> None:
    computed.deliver(random_delivery(3))
    computed.compute()

    def statements(*schools: str) -> int:
        found: list[str] = []

        def note(*arguments: object) -> None:
            found.append(str(arguments[2]))

        engine = computed.session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        compute_schools(computed.session, ADMINISTRATION, schools, Policies(KEY))
        event.remove(engine, "before_cursor_execute", note)
        return len(found)

    assert statements("000001") == statements(*(f"{number:06d}" for number in range(1, 15))) > 0


def test_a_school_whose_audit_fails_keeps_no_other_from_its_figures(computed: Computed) -> None:
    """The stored students of one school are no longer those of its published figures."""
    computed.deliver(random_delivery(4))
    computed.compute()
    computed.open()
    faulty = min(school for (school, _), one in computed.figures().items() if one.mean)
    computed.session.execute(REMOVE_A_STUDENT, {"school": faulty})
    computed.deliver(correction(2, results=[["000001-4A-1", "LEZ4", "absent", "", ""]]))
    schools = participating_schools(computed.session, ADMINISTRATION)
    result = compute_schools(computed.session, ADMINISTRATION, schools, Policies(KEY))
    assert [*result.problems] == [faulty]
    assert result.problems[faulty]["code"] == "disclosureAuditFailed"
    assert result.outcome["unchanged"] > 0
    current = computed.session.scalars(CURRENT, {"state": "2"}).all()
    assert {*current} == {*schools} - {faulty}
