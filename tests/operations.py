"""Every operation of the API, and a valid request of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from joserfc.jwk import ECKey

from shared.jobs.rules import BUILD_DOCUMENTS
from shared.oauth.assertions import ASSERTION_TYPE

Ids = Mapping[str, str]
"""Values by name: of path parameters, and of properties of bodies."""


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
    "createReleaseWindow": lambda ids: {
        "json": {"administrationId": ids["administrationId"], "component": ids["component"]}
    },
    "changeReleaseWindow": lambda ids: {"json": {"plannedFrom": f"{ids['day']}T09:00:00Z"}},
    "createMandate": lambda ids: {
        "json": {
            "clientId": ids["clientId"],
            "products": ["schoolFeedback"],
            "from": ids["day"],
            "until": ids["day"],
            "purpose": "Report book",
        }
    },
    "shortenMandate": lambda ids: {"json": {"until": ids["day"]}},
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
