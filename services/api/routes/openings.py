"""Operations on openings: what opens at one moment, its manifest and its approvals."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query, Request, Response

from services.api.dependencies import LinksDep, QueueDep, ResourcesDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, OneSchoolQuery, OpeningPath
from services.api.operations.problem_responses import problems
from services.api.routes.jobs import ACCEPTED, accepted
from services.api.schemas.jobs import Job
from services.api.schemas.openings import (
    Manifest,
    ManifestFinding,
    ManifestFindingPage,
    NewApproval,
    Opening,
    OpeningPage,
)
from services.api.security.permissions import ReleasePlansReader, ReleasesApprover, ReleasesWriter
from shared.release_plans import openings
from shared.release_plans.verification import start_verification

router = operations("releasePlans")


@router.get("/openings")
def list_openings(
    _: ReleasePlansReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> OpeningPage:
    """List the openings by their moments, each with what blocks it."""
    found = openings.list_openings(unit.session, administration_id, page.selection)
    items = [Opening.of(view, links) for view in found.rows]
    return OpeningPage(items=items, **page.metadata(found))


@router.get("/openings/{openingId}")
def get_opening(
    opening_id: OpeningPath, _: ReleasePlansReader, unit: UnitDep, links: LinksDep
) -> Opening:
    """Return one opening with its latest manifest and the approvals of that."""
    return Opening.of(openings.read_opening(unit.session, opening_id), links)


@router.get("/openings/{openingId}/manifest")
def get_opening_manifest(
    opening_id: OpeningPath,
    _: ReleasePlansReader,
    unit: UnitDep,
    number: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="Which manifest; the latest without.")
    ] = None,
) -> Manifest:
    """Return a manifest of an opening: what it will show, in counts and hashes."""
    opening, manifest = openings.read_manifest(unit.session, opening_id, number)
    return Manifest.with_content(manifest, opening.epoch)


@router.get("/openings/{openingId}/findings")
def list_opening_findings(
    opening_id: OpeningPath,
    _: ReleasePlansReader,
    unit: UnitDep,
    page: PageDep,
    school_id: OneSchoolQuery = None,
) -> ManifestFindingPage:
    """List what the latest manifest lacks, and its exceptions, by school."""
    found = openings.list_findings(unit.session, opening_id, school_id, page.selection)
    items = [ManifestFinding.of(row) for row in found.rows]
    return ManifestFindingPage(items=items, **page.metadata(found))


@router.post("/openings/{openingId}/verify", status_code=202, responses=ACCEPTED)
def verify_opening(
    opening_id: OpeningPath,
    access: ReleasesWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    queue: QueueDep,
    links: LinksDep,
    request: Request,
    response: Response,
) -> Job:
    """Start a job that compares everything the opening shows with what it should show.

    Its result is a signed manifest, which two persons approve.
    """
    job = start_verification(unit, queue, access, opening_id)
    return accepted(unit.session, job, links, request, response)


@router.post(
    "/openings/{openingId}/approve",
    responses=problems(
        "alreadyApproved",
        "manifestIncomplete",
        "manifestNotSigned",
        "manifestOutdated",
        "openingPassed",
    ),
)
def approve_opening(
    opening_id: OpeningPath,
    approval: NewApproval,
    access: ReleasesApprover,
    unit: UnitDep,
    resources: ResourcesDep,
    links: LinksDep,
) -> Opening:
    """Approve the latest manifest of an opening, as the person behind the caller's client.

    Nobody approves what they planned. Any change of the plan or of what the manifest describes
    voids the approval before the moment of the opening, and nothing does after it.
    """
    lifetime = timedelta(hours=resources.release_approval_hours)
    content_hash = approval.content_hash()
    view = openings.approve_opening(
        unit, access, opening_id, content_hash, lifetime, resources.manifest_key
    )
    return Opening.of(view, links)
