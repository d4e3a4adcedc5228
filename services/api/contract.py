"""The OpenAPI document, made from the routes as they are."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from services.api.dependencies import ACCESS_TOKEN
from services.api.routing import required_scopes
from services.api.schemas.problem import InputValidationIssue, Problem

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
    {"name": "documents", "description": "Fiches, overviews and bundles."},
    {"name": "catalogue", "description": "Administrations, components and levels."},
    {"name": "jobs", "description": "Long-running tasks."},
    {"name": "deliveries", "description": "Results as they are handed over to this service."},
    {"name": "releaseWindows", "description": "When what may be seen."},
    {"name": "monitoring", "description": "For operations."},
]
TRACE_HEADER = {
    "BelGov-Trace-Id": {
        "description": "Identifies this answer; quote it when something is wrong.",
        "schema": {"type": "string", "format": "uuid"},
    }
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
    _add_problem_schemas(document)
    for route in operation_routes(app):
        for method in route.methods:
            _complete(document["paths"][route.path_format][method.lower()], route)
    for name, schema in document["components"]["schemas"].items():
        if name not in PATCHES:
            _drop_null(schema)
    _drop_null(document["paths"])
    return document


def to_yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)


def operation_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route that the document describes."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


class _Plain(yaml.SafeDumper):
    """Without anchors: a document of plain values reads better."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the library's signature
        return True


def _add_problem_schemas(document: dict[str, Any]) -> None:
    """In place of FastAPI's own schemas of what is wrong with a request, which nobody gets."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (InputValidationIssue, Problem):
        schema = model.model_json_schema(
            by_alias=True, ref_template="#/components/schemas/{model}", mode="serialization"
        )
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    operation["responses"].pop("422", None)
    for response in operation["responses"].values():
        response["headers"] = TRACE_HEADER | response.get("headers", {})
    scopes = sorted(required_scopes(route))
    if scopes:
        operation["security"] = [{ACCESS_TOKEN: [scope]} for scope in scopes]


def _drop_null(schema: Any) -> None:
    """Absent values are left out, so no value is ever null, whatever the Python type allows."""
    for part in _parts(schema, lambda found: "anyOf" in found):
        options = [option for option in part["anyOf"] if option != {"type": "null"}]
        if len(options) == 1:
            del part["anyOf"]
            part.update(options[0] | part)
        else:
            part["anyOf"] = options
        if part.get("default", ...) is None:
            del part["default"]


def _parts(value: Any, wanted: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if wanted(value):
            yield value
        for inner in list(value.values()):
            yield from _parts(inner, wanted)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, wanted)
