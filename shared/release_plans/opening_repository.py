"""SQL of openings with their manifests and approvals, and the function that approves one."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased, undefer

from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.releases.models import (
    Manifest,
    ManifestFinding,
    Opening,
    OpeningApproval,
    OpeningPlanner,
)


def page_of_openings(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[Opening]:
    """Return a page of the openings by their moments."""
    query = select(Opening)
    if administration_id is not None:
        query = query.where(Opening.administration_id == administration_id)
    in_time = ListOrder(Opening.opens_at, Opening.id)
    return page_of_scalars(session, query, in_time, selection)


def find_opening(session: Session, opening_id: UUID) -> Opening | None:
    return session.get(Opening, opening_id, populate_existing=True)


def latest_manifests(session: Session, opening_ids: Iterable[UUID]) -> dict[UUID, Manifest]:
    """Return the latest manifest of each opening that has one."""
    later = aliased(Manifest)
    is_followed = exists(later.id).where(
        later.opening_id == Manifest.opening_id, later.number > Manifest.number
    )
    query = select(Manifest).where(Manifest.opening_id.in_(list(opening_ids)), ~is_followed)
    return {manifest.opening_id: manifest for manifest in session.scalars(query)}


def find_manifest(session: Session, opening_id: UUID, number: int | None) -> Manifest | None:
    """Return a manifest with its content, the latest without a number."""
    query = select(Manifest).where(Manifest.opening_id == opening_id)
    if number is not None:
        query = query.where(Manifest.number == number)
    latest = query.order_by(Manifest.number.desc()).limit(1).options(undefer(Manifest.content))
    return session.scalars(latest.execution_options(populate_existing=True)).one_or_none()


def approvals_of(
    session: Session, manifest_ids: Iterable[UUID]
) -> dict[UUID, list[OpeningApproval]]:
    """Return the approvals of each manifest, oldest first."""
    query = select(OpeningApproval).where(OpeningApproval.manifest_id.in_(list(manifest_ids)))
    found: defaultdict[UUID, list[OpeningApproval]] = defaultdict(list)
    by_age = query.order_by(OpeningApproval.approved_at, OpeningApproval.person_id)
    for approval in session.scalars(by_age.execution_options(populate_existing=True)):
        found[approval.manifest_id].append(approval)
    return found


def planners_of(session: Session, opening_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Return the persons that planned each opening."""
    query = select(OpeningPlanner).where(OpeningPlanner.opening_id.in_(list(opening_ids)))
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for planner in session.scalars(query):
        found[planner.opening_id].add(planner.person_id)
    return found


def page_of_findings(
    session: Session, manifest_id: UUID, school_id: str | None, selection: PageSelection
) -> Page[ManifestFinding]:
    """Return a page of what a manifest lacks, and of its exceptions, by school."""
    query = select(ManifestFinding).where(ManifestFinding.manifest_id == manifest_id)
    if school_id is not None:
        query = query.where(ManifestFinding.school_id == school_id)
    by_school = ListOrder(ManifestFinding.school_id, ManifestFinding.id)
    return page_of_scalars(session, query, by_school, selection)


def approve(session: Session, opening_id: UUID, content_hash: bytes, lifetime: timedelta) -> str:
    """Approve the latest manifest of an opening as the caller's person.

    Return "approved", or the reason for which the database refuses.
    """
    statement = select(func.approve_opening(opening_id, content_hash, lifetime))
    return str(session.execute(statement).scalar_one())
