"""The OpenAPI document, made from the routes as they are."""

from collections.abc import Iterator
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from services.api.http.middleware import TRACE_HEADER
from services.api.http.problems import MEDIA_TYPE
from services.api.operations.operation import required_scopes
from services.api.schemas.problem import InputValidationIssue, Problem
from services.api.security.authentication import BEARER_TOKEN, BOUND_TOKEN, SECURITY_SCHEMES
from shared.access.rules import Scope, needs_proof

OPENAPI_VERSION = "3.1.0"
PATCHES = frozenset({"ReleaseWindowChange"})
"""Schemas in which null means something: it takes a value away."""

DESCRIPTION = """\
Feedback on the Vlaamse toetsen, for the school it belongs to and nobody else.

Results and documents are there only while their release window is open; before and after, they are
answered for as if they did not exist. Every read of them is put on a trail.
"""
TAGS = [
    {"name": "schools", "description": "Who a school is."},
    {"name": "students", "description": "Who its students are."},
    {"name": "results", "description": "A level per component; never a score."},
    {"name": "documents", "description": "Fiches, overviews, bundles and print files."},
    {"name": "catalogue", "description": "Administrations, components and levels."},
    {"name": "jobs", "description": "Long-running tasks."},
    {"name": "deliveries", "description": "Results as they are handed over to this service."},
    {"name": "releaseWindows", "description": "When what may be seen."},
    {"name": "mandates", "description": "What a school shares with an integrator."},
    {"name": "auditEvents", "description": "Who asked for a school's data."},
    {"name": "clients", "description": "The programs that may ask for tokens."},
    {"name": "oauth2", "description": "Access tokens, by the standards of OAuth 2."},
    {"name": "monitoring", "description": "For operations."},
]
_TRACE = {
    "description": "Identifies this answer; quote it when something is wrong.",
    "schema": {"type": "string", "format": "uuid"},
}


def contract_of(app: FastAPI) -> dict[str, Any]:
    """The same routes give the same document, in the same order."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=OPENAPI_VERSION,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
    )
    components = document["components"]
    components["schemas"] = dict(sorted(_schemas(components["schemas"]).items()))
    components["securitySchemes"] = SECURITY_SCHEMES
    components["responses"] = {}
    components["headers"] = {TRACE_HEADER: _TRACE}
    for route in operation_routes(app):
        for method in sorted(route.methods or ()):
            operation = document["paths"][route.path_format][method.lower()]
            _describe(operation, route)
            _refer_to_problems(operation["responses"], components["responses"])
    _drop_null(document["paths"])
    return document


def operation_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route that the document describes."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def to_yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=100)


class _Readable(yaml.SafeDumper):
    """Without anchors; lines stay lines, and no text looks like a number."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the library's signature
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        lines, number = "|" if "\n" in text else None, "'" if text[:1].isdigit() else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=lines or number)


_Readable.add_representer(str, _Readable.represent_text)


def _schemas(schemas: dict[str, Any]) -> dict[str, Any]:
    """With problems in place of FastAPI's own answers to a bad request, which nobody gets."""
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (InputValidationIssue, Problem):
        schemas[model.__name__] = model.model_json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        )
        schemas[model.__name__].pop("$defs", None)
    for name, schema in schemas.items():
        if name not in PATCHES:
            _drop_null(schema)
        for part in (schema, *schema.get("properties", {}).values()):
            part.pop("title", None)
    return schemas


def _describe(operation: dict[str, Any], route: APIRoute) -> None:
    operation["summary"] = route.description.splitlines()[0]
    rest = route.description.partition("\n\n")[2]
    operation.pop("description", None)
    if rest:
        operation["description"] = rest
    for parameter in operation.get("parameters", ()):
        for repeated in ("title", "description"):
            parameter["schema"].pop(repeated, None)
    scopes = sorted(scope.value for scope in required_scopes(route))
    if scopes:
        operation["security"] = [
            {scheme: [scope]}
            for scope in scopes
            for scheme in (BOUND_TOKEN, BEARER_TOKEN)
            if scheme == BOUND_TOKEN or not needs_proof([Scope(scope)])
        ]


def _refer_to_problems(responses: dict[str, Any], shared: dict[str, Any]) -> None:
    """Moves what every operation answers alike to one place, and adds the header all have."""
    if MEDIA_TYPE not in responses.get("422", {}).get("content", {}):
        responses.pop("422", None)  # FastAPI's own, which nobody gets
    for status, response in responses.items():
        headers = {TRACE_HEADER: {"$ref": f"#/components/headers/{TRACE_HEADER}"}}
        response["headers"] = headers | response.get("headers", {})
        for content in response.get("content", {}).values():
            if "itemSchema" in content:  # OpenAPI 3.2; in 3.1 it has no name
                content |= {"schema": {}, "x-itemSchema": content.pop("itemSchema")}
        if MEDIA_TYPE in response.get("content", {}):
            shared[f"Problem{status}"] = response
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}


def _drop_null(schema: Any) -> None:
    """Absent values are left out, so no value is ever null, whatever the Python type allows."""
    for part in _parts(schema):
        options = [option for option in part.pop("anyOf") if option != {"type": "null"}]
        part.update(options[0] | part if len(options) == 1 else {"anyOf": options})
        if part.get("default", ...) is None:
            del part["default"]


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object at any depth that allows more than one type."""
    if isinstance(value, dict):
        if "anyOf" in value:
            yield value
        for inner in list(value.values()):
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)
