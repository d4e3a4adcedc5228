"""Every operation of the API, and a valid request of each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from joserfc.jwk import ECKey

from shared.core.clock import BRUSSELS
from shared.hand_overs.declarations.rules import open_school_years
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.oauth.assertions import ASSERTION_TYPE

SCHOOL_YEAR, _ = open_school_years(datetime.now(BRUSSELS).date())
Ids = Mapping[str, str]
"""Values by name: of path parameters, and of properties of bodies."""


UNKNOWN = "0195d2a4-7c1e-4b5a-9f00-abcdefabcdef"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with its `operationId`; a page outside the contract has its function's name."""

    name: str
    method: str
    path: str

    def request(self, ids: Ids) -> dict[str, Any]:
        """Return the arguments of `httpx.request`."""
        arguments = _ARGUMENTS[self.name](ids) if self.name in _ARGUMENTS else {}
        return {"method": self.method, "url": self.path.format_map(ids), **arguments}


def operations_of(app: FastAPI) -> dict[str, Operation]:
    found = (
        Operation(str(route.operation_id or route.name), method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    )
    return {operation.name: operation for operation in found}


_INVALID_ASSERTION = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "nonsense"}
"""An unsigned assertion: the requests for a token are the only invalid ones."""


def _of_administration(ids: Ids) -> dict[str, Any]:
    return {"params": {"administrationId": ids["administrationId"]}}


def _new_key(ids: Ids) -> dict[str, Any]:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    return {"json": {"kind": "addKey", "clientId": ids["clientId"], "keys": [key]}}


_ARGUMENTS: dict[str, Callable[[Ids], dict[str, Any]]] = {
    "listLevelScales": _of_administration,
    "listComponents": _of_administration,
    "getSchoolFeedback": _of_administration,
    "listSchoolFeedbackVersions": _of_administration,
    "createJob": lambda ids: {
        "json": {
            "kind": BUILD_DOCUMENTS,
            "administrationId": ids["administrationId"],
            "schoolId": ids["schoolId"],
        }
    },
    "createDelivery": lambda _: {
        "content": b"no ZIP",
        "headers": {"Content-Type": "application/zip"},
    },
    "replaceReleasePlan": lambda ids: {
        "json": {"windows": json.loads(ids.get("planWindows", "[]"))},
        "headers": {"If-Match": ids["planVersion"]},
    },
    "approveOpening": lambda ids: {"json": {"manifestHash": ids["manifestHash"]}},
    "createRecall": lambda ids: {
        "json": {
            "administrationId": ids["administrationId"],
            "product": "schoolFeedback",
            "reason": "a fault",
        }
    },
    "replaceViewingSettings": lambda _: {"json": {}},
    "createViewingLocation": lambda ids: {"json": {"name": ids["name"], "address": "Brussel"}},
    "createViewingDay": lambda ids: {
        "json": {
            "administrationId": ids["administrationId"],
            "locationId": ids.get("locationId", UNKNOWN),
            "day": ids["day"],
            "opensAt": "09:00",
            "closesAt": "10:30",
            "capacity": 1,
        }
    },
    "changeViewingSlot": lambda _: {"json": {"capacity": 1000}},
    "createViewingDuty": lambda ids: {
        "json": {
            "clientId": ids.get("officerId", UNKNOWN),
            "locationId": ids.get("locationId", UNKNOWN),
            "day": ids["day"],
        }
    },
    "createViewingRegistration": lambda ids: {
        "json": {"studentId": ids["studentId"], "slotId": ids["slotId"]}
    },
    "moveViewingRegistration": lambda ids: {"json": {"slotId": ids["slotId"]}},
    "lookUpRegistration": lambda ids: {"json": {"code": ids.get("code", "none")}},
    "openDeskRegistration": lambda _: {"json": {"identityChecked": True}},
    "listDeskItems": lambda ids: {"params": {"component": ids.get("viewed", "none")}},
    "annulDeskRegistration": lambda _: {"json": {"reason": "noShow"}},
    "confirmSuccession": lambda ids: {
        "json": {
            "successorId": ids["schoolId"],
            "predecessorId": ids.get("predecessorId", "999999"),
        }
    },
    "createMandate": lambda ids: {
        "json": {
            "clientId": ids["clientId"],
            "products": ["schoolFeedback"],
            "from": ids["day"],
            "until": ids["day"],
            "purpose": "Report book",
        }
    },
    "searchSchoolStudents": lambda ids: {
        "json": {"administrationId": ids["administrationId"], "name": "familie"}
    },
    "shortenMandate": lambda ids: {"json": {"until": ids["day"]}},
    "recordHandOvers": lambda ids: {
        "json": {
            "administrationId": ids["administrationId"],
            "studentIds": [ids["studentId"]],
            "means": "printed",
        }
    },
    "withdrawHandOvers": lambda ids: {"json": {"handOverIds": [ids["handOverId"]]}},
    "createDeclaration": lambda _: {"json": {"schoolYear": SCHOOL_YEAR}},
    "createClient": lambda ids: {
        "json": {"name": ids["name"], "kind": "integrator", "scopes": ["schools:read"]}
    },
    "changeClient": lambda ids: {"json": {"name": ids["name"]}},
    "createClientChange": _new_key,
    "issueToken": lambda _: {"data": _INVALID_ASSERTION | {"grant_type": "client_credentials"}},
    "introspectToken": lambda _: {"data": _INVALID_ASSERTION | {"token": "nonsense"}},
    "revokeToken": lambda _: {"data": _INVALID_ASSERTION | {"token": "nonsense"}},
    "addOwnKey": lambda _: {"data": _INVALID_ASSERTION},
    "removeOwnKey": lambda _: {"data": _INVALID_ASSERTION | {"key_id": "nonsense"}},
}
