"""Use cases of openings: read them with what blocks them, and approve one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.core.clock import database_now
from shared.core.errors import Conflict, DomainError, MissingPermission, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.release_plans import opening_repository as repository
from shared.release_plans.manifest_signatures import ManifestKey
from shared.release_plans.repository import component_codes
from shared.release_plans.rules import OpeningState, opening_state
from shared.releases.models import Manifest, ManifestFinding, Opening, OpeningApproval
from shared.releases.openings import (
    ApprovalFacts,
    Blocker,
    ManifestFacts,
    OpeningFacts,
    blocker_of,
)


@dataclass(frozen=True, slots=True)
class OpeningView:
    """An opening with its state, its latest manifest, and the approvals of that."""

    opening: Opening
    facts: OpeningFacts
    state: OpeningState
    components: Sequence[str]
    manifest: Manifest | None
    approvals: Sequence[OpeningApproval]

    @property
    def blocker(self) -> Blocker | None:
        """The first reason for which it would not open."""
        return blocker_of(self.facts)


def list_openings(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[OpeningView]:
    page = repository.page_of_openings(session, administration_id, selection)
    views = iter(_views(session, page.rows, database_now(session)))
    return page.map(lambda _: next(views))


def read_opening(session: Session, opening_id: UUID) -> OpeningView:
    """Return an opening; raise ResourceNotFound when there is none."""
    opening = repository.find_opening(session, opening_id)
    if opening is None:
        raise ResourceNotFound
    return _views(session, [opening], database_now(session))[0]


def read_manifest(
    session: Session, opening_id: UUID, number: int | None = None
) -> tuple[Opening, Manifest]:
    """Return an opening with one of its manifests, the latest without a number.

    Raises:
        ResourceNotFound: when there is no such opening or manifest.
    """
    opening = read_opening(session, opening_id).opening
    manifest = repository.find_manifest(session, opening_id, number)
    if manifest is None:
        raise ResourceNotFound
    return opening, manifest


def list_findings(
    session: Session, opening_id: UUID, school_id: str | None, selection: PageSelection
) -> Page[ManifestFinding]:
    """Return what the latest manifest lacks, and its exceptions.

    Raises:
        ResourceNotFound: when the opening has no manifest.
    """
    manifest = read_opening(session, opening_id).manifest
    if manifest is None:
        raise ResourceNotFound
    return repository.page_of_findings(session, manifest.id, school_id, selection)


def approve_opening(
    unit: UnitOfWork,
    access: AccessRequest,
    opening_id: UUID,
    content_hash: bytes,
    lifetime: timedelta,
    key: ManifestKey,
) -> OpeningView:
    """Approve the latest manifest of an opening as the person behind the caller's client.

    The database decides; an approval for another manifest than the latest is refused.

    Raises:
        ResourceNotFound: when there is no such opening.
        MissingPermission: when no entitled person is behind the client, or it planned the opening.
        Conflict: when the manifest is not the latest, not complete, or the moment has passed.
    """
    manifest = read_opening(unit.session, opening_id).manifest
    if manifest is not None and not key.verifies(
        manifest.signature, opening_id, manifest.content_hash
    ):
        raise Conflict(
            "manifestNotSigned",
            "The manifest is not signed by the key of the workers: find out who added it, and "
            "verify the opening again.",
        )
    answer = repository.approve(unit.session, opening_id, content_hash, lifetime)
    if answer != "approved":
        raise _refusal(answer)
    record_change(unit, access, "approveOpening", f"/v1/openings/{opening_id}")
    return read_opening(unit.session, opening_id)


_FORBIDDEN = {
    "notEntitled": "Only an active client that belongs to a registered person, and has the scope "
    "releases:approve, approves an opening.",
    "plannedBySamePerson": "You planned this opening; two other persons approve it.",
}
_CONFLICTS = {
    "openingPassed": "The moment of this opening has passed; the plan has to give a later one.",
    "manifestOutdated": "This is not the present manifest of the opening: verify it again, read "
    "what has changed, and approve that manifest.",
    "manifestIncomplete": "Something is missing; see the findings of the manifest. Compute the "
    "school feedback if it is the product, build the documents, and verify the opening again.",
    "alreadyApproved": "You have approved this manifest; another person has to approve it.",
}


def _refusal(answer: str) -> DomainError:
    if answer in _FORBIDDEN:
        return MissingPermission(_FORBIDDEN[answer])
    return Conflict(answer, _CONFLICTS[answer])


def _views(session: Session, openings: Sequence[Opening], now: datetime) -> list[OpeningView]:
    ids = [opening.id for opening in openings]
    manifests = repository.latest_manifests(session, ids)
    approvals = repository.approvals_of(session, [one.id for one in manifests.values()])
    planners = repository.planners_of(session, ids)
    views = []
    for opening in openings:
        manifest = manifests.get(opening.id)
        given = approvals[manifest.id] if manifest else []
        facts = _facts(opening, manifest, given, frozenset(planners[opening.id]))
        state = opening_state(facts, now, is_planned=bool(opening.coverage))
        codes = component_codes(session, [component for component, _ in opening.coverage])
        views.append(OpeningView(opening, facts, state, codes, manifest, given))
    return views


def _facts(
    opening: Opening,
    manifest: Manifest | None,
    approvals: Sequence[OpeningApproval],
    planners: frozenset[UUID],
) -> OpeningFacts:
    latest: tuple[ManifestFacts, ...] = ()
    if manifest is not None:
        given = [
            ApprovalFacts(
                one.person_id, one.manifest_hash, one.approved_at, one.expires_at, one.voided_at
            )
            for one in approvals
        ]
        latest = (
            ManifestFacts(
                manifest.epoch,
                manifest.content_hash,
                manifest.is_complete,
                frozenset(manifest.component_ids),
                given,
            ),
        )
    return OpeningFacts(opening.opens_at, opening.epoch, latest, planners, opening.approvals_needed)
