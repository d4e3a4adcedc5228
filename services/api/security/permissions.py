"""Permissions: the scope that a route's signature asks for, and the authorization of a request."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from services.api.dependencies import ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.http.threads import run_in_thread
from services.api.operations.known_parameters import refuse_unknown_query
from services.api.operations.path_ids import ids_in_path, is_malformed
from services.api.resources import Resources
from services.api.security.address_limit import address_of
from services.api.security.authentication import authenticate
from services.api.security.rate_limits import raise_alarm, rate_limit
from shared.access.decisions import About, Rule, deny, record_refusal, require_scope
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.access.rules import (
    PRODUCT_OF_SCOPE,
    Caller,
    CallerKind,
    Reach,
    Scope,
    reach_of_schools,
    reach_of_students,
)
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.repository import mandated_schools
from shared.oauth.errors import EndedAccessToken

_NO_REACH = Reach(frozenset())


class Permission:
    """A dependency that authorizes a request whose token has one of the scopes.

    It is resolved before the parameters of the request are validated: a client without permission
    learns nothing about them.
    """

    def __init__(self, *scopes: Scope) -> None:
        self.required_scopes = frozenset(scopes)
        self._is_about_schools = Scope.SCHOOLS_READ in scopes
        self._reach_of = reach_of_schools if self._is_about_schools else reach_of_students

    async def __call__(
        self, request: Request, unit: UnitDep, resources: ResourcesDep
    ) -> AccessRequest:
        access = await run_in_thread(self.authorize, request, unit, resources)
        context_of(request).access = access
        return access

    def authorize(self, request: Request, unit: UnitOfWork, resources: Resources) -> AccessRequest:
        """Authorize a request: token, rate limit, scope, parameters, reach; in a thread.

        An id in the path that is not in its one form names no resource: it is denied here, with the
        response to an unknown one.
        """
        access = _access_request(request, _authenticate(request, unit, resources))
        rate_limit(request, resources, access.caller)
        unit.after_commit(lambda: raise_alarm(request, resources, access))
        school_id, about = _school_in_path(request), _about_in_path(request)
        require_scope(unit, access, self.required_scopes, school_id, about)
        refuse_unknown_query(request)
        if is_malformed(request):
            deny(unit, access, None, Rule.REACH)
        return replace(access, reach=self._reach(unit.session, access.caller, request))

    def _reach(self, session: Session, caller: Caller, request: Request) -> Reach:
        if caller.school_id is not None:
            schools = context_of(request).require_token().schools
            return self._reach_of(caller, schools=schools)
        mandates: dict[str, str] = {}
        if caller.kind is CallerKind.INTEGRATOR:
            school_id = _school_in_path(request)
            for product in self._products(caller):
                mandates |= mandated_schools(session, caller.client, product, school_id)
        return self._reach_of(caller, mandates)

    def _products(self, caller: Caller) -> list[Product | None]:
        """Return the products that a mandate has to share one of; None is any product."""
        if self._is_about_schools:
            return [None]
        used = sorted(self.required_scopes & caller.scopes & PRODUCT_OF_SCOPE.keys())
        return [PRODUCT_OF_SCOPE[scope] for scope in used]


def _authenticate(request: Request, unit: UnitOfWork, resources: Resources) -> Caller:
    """Authenticate the caller; record the use of a token that has ended.

    Such a request counts on its address, and is not recorded any more above the limit of that: it
    counts on no caller, so that a token which was revoked uses up the limit of no school.
    """
    try:
        return authenticate(request, unit, resources)
    except EndedAccessToken as error:
        if resources.rate_limiter.find_exceeded(address_of(request)) is None:
            access = _access_request(request, error.caller)
            school_id = _school_in_path(request) or error.caller.school_id
            rule, about = Rule.TOKEN_REVOKED, _about_in_path(request)
            record_refusal(unit, access, school_id, rule, about)
        raise


def _access_request(request: Request, caller: Caller) -> AccessRequest:
    return AccessRequest(
        caller=caller,
        action=request.scope["route"].operation_id,
        resource=_resource(request),
        trace_id=context_of(request).trace_id,
        reach=_NO_REACH,
    )


def _school_in_path(request: Request) -> str | None:
    """Return the school number in the path, if it has the form of one."""
    return ids_in_path(request).get("schoolId")


def _about_in_path(request: Request) -> About:
    """Return the student or the document in the path, for the audit event of a refusal."""
    ids = ids_in_path(request)
    students = (UUID(ids["studentId"]),) if "studentId" in ids else ()
    return About(students, UUID(ids["documentId"]) if "documentId" in ids else None)


def _resource(request: Request) -> str:
    """Return the path, with the parameter's name in place of a value that is not an id."""
    path: str = request.scope["route"].path_format
    for name, value in ids_in_path(request).items():
        path = path.replace(f"{{{name}}}", value)
    return path


AnyCaller = Annotated[AccessRequest, Depends(Permission(*Scope))]
SchoolsReader = Annotated[AccessRequest, Depends(Permission(Scope.SCHOOLS_READ))]
StudentsReader = Annotated[AccessRequest, Depends(Permission(Scope.STUDENTS_READ))]
ResultsReader = Annotated[AccessRequest, Depends(Permission(Scope.RESULTS_READ))]
FichesReader = Annotated[AccessRequest, Depends(Permission(Scope.DOCUMENTS_READ))]
DocumentsReader = Annotated[
    AccessRequest, Depends(Permission(Scope.DOCUMENTS_READ, Scope.FEEDBACK_READ))
]
FeedbackReader = Annotated[AccessRequest, Depends(Permission(Scope.FEEDBACK_READ))]
DeliveriesWriter = Annotated[AccessRequest, Depends(Permission(Scope.DELIVERIES_WRITE))]
DeliveriesReader = Annotated[
    AccessRequest, Depends(Permission(Scope.DELIVERIES_WRITE, Scope.JOBS_READ))
]
JobsReader = Annotated[AccessRequest, Depends(Permission(Scope.JOBS_READ))]
JobsWriter = Annotated[AccessRequest, Depends(Permission(Scope.JOBS_WRITE))]
ReleasesReader = Annotated[AccessRequest, Depends(Permission(Scope.RELEASES_READ))]
ReleasePlansReader = Annotated[
    AccessRequest, Depends(Permission(Scope.RELEASES_WRITE, Scope.RELEASES_APPROVE))
]
ReleasesApprover = Annotated[AccessRequest, Depends(Permission(Scope.RELEASES_APPROVE))]
ReleasesWriter = Annotated[AccessRequest, Depends(Permission(Scope.RELEASES_WRITE))]
MandatesReader = Annotated[AccessRequest, Depends(Permission(Scope.MANDATES_READ))]
MandatesWriter = Annotated[AccessRequest, Depends(Permission(Scope.MANDATES_WRITE))]
AuditReader = Annotated[AccessRequest, Depends(Permission(Scope.AUDIT_READ))]
HandOversReader = Annotated[AccessRequest, Depends(Permission(Scope.HAND_OVERS_READ))]
HandOversWriter = Annotated[AccessRequest, Depends(Permission(Scope.HAND_OVERS_WRITE))]
DeclarationsReader = Annotated[
    AccessRequest, Depends(Permission(Scope.DECLARATIONS_WRITE, Scope.HAND_OVERS_READ))
]
DeclarationsWriter = Annotated[AccessRequest, Depends(Permission(Scope.DECLARATIONS_WRITE))]
ViewingsPlanner = Annotated[AccessRequest, Depends(Permission(Scope.VIEWINGS_PLAN))]
ViewingPlansReader = Annotated[
    AccessRequest, Depends(Permission(Scope.VIEWINGS_PLAN, Scope.VIEWINGS_READ))
]
ViewingsReader = Annotated[AccessRequest, Depends(Permission(Scope.VIEWINGS_READ))]
ViewingsWriter = Annotated[AccessRequest, Depends(Permission(Scope.VIEWINGS_WRITE))]
ViewingsDesk = Annotated[AccessRequest, Depends(Permission(Scope.VIEWINGS_DESK))]
ClientsWriter = Annotated[AccessRequest, Depends(Permission(Scope.CLIENTS_WRITE))]
"""Access requests of a route's signature, named after the scope of which a token needs one."""
