"""The running API conforms to its OpenAPI document and has no server errors."""

import os
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from clients.python.proofs import ProofKey
from services.api.app import build_app
from services.api.openapi import openapi_yaml
from shared.access.products import Product
from shared.access.rules import CallerKind
from shared.core.clock import database_today
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations.rules import open_school_years
from shared.hand_overs.declarations.service import declare
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import Callers
from tests.api.declared_headers import undeclared_headers
from tests.api.oauth_clients import register_client
from tests.api.seeding import ADMINISTRATION, LONG_AGO, SCHOOL, Seeded
from tests.callers import school_request
from tests.releasing import add_window

DOCUMENT = yaml.safe_load(openapi_yaml(build_app()))


def headers_are_declared(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: Case[Any]
) -> None:
    """Fail for a header of ours that the document does not have for this response."""
    path, names = case.operation.path, response.headers
    missing = undeclared_headers(DOCUMENT, case.method, path, response.status_code, names)
    assert not missing, f"{case.method} {path}: {response.status_code} has {missing}"


CHECKS = [
    headers_are_declared,
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OF_EVENTS = [check for check in CHECKS if check is not response_schema_conformance]
"""Those of a stream, whose schema is that of its text: schemathesis compares each event with it."""


@schemathesis.serializer("application/zip")
def bytes_of(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send a body of bytes as it is, and any other generated value as text."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode()


contract = schemathesis.openapi.from_dict(DOCUMENT)
contract.config.phases.coverage.enabled = "BOUNDARIES" in os.environ
"""Whether each parameter has values at and beyond its limits too; `make contract` has them."""


class BoundToken(AuthBase):
    """Authentication for the library `requests`: a token, and a proof for each request."""

    def __init__(self, key: ProofKey, token: str) -> None:
        self.key = key
        self.token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"DPoP {self.token}"
        proof = self.key.proof(request.method or "", request.url or "", self.token)
        request.headers["DPoP"] = proof
        return request


@pytest.fixture(scope="module")
def tokens(callers: Callers, school: httpx.Client) -> list[AuthBase]:
    school.get("/v1/schools")  # the client learns the nonce for its proofs
    return [
        BoundToken(callers.key, callers.token(CallerKind.SCHOOL, SCHOOL)),
        BoundToken(callers.key, callers.token(CallerKind.OPERATOR)),
    ]


@pytest.fixture(scope="module")
def existing_ids(seeded: Seeded, sessions: Sessions, url: str) -> dict[str, str]:
    """Release everything, and return path parameters of existing resources."""
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR).id
    with UnitOfWork(sessions) as unit:
        window = add_window(unit.session, ADMINISTRATION, opens_at=LONG_AGO)
        next_year = database_today(unit.session) + timedelta(days=300)
        plan = MandatePlan(vendor, [Product.STUDENT_FEEDBACK], next_year, "tests")
        mandate_view = give_mandate(unit, school_request(SCHOOL), plan)
        school_year, _ = open_school_years(database_today(unit.session))
        declaration = declare(unit, school_request(SCHOOL), school_year, None).declaration
    return {
        "schoolId": SCHOOL,
        "studentId": str(seeded.students["first"]),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "language": "fr",
        "deliveryId": str(seeded.delivery),
        "windowId": str(window),
        "mandateId": str(mandate_view.mandate.id),
        "declarationId": str(declaration.id),
    }


@contract.parametrize()
@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_response_conforms_to_the_document(
    case: Case[Any], url: str, tokens: list[AuthBase], existing_ids: dict[str, str]
) -> None:
    checks = OF_EVENTS if case.path.endswith("/events") else CHECKS
    for token in tokens:
        case.call_and_validate(base_url=url, auth=token, checks=checks)
    if case.path_parameters.keys() & existing_ids.keys():
        case.path_parameters |= existing_ids
        for token in tokens:
            case.call_and_validate(base_url=url, auth=token, checks=checks)
