"""Operations of viewing officers at the desk of their location, on the days of their duties."""

from typing import Annotated

from fastapi import Query, Request

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.parameters import RegistrationPath
from services.api.operations.problem_responses import problems
from services.api.schemas.viewing_desk import (
    Annulment,
    CodeLookUp,
    IdentityCheck,
    ViewableComponent,
    ViewableComponentList,
    ViewedItemList,
    Visitor,
    VisitorList,
)
from services.api.security.permissions import ViewingsDesk
from services.api.security.rate_limits import rate_limit_codes
from shared.core.plain_text import PLAIN_TEXT
from shared.viewings import desk

router = operations("viewings")

ComponentQuery = Annotated[
    str,
    Query(min_length=1, max_length=64, pattern=PLAIN_TEXT, description="Code of the component."),
]
_ENDED = problems("registrationEnded")


@router.post("/viewings/desk/lookUps", responses=problems("resourceNotFound"))
def look_up_registration(
    look_up: CodeLookUp,
    access: ViewingsDesk,
    unit: UnitDep,
    request: Request,
    resources: ResourcesDep,
    links: LinksDep,
) -> Visitor:
    """Look a registration up by the code of its confirmation; five wrong codes a minute."""
    with rate_limit_codes(request, resources, access.caller):
        row = desk.look_up(unit, access, resources.viewing_key, look_up.code)
    return Visitor.of(row, links)


@router.get("/viewings/desk/registrations")
def list_desk_registrations(access: ViewingsDesk, unit: UnitDep, links: LinksDep) -> VisitorList:
    """List who is registered for today at the officer's location, by time and name."""
    rows = desk.list_visitors(unit, access)
    return VisitorList(items=[Visitor.of(row, links) for row in rows])


@router.post("/viewings/desk/registrations/{registrationId}/open", responses=_ENDED)
def open_desk_registration(
    registration_id: RegistrationPath,
    _check: IdentityCheck,
    access: ViewingsDesk,
    unit: UnitDep,
    links: LinksDep,
) -> Visitor:
    """Open a registration within its slot, after a check of the student's identity."""
    return Visitor.of(desk.open_viewing(unit, access, registration_id), links)


@router.get("/viewings/desk/registrations/{registrationId}/components")
def list_desk_components(
    registration_id: RegistrationPath, access: ViewingsDesk, unit: UnitDep
) -> ViewableComponentList:
    """List the components that the student can see, while the registration is open."""
    components = desk.show_components(unit, access, registration_id)
    return ViewableComponentList(items=[ViewableComponent.of(one) for one in components])


@router.get("/viewings/desk/registrations/{registrationId}/items")
def list_desk_items(
    registration_id: RegistrationPath,
    access: ViewingsDesk,
    unit: UnitDep,
    component: ComponentQuery,
) -> ViewedItemList:
    """List the items of a component in the order of the test: right or wrong, and nothing else."""
    shown = desk.show_items(unit, access, registration_id, component)
    return ViewedItemList.of_component(shown)


@router.post("/viewings/desk/registrations/{registrationId}/close", responses=_ENDED)
def close_desk_registration(
    registration_id: RegistrationPath, access: ViewingsDesk, unit: UnitDep, links: LinksDep
) -> Visitor:
    """Close an open registration; its items are shown no more."""
    return Visitor.of(desk.close_viewing(unit, access, registration_id), links)


@router.post("/viewings/desk/registrations/{registrationId}/annul", responses=_ENDED)
def annul_desk_registration(
    registration_id: RegistrationPath,
    annulment: Annulment,
    access: ViewingsDesk,
    unit: UnitDep,
    links: LinksDep,
) -> Visitor:
    """Annul a registration with a reason, such as that nobody came."""
    return Visitor.of(desk.annul(unit, access, registration_id, annulment.reason), links)
