"""Operations of schools on test viewing: register, move, accept and cancel."""

from typing import Annotated, Any

from fastapi import Query, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.http.downloads import content_disposition
from services.api.http.stored_range import StoredRangeResponse
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, RegistrationPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.viewings import (
    NewRegistration,
    Registration,
    RegistrationMove,
    RegistrationPage,
    StateOfRegistration,
)
from services.api.security.permissions import ViewingsReader, ViewingsWriter
from shared.storage.store import Segment
from shared.viewings import service

router = operations("viewings")

_LOCATION = headers("Location")
_PDF, _CALENDAR = "application/pdf", "text/calendar"
_REFUSALS = ("slotFull", "quotaReached", "alreadyRegistered", "registrationClosed")


def _file_of(media_type: str, *codes: str) -> dict[int | str, dict[str, Any]]:
    form = {} if media_type.startswith("text/") else {"format": "binary"}
    content = {media_type: {"schema": {"type": "string"} | form}}
    found = {"content": content, "headers": headers("Content-Disposition")}
    return {200: found, **problems(*codes)}


@router.get("/viewings/registrations")
def list_viewing_registrations(
    access: ViewingsReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
    state: Annotated[
        StateOfRegistration | None, Query(description="Only registrations in this state.")
    ] = None,
) -> RegistrationPage:
    """List the registrations of the school, in the order in which it made them."""
    found = service.list_registrations(unit, access, administration_id, state, page.selection)
    items = [Registration.of(row, links) for row in found.rows]
    return RegistrationPage(items=items, **page.metadata(found))


@router.post(
    "/viewings/registrations",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems("resourceNotFound", *_REFUSALS)},
)
def create_viewing_registration(
    new: NewRegistration,
    access: ViewingsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    resources: ResourcesDep,
    links: LinksDep,
    response: Response,
) -> Registration:
    """Register a student of the school for a slot.

    A student without a released result that the slot would show is not found.
    """
    row = service.register(unit, access, resources.viewing_key, new.wanted())
    registration = Registration.of(row, links)
    response.headers["Location"] = registration.href
    return registration


@router.get("/viewings/registrations/{registrationId}")
def get_viewing_registration(
    registration_id: RegistrationPath, access: ViewingsReader, unit: UnitDep, links: LinksDep
) -> Registration:
    """Return one registration of the school."""
    return Registration.of(service.read_registration(unit, access, registration_id), links)


@router.get(
    "/viewings/registrations/{registrationId}/confirmation",
    response_class=Response,
    responses=_file_of(_PDF, "confirmationBeingMade", "documentBeingRebuilt"),
)
def get_viewing_confirmation(
    registration_id: RegistrationPath,
    access: ViewingsReader,
    unit: UnitDep,
    resources: ResourcesDep,
) -> Response:
    """Download the confirmation of a registration as a PDF: place, time, and the code of the desk.

    It shows no result. A worker makes it within seconds after the registration or its move.
    """
    found = service.read_confirmation(unit, access, registration_id)
    segment = Segment(found.storage_key, 0, found.byte_size)
    named = {"Content-Disposition": content_disposition("bevestiging-inzage.pdf")}
    return StoredRangeResponse(resources, segment, {"Content-Type": _PDF, **named})


@router.get(
    "/viewings/registrations/{registrationId}/calendar",
    response_class=Response,
    responses=_file_of(_CALENDAR),
)
def get_viewing_calendar(
    registration_id: RegistrationPath, access: ViewingsReader, unit: UnitDep
) -> Response:
    """Download place and time of a registration as a calendar entry (RFC 5545)."""
    calendar = service.read_calendar(unit, access, registration_id)
    named = {"Content-Disposition": content_disposition("inzage.ics")}
    return Response(calendar, media_type=f"{_CALENDAR}; charset=utf-8", headers=named)


@router.post(
    "/viewings/registrations/{registrationId}/move",
    responses=problems("registrationEnded", *_REFUSALS),
)
def move_viewing_registration(
    registration_id: RegistrationPath,
    move: RegistrationMove,
    access: ViewingsWriter,
    unit: UnitDep,
    links: LinksDep,
) -> Registration:
    """Move a registration to another slot; without a place there, it stays where it is."""
    return Registration.of(service.move(unit, access, registration_id, move.slot_id), links)


@router.post("/viewings/registrations/{registrationId}/accept", responses=problems("offerExpired"))
def accept_viewing_offer(
    registration_id: RegistrationPath, access: ViewingsWriter, unit: UnitDep, links: LinksDep
) -> Registration:
    """Accept the place that the waiting list offers. A second request changes nothing."""
    return Registration.of(service.accept(unit, access, registration_id), links)


@router.post(
    "/viewings/registrations/{registrationId}/cancel", responses=problems("registrationEnded")
)
def cancel_viewing_registration(
    registration_id: RegistrationPath, access: ViewingsWriter, unit: UnitDep, links: LinksDep
) -> Registration:
    """Cancel a registration; its place is offered to the waiting list."""
    return Registration.of(service.cancel(unit, access, registration_id), links)
