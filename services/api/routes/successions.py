"""Operations on successions: which school reads what another one got."""

from datetime import timedelta

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import OneSchoolQuery, SuccessionPath
from services.api.operations.problem_responses import problems
from services.api.schemas.successions import NewSuccession, Succession, SuccessionPage
from services.api.security.permissions import (
    ReleasePlansReader,
    ReleasesApprover,
    ReleasesWriter,
)
from shared.schools import successions

router = operations("schools")


@router.get("/successions")
def list_successions(
    _: ReleasePlansReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    school_id: OneSchoolQuery = None,
) -> SuccessionPage:
    """List the successions, by the number of the successor."""
    found = successions.list_successions(unit.session, school_id, page.selection)
    items = [Succession.of(view, links) for view in found.rows]
    return SuccessionPage(items=items, **page.metadata(found))


@router.get("/successions/{successionId}")
def get_succession(
    succession_id: SuccessionPath, _: ReleasePlansReader, unit: UnitDep, links: LinksDep
) -> Succession:
    """Return one succession."""
    return Succession.of(successions.read_succession(unit.session, succession_id), links)


@router.post(
    "/successions",
    responses=problems("alreadyConfirmed", "alreadySucceeded", "notDelivered", "successionCircle"),
)
def confirm_succession(
    new: NewSuccession,
    access: ReleasesApprover,
    unit: UnitDep,
    resources: ResourcesDep,
    links: LinksDep,
) -> Succession:
    """Confirm that a school succeeds another one, as a delivery states in `successorOf`.

    With the confirmation of a second person, the successor reads what its predecessor got, and the
    old number reads nothing any more. Mandates that it gave end.
    """
    lifetime = timedelta(hours=resources.release_approval_hours)
    view = successions.confirm_succession(
        unit, access, new.successor_id, new.predecessor_id, lifetime
    )
    return Succession.of(view, links)


@router.post("/successions/{successionId}/revoke")
def revoke_succession(
    succession_id: SuccessionPath, access: ReleasesWriter, unit: UnitDep, links: LinksDep
) -> Succession:
    """Revoke a succession, at once, for running downloads too.

    The predecessor reads again what it got.
    """
    return Succession.of(successions.revoke_succession(unit, access, succession_id), links)
