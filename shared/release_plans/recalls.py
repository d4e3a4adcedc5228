"""Use cases of recalls: close what has been released, at once; one operator is enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change, record_change_for_participants
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.changes.repository import record_recall
from shared.client_changes.service import person_of
from shared.core.errors import InvalidInput, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.release_plans import recall_repository as repository
from shared.releases.models import Recall
from shared.releases.repository import (
    administration_exists,
    find_component,
    find_target_group,
    lock_recalls,
)


@dataclass(frozen=True, slots=True)
class NewRecall:
    """A recall of one or all products of an administration, from all or from a part of it.

    At most one of target group, component and school is given.
    """

    administration_id: str
    reason: str
    product: Product | None = None
    target_group: str | None = None
    component: str | None = None
    school_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecallView:
    """A recall with the codes of what it concerns; it is active until an opening ends it."""

    recall: Recall
    target_group: str | None
    component: str | None
    is_active: bool


def list_recalls(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[RecallView]:
    """Return a page of the recalls, newest first."""
    page = repository.page_of_recalls(session, administration_id, selection)
    return page.map(lambda row: RecallView(*row))


def read_recall(session: Session, recall_id: UUID) -> RecallView:
    """Return a recall; raise ResourceNotFound when there is none."""
    row = repository.find_recall(session, recall_id)
    if row is None:
        raise ResourceNotFound
    return RecallView(*row)


def recall(unit: UnitOfWork, access: AccessRequest, new: NewRecall) -> Sequence[RecallView]:
    """Recall what is released, or would be; it takes effect with the commit.

    Raises:
        InvalidInput: when administration, target group, component or school is unknown, or more
            than one of the last three is given.
        MissingPermission: when no person is behind the caller's client.
    """
    session = unit.session
    person_of(session, access.caller)
    scope = _scope(session, new)
    if new.target_group is not None:
        lock_recalls(session, new.administration_id)
    products = list(Product) if new.product is None else [new.product]
    recalls = [
        repository.add_recall(
            session,
            {
                "administration_id": new.administration_id,
                "product": product.value,
                "reason": new.reason,
                **scope,
            },
        )
        for product in products
    ]
    for recall_id in recalls:
        record_recall(session, recall_id)
        _record(unit, access, new, recall_id)
    return [read_recall(session, recall_id) for recall_id in recalls]


def _record(unit: UnitOfWork, access: AccessRequest, new: NewRecall, recall_id: UUID) -> None:
    resource = f"/v1/recalls/{recall_id}"
    if new.school_id is None:
        record_change_for_participants(
            unit, access, "createRecall", resource, new.administration_id
        )
        return
    record_change(unit, access, "createRecall", resource)
    record_change(unit, access, "createRecall", resource, new.school_id)


def _scope(session: Session, new: NewRecall) -> dict[str, int | str]:
    """Return the columns of the recall's scope; empty for all of the administration."""
    given = {
        name: value
        for name in ("target_group", "component", "school_id")
        if (value := getattr(new, name)) is not None
    }
    if len(given) > 1:
        raise InvalidInput(
            next(iter(given)), detail="Name one of a target group, a component and a school."
        )
    if not administration_exists(session, new.administration_id):
        raise InvalidInput("administration_id", detail="There is no such administration.")
    scope: dict[str, int | str] = {}
    for name, value in given.items():
        found = _find(session, new.administration_id, name, value)
        if found is None:
            raise InvalidInput(name, detail="The administration has none with this code or number.")
        scope[name if name == "school_id" else f"{name}_id"] = found
    return scope


def _find(session: Session, administration_id: str, name: str, value: str) -> int | str | None:
    if name == "school_id":
        return value if repository.takes_part(session, administration_id, value) else None
    if name == "target_group":
        return find_target_group(session, administration_id, value)
    component = find_component(session, administration_id, value)
    return None if component is None else component.component_id
