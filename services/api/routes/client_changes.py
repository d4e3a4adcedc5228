"""Operations on changes of clients that several persons have to agree to."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.client_changes import (
    ClientChange,
    ClientChangePage,
    NewClientChange,
    OperatorPerson,
    OperatorPersonPage,
)
from services.api.security.permissions import ClientsWriter
from shared.client_changes import repository, service

router = operations("clients")

ChangePath = Annotated[UUID, Path(alias="changeId")]
_LOCATION = headers("Location")
_APPLIED = problems(
    "approvalRequired",
    "changeEnded",
    "changeNotDue",
    "clientExists",
    "clientKeyExists",
    "personExists",
    "tooManyKeys",
)


@router.get("/persons")
def list_persons(_: ClientsWriter, unit: UnitDep, page: PageDep) -> OperatorPersonPage:
    """List the persons behind the clients of operators, by name."""
    found = repository.page_of_persons(unit.session, page.selection)
    items = [OperatorPerson.of(person) for person in found.rows]
    return OperatorPersonPage(items=items, **page.metadata(found))


@router.get("/clientChanges")
def list_client_changes(
    _: ClientsWriter, unit: UnitDep, page: PageDep, links: LinksDep
) -> ClientChangePage:
    """List the requested changes of clients, newest first."""
    found = service.list_changes(unit.session, page.selection)
    items = [ClientChange.of(view, links) for view in found.rows]
    return ClientChangePage(items=items, **page.metadata(found))


@router.get("/clientChanges/{changeId}")
def get_client_change(
    change_id: ChangePath, _: ClientsWriter, unit: UnitDep, links: LinksDep
) -> ClientChange:
    """Return one requested change."""
    return ClientChange.of(service.read_change(unit.session, change_id), links)


@router.post(
    "/clientChanges",
    status_code=201,
    responses={201: {"headers": _LOCATION}},
)
def create_client_change(
    new: NewClientChange,
    access: ClientsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
    response: Response,
) -> ClientChange:
    """Request a change of a client, for other persons to approve."""
    view = service.request_change(unit, access, new.new_change())
    requested = ClientChange.of(view, links)
    response.headers["Location"] = requested.href
    return requested


@router.post("/clientChanges/{changeId}/approve", responses=_APPLIED)
def approve_client_change(
    change_id: ChangePath,
    access: ClientsWriter,
    unit: UnitDep,
    resources: ResourcesDep,
    links: LinksDep,
) -> ClientChange:
    """Approve a change; it is applied once enough persons agree.

    A key, a scope or a further client waits until `takesEffectAt`: the schools concerned find it in
    their audit log and can revoke their mandates, and the person whose client it is can reject it.
    """
    delay = timedelta(hours=resources.client_change_delay_hours)
    return ClientChange.of(service.approve_change(unit, access, change_id, delay), links)


@router.post("/clientChanges/{changeId}/reject", responses=problems("changeEnded"))
def reject_client_change(
    change_id: ChangePath, access: ClientsWriter, unit: UnitDep, links: LinksDep
) -> ClientChange:
    """Reject a change that is not applied yet."""
    return ClientChange.of(service.reject_change(unit, access, change_id), links)


@router.post("/clientChanges/{changeId}/apply", responses=_APPLIED)
def apply_client_change(
    change_id: ChangePath, access: ClientsWriter, unit: UnitDep, links: LinksDep
) -> ClientChange:
    """Apply a change that enough persons agree to, from `takesEffectAt`."""
    return ClientChange.of(service.apply_change(unit, access, change_id), links)
