"""What tests have open: windows from before release plans, and openings that persons approved.

They are written as the owner of the database, whose rows the API and the worker cannot write.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.oauth.clients.models import Client, Person
from shared.release_plans.manifest import ManifestDraft
from shared.release_plans.manifest_signatures import ManifestKey
from shared.release_plans.verification import add_manifest, observe_opening
from shared.releases import repository
from shared.releases.models import (
    Manifest,
    Opening,
    OpeningApproval,
    OpeningPlanner,
    Recall,
    ReleaseWindow,
)


def add_window(
    session: Session,
    administration_id: str,
    product: Product = Product.STUDENT_FEEDBACK,
    *,
    target_group: str | None = None,
    component: str | None = None,
    before_plans: bool = True,
    **times: Any,
) -> UUID:
    """Add a window, one from before release plans unless said otherwise; return its id."""
    target_group_id, component_id = _scope(session, administration_id, target_group, component)
    window = insert(ReleaseWindow).values(
        administration_id=administration_id,
        product=product,
        target_group_id=target_group_id,
        component_id=component_id,
        before_plans=before_plans,
        **times,
    )
    return session.execute(window.returning(ReleaseWindow.id)).scalar_one()


def remove_windows(
    session: Session,
    administration_id: str,
    product: Product = Product.STUDENT_FEEDBACK,
    *,
    target_group: str | None = None,
    component: str | None = None,
) -> None:
    """Remove the windows of a scope."""
    target_group_id, component_id = _scope(session, administration_id, target_group, component)
    session.execute(
        delete(ReleaseWindow).where(
            ReleaseWindow.administration_id == administration_id,
            ReleaseWindow.product == product,
            ReleaseWindow.target_group_id.is_not_distinct_from(target_group_id),
            ReleaseWindow.component_id.is_not_distinct_from(component_id),
        )
    )


def _scope(
    session: Session, administration_id: str, target_group: str | None, component: str | None
) -> tuple[int | None, int | None]:
    if component is not None:
        found = repository.find_component(session, administration_id, component)
        assert found is not None
        return None, found.component_id
    if target_group is None:
        return None, None
    group_id = repository.find_target_group(session, administration_id, target_group)
    assert group_id is not None
    return group_id, None


def remove_window(session: Session, window_id: UUID) -> None:
    session.execute(delete(ReleaseWindow).where(ReleaseWindow.id == window_id))


def add_persons(session: Session, *names: str) -> list[UUID]:
    """Add persons, each with an active client that may approve; return the ids of the persons."""
    persons = []
    for name in names:
        person = session.execute(insert(Person).values(name=name).returning(Person.id)).scalar_one()
        scopes = ["releases:read", "releases:write", "releases:approve", "clients:write"]
        client = {"name": name, "kind": "operator", "scopes": scopes, "person_id": person}
        session.execute(insert(Client).values(client))
        persons.append(person)
    return persons


@dataclass(frozen=True, slots=True)
class AddedManifest:
    """A manifest to be added, with its approvals; unsigned without a key."""

    epoch: int = 1
    is_complete: bool = True
    component_ids: Iterable[int] = ()
    content: bytes = b"{}"
    key: ManifestKey | None = None
    approvals: Iterable[dict[str, Any]] = field(default=())


def add_opening(
    session: Session,
    administration_id: str,
    product: Product,
    opens_at: datetime,
    manifests: Iterable[AddedManifest] = (),
    planners: Iterable[UUID] = (),
    **values: Any,
) -> UUID:
    """Add an opening with its manifests, approvals and planners; return its id."""
    opening = session.execute(
        insert(Opening)
        .values(administration_id=administration_id, product=product, opens_at=opens_at, **values)
        .returning(Opening.id)
    ).scalar_one()
    for number, manifest in enumerate(manifests, start=1):
        _add_manifest(session, opening, number, manifest)
    for person in planners:
        session.execute(insert(OpeningPlanner).values(opening_id=opening, person_id=person))
    return opening


def _add_manifest(session: Session, opening: UUID, number: int, manifest: AddedManifest) -> None:
    content_hash = sha256(manifest.content).digest()
    manifest_id = session.execute(
        insert(Manifest)
        .values(
            opening_id=opening,
            number=number,
            epoch=manifest.epoch,
            component_ids=list(manifest.component_ids),
            is_complete=manifest.is_complete,
            content=manifest.content,
            content_hash=content_hash,
            signature=manifest.key.sign(opening, content_hash) if manifest.key else "",
            counts={},
        )
        .returning(Manifest.id)
    ).scalar_one()
    for approval in manifest.approvals:
        values = {"manifest_hash": content_hash, "manifest_id": manifest_id} | approval
        _add_approval(session, values)


def _add_approval(session: Session, values: dict[str, Any]) -> None:
    client = select(Client.id).where(Client.person_id == values["person_id"]).limit(1)
    given = insert(OpeningApproval).values(**values, client_id=client.scalar_subquery())
    session.execute(given)


def add_approval(session: Session, manifest: Manifest, person_id: UUID, opens_at: datetime) -> None:
    """Add the approval of a manifest by a person, which is valid when the opening opens."""
    values = {
        "manifest_id": manifest.id,
        "manifest_hash": manifest.content_hash,
        "person_id": person_id,
        "approved_at": database_now(session),
        "expires_at": opens_at + timedelta(hours=1),
    }
    _add_approval(session, values)


def open_scope(
    session: Session,
    administration_id: str,
    product: Product,
    without: frozenset[int] | set[int] = frozenset(),
) -> None:
    """Open the product of an administration through an opening that two persons approved."""
    opens_at = database_now(session) - timedelta(hours=1)
    add_window(session, administration_id, product, before_plans=False, opens_at=opens_at)
    components = session.scalars(
        text("select id from components where administration_id = :id"), {"id": administration_id}
    )
    times = {
        "approved_at": opens_at - timedelta(days=1),
        "expires_at": opens_at + timedelta(days=1),
    }
    persons = add_persons(session, *(f"approver {uuid4()}" for _ in range(2)))
    approvals = [{"person_id": person} | times for person in persons]
    manifest = AddedManifest(component_ids=set(components) - without, approvals=approvals)
    add_opening(session, administration_id, product, opens_at, [manifest])


def verify_opening(session: Session, opening_id: UUID, key: ManifestKey) -> bytes:
    """Add a manifest without documents through the functions of the database; return its hash."""
    opening = observe_opening(session, opening_id)
    draft = ManifestDraft(opening.plan)
    assert add_manifest(session, opening, draft, key) is not None
    return sha256(draft.content(key.secret)).digest()


def add_recall(session: Session, administration_id: str, product: Product, **values: Any) -> UUID:
    """Add a recall; return its id."""
    recall = insert(Recall).values(
        administration_id=administration_id, product=product, reason="a fault", **values
    )
    return session.execute(recall.returning(Recall.id)).scalar_one()


def close_everything(session: Session) -> None:
    """Remove all windows, openings and recalls."""
    session.execute(text("set constraints all immediate"))
    for table in (
        "opening_approvals",
        "manifest_findings",
        "manifests",
        "opening_planners",
        "openings",
        "recalls",
        "release_windows",
    ):
        session.execute(text(f"delete from {table}"))


def shift_time(session: Session, by: timedelta) -> None:
    """Move the instants of plan, manifests, approvals and recalls into the past by `by`.

    Triggers and references stay out of it: nothing has changed but the time that has passed.
    """
    session.execute(text("set local session_replication_role = replica"))
    for table, columns in (
        ("release_windows", ("opens_at", "closes_at", "planned_from_at")),
        ("openings", ("opens_at", "planned_at")),
        ("manifests", ("made_at",)),
        ("opening_approvals", ("approved_at", "expires_at", "voided_at")),
        ("recalls", ("recalled_at", "reopens_at")),
    ):
        changes = ", ".join(f"{column} = {column} - :by" for column in columns)
        session.execute(text(f"update {table} set {changes}"), {"by": by})
    session.execute(text("set local session_replication_role = origin"))
