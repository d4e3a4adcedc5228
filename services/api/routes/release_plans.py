"""Operations on release plans: read the plan of an administration, and replace it."""

from typing import Annotated, Any

from fastapi import Header, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.release_plans import (
    NewReleasePlan,
    ReleasePlan,
    ReleasePlanPage,
    ReleasePlanSummary,
)
from services.api.security.permissions import ReleasePlansReader, ReleasesWriter
from shared.release_plans import repository, service

router = operations("releasePlans")

_VERSIONED: dict[int | str, dict[str, Any]] = {200: {"headers": headers("ETag")}}
VersionHeader = Annotated[
    str, Header(alias="If-Match", description="The `ETag` with which the plan was read.")
]


@router.get("/releasePlans")
def list_release_plans(
    _: ReleasePlansReader, unit: UnitDep, page: PageDep, links: LinksDep
) -> ReleasePlanPage:
    """List the plans of all administrations, the latest first."""
    found = repository.page_of_administrations(unit.session, page.selection)
    items = [ReleasePlanSummary.of(administration, links) for administration in found.rows]
    return ReleasePlanPage(items=items, **page.metadata(found))


@router.get("/releasePlans/{administrationId}", responses=_VERSIONED)
def get_release_plan(
    administration_id: AdministrationPath,
    _: ReleasePlansReader,
    unit: UnitDep,
    links: LinksDep,
    response: Response,
) -> ReleasePlan:
    """Return the plan of an administration; `ETag` is its version."""
    view = service.read_plan(unit.session, administration_id)
    response.headers["ETag"] = f'"{view.plan.version()}"'
    return ReleasePlan.of(view, links)


@router.put(
    "/releasePlans/{administrationId}",
    responses={
        **_VERSIONED,
        **problems(
            "releaseWindowExists",
            "windowHasOpened",
            "opensWithoutApproval",
            "openingImminent",
            "preconditionFailed",
        ),
    },
)
def replace_release_plan(
    administration_id: AdministrationPath,
    plan: NewReleasePlan,
    version: VersionHeader,
    access: ReleasesWriter,
    unit: UnitDep,
    resources: ResourcesDep,
    links: LinksDep,
    response: Response,
) -> ReleasePlan:
    """Replace the plan of an administration, unless it has changed since it was read.

    It opens nothing: what opens needs a verification, and approvals by other persons. What has
    opened is closed by `closesAt`, by `never` and by a recall only.
    """
    update = service.replace_plan(
        unit,
        access,
        administration_id,
        version.strip('"'),
        plan.plan(),
        resources.release_approvals,
    )
    response.headers["ETag"] = f'"{update.view.plan.version()}"'
    return ReleasePlan.of(update.view, links, list(update.changed_openings))
