"""Check that a delivery ends no recall: that nothing recalled leaves the scope of its recall."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.deliveries.delivery_format import COMPONENTS, STUDENTS
from shared.deliveries.faults import Fault, Findings, quotable
from shared.deliveries.manifest import Manifest
from shared.deliveries.window_checks import ChangedComponent
from shared.releases.repository import StoredRecall, lock_recalls, recalls_of_administration

CHANGES_RECALL: Final = "changesRecall"

# Enrolments that the delivery adds, of students with one in a school with an active recall, unless
# the other school has such a recall as well. One that has ended counts: its results may come back.
_LEAVING: Final = f"""
    select recall.id as recall_id, recall.school_id, recall.product, count(distinct s.student) as n
    from {STUDENTS.table} s
    join students p on p.administration_id = %(administration)s and p.delivered_as = s.student
        and p.school_id <> s.school
    join recalls_with_ends recall on recall.administration_id = p.administration_id
        and recall.school_id = p.school_id and recall.is_active
    where not exists (
        select from students same
        where same.administration_id = p.administration_id and same.school_id = s.school
          and same.delivered_as = s.student and same.removed_at is null
    ) and not exists (
        select from recalls_with_ends other
        where other.administration_id = recall.administration_id
          and other.product = recall.product and other.is_active
          and coalesce(other.school_id, s.school) = s.school
          and num_nonnulls(other.target_group_id, other.component_id) = 0
    )
    group by recall.id, recall.school_id, recall.product order by recall.id
"""


class _Leaving(NamedTuple):
    recall_id: UUID
    school_id: str
    product: str
    n: int


def check_recalls(
    session: Session,
    connection: psycopg.Connection[Any],
    manifest: Manifest,
    components: Sequence[ChangedComponent],
    findings: Findings,
) -> None:
    """Add a fault for each recall that would not cover a component or a student any more.

    `components` are those that the delivery changes, and adds again.
    """
    recalls = recalls_of_administration(session, manifest.administration_id)
    _check_components(recalls, components, findings)
    if not any(one.is_active and one.scope.school_id is not None for one in recalls):
        return
    for one in connection.cursor(row_factory=class_row(_Leaving)).execute(
        _LEAVING, {"administration": manifest.administration_id}
    ):
        students = "1 student" if one.n == 1 else f"{one.n} students"
        findings.faults.add(
            Fault(
                CHANGES_RECALL,
                f"Recall {one.recall_id} of {one.product} from school {one.school_id} would not "
                f"cover {students} any more that the delivery adds to another school.",
                f"Recall {one.product} from that school first too, or submit them without it.",
                STUDENTS.name,
                column="school",
            )
        )


def check_new_recalls(
    session: Session,
    manifest: Manifest,
    components: Sequence[ChangedComponent],
    findings: Findings,
) -> None:
    """Add a fault for each recall that began since, and that a component leaves.

    A further recall of a target group waits until the transaction ends.
    """
    lock_recalls(session, manifest.administration_id)
    recalls = recalls_of_administration(session, manifest.administration_id)
    _check_components(recalls, components, findings)


def _check_components(
    recalls: Sequence[StoredRecall], components: Sequence[ChangedComponent], findings: Findings
) -> None:
    for component in components:
        for product in Product:
            of_product = [one for one in recalls if one.product == product]
            for fault in _faults(component, product, of_product):
                findings.faults.add(fault)


def _faults(
    component: ChangedComponent, product: Product, recalls: Sequence[StoredRecall]
) -> Iterator[Fault]:
    of_all = [one for one in recalls if one.scope.school_id is None]
    before = [one for one in of_all if one.holds(component.before)]
    is_held = any(one.holds(component.after) for one in of_all)
    place = COMPONENTS.name, component.line, "target_group", quotable(component.code)
    if before and not is_held:
        yield Fault(
            CHANGES_RECALL,
            f"After the delivery recall {before[0].id} would not cover the component any more in "
            f"{product}.",
            f"Recall component {component.code} itself first, or submit the component as it is "
            "stored.",
            *place,
        )
    if component.is_added_again and not is_held:
        active = {one.scope.school_id for one in recalls if one.is_active}
        for one in recalls:
            school = one.scope.school_id
            if school not in {None, *active} and one.holds(component.after):
                yield Fault(
                    CHANGES_RECALL,
                    f"The delivery adds the component again; recall {one.id} of {product} from "
                    f"school {school} ended without it.",
                    f"Recall {product} from that school again first, and plan an end with the "
                    "component.",
                    *place,
                )
