"""Application of the ends of enrolments in a correction: nothing of the student stays there."""

from typing import Any, Final

import psycopg

from shared.deliveries.upserts import Parameters, remove_items

_ENDED: Final = """
    from ended_enrolments e join students p on p.administration_id = %(administration)s
      and p.school_id = e.school and p.delivered_as = e.student
"""

_SUPERSEDE_RESULTS: Final = f"""
    update results stored
    set superseded_at = now(), superseded_by_delivery_id = %(delivery)s {_ENDED}
    where stored.student_id = p.id and stored.superseded_at is null
"""

_REMOVE_ITEMS: Final = remove_items(
    f"from item_results stored where stored.student_id in (select p.id {_ENDED})"
)

_REMOVE_STUDENTS: Final = f"""
    update students set removed_at = now() where id in (select p.id {_ENDED})
"""


def end_enrolments(connection: psycopg.Connection[Any], parameters: Parameters) -> None:
    """End the enrolments that a correction ends, after the results of the students are applied.

    A student who moves takes the results along: the enrolment in the other school has copied them.
    """
    for statement in (_SUPERSEDE_RESULTS, _REMOVE_ITEMS, _REMOVE_STUDENTS):
        connection.execute(statement, parameters)
