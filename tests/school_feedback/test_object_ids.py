"""New figures take no object id, whose counter every login of the cluster sees.

An operator would see from it, after a correction and a computation, if figures changed.
"""

from sqlalchemy import text

from shared.school_feedback.models import SchoolFeedbackMembers, SchoolFeedbackSnapshot
from tests.deliveries.delivery_files import full
from tests.school_feedback.conftest import Computed

STUDENTS = 300
"""Of one component in a school; their ids alone are 4.8 kB."""
STORED_OUTSIDE = """
    select chunk_relation.relname from pg_class stored
    join pg_class chunk_relation on chunk_relation.oid = stored.reltoastrelid
    where stored.oid = cast(:table as regclass)
"""


def test_figures_of_a_large_school_are_stored_within_their_rows(computed: Computed) -> None:
    delivery = full()
    for number in range(STUDENTS):
        student, level = f"large-{number}", "CDE"[number % 3]
        names = [f"Familie {number}", "Voornaam"]
        delivery.add("students.csv", student, "000028", f"4{'AB'[number % 2]}", *names, "", "")
        delivery.add("results.csv", student, "LEZ4", "reported", level, "200")
    computed.deliver(delivery)
    computed.compute()
    for model in (SchoolFeedbackSnapshot, SchoolFeedbackMembers):
        table = {"table": model.__tablename__}
        outside = computed.session.execute(text(STORED_OUTSIDE), table).scalar_one()
        chunks = text(f"select count(*) from pg_toast.{outside}")  # a name of PostgreSQL
        assert computed.session.scalar(chunks) == 0
