"""The OpenAPI document, generated from the routes."""

from collections.abc import Iterator
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from services.api.examples import add_examples
from services.api.http.problem_types import MEDIA_TYPE
from services.api.operations.operation import required_scopes
from services.api.operations.problem_responses import types_in
from services.api.operations.response_headers import HEADERS, common_headers
from services.api.schemas.problem import InputValidationIssue, Problem
from services.api.security.authentication import BOUND_TOKEN, SECURITY_SCHEMES
from shared.core.settings import DEFAULT_PUBLIC_URL

OPENAPI_VERSION = "3.1.0"
DESCRIPTION = """\
Feedback of the Flemish tests (Vlaamse toetsen), for each school its own.

Results and documents are available only while their release window is open. Before and after, the
response is the same as for a resource that does not exist. Every read is recorded in the audit log.

Lists have one order, which holds over pages: names in Dutch order, where À, Ç and Ö sort with A, C
and O, and numbers by value, so that class 2A comes before 10A. `next` continues after the last item
of a page. A client that follows it reads each item that is in the list all the time exactly once,
whatever changes between two pages; only an item that gets another place meanwhile, such as a
student with a new name, can be missed or read twice. `page` is for jumps, and promises neither.

`HEAD` is supported wherever `GET` is, but for download links: the same headers without a body.
"""
TAGS = [
    {"name": "me", "description": "The caller itself."},
    {"name": "schools", "description": "Schools: number, name and municipality."},
    {"name": "students", "description": "Students, as enrolled in a school."},
    {"name": "results", "description": "Results: a level per component, never a score."},
    {
        "name": "documents",
        "description": "Fiches, overviews, bundles, print files, hand-out lists, reading guides.",
    },
    {
        "name": "schoolFeedback",
        "description": "School feedback: figures about the students of a school as a group.",
    },
    {"name": "handOvers", "description": "Hand-overs: fiches that a school gave to families."},
    {"name": "declarations", "description": "Declarations of a school about its regulations."},
    {"name": "viewings", "description": "Test viewing: places, registrations and the desk."},
    {"name": "catalogue", "description": "Administrations, components and levels."},
    {"name": "jobs", "description": "Long-running tasks."},
    {"name": "deliveries", "description": "Deliveries: results as submitted to this service."},
    {"name": "releaseWindows", "description": "Release windows: when feedback becomes visible."},
    {"name": "releasePlans", "description": "Release plans: what opens when, and who approves it."},
    {"name": "mandates", "description": "Mandates: what a school shares with an integrator."},
    {"name": "auditEvents", "description": "The audit log of a school: access to its data."},
    {"name": "clients", "description": "OAuth clients."},
    {"name": "oauth2", "description": "The authorization server: OAuth 2 access tokens."},
    {"name": "monitoring", "description": "Health, for operations."},
]


def build_openapi(app: FastAPI, public_url: str = DEFAULT_PUBLIC_URL) -> dict[str, Any]:
    """Build the document; the same routes give the same document, in the same order."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=OPENAPI_VERSION,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        contact={"name": "The organisation that runs the service"},
        servers=[{"url": public_url, "description": "The public URL of this service."}],
    )
    components = document["components"]
    _correct_schemas(components["schemas"])
    components["securitySchemes"] = SECURITY_SCHEMES
    components["responses"] = {}
    components["headers"] = dict(HEADERS)
    for route in operation_routes(app):
        for method in sorted(route.methods or ()):
            operation = document["paths"][route.path_format][method.lower()]
            _describe(operation, route)
            _complete_responses(operation["responses"], route)
    _drop_null(document["paths"])
    _share_problems(document)
    components["schemas"] = dict(sorted(components["schemas"].items()))
    components["responses"] = dict(sorted(components["responses"].items()))
    add_examples(document)
    return document


def operation_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Iterate over the routes in the document."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def openapi_yaml(app: FastAPI, public_url: str = DEFAULT_PUBLIC_URL) -> str:
    """Return the document as an API at this URL serves it; the app needs no resources."""
    document = build_openapi(app, public_url)
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, with block literals, and with quotes around leading digits."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the library's signature
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        lines, number = "|" if "\n" in text else None, "'" if text[:1].isdigit() else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=lines or number)


_Dumper.add_representer(str, _Dumper.represent_text)


def _correct_schemas(schemas: dict[str, Any]) -> None:
    """Replace FastAPI's schemas of validation errors by those of problems."""
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (InputValidationIssue, Problem):
        schemas[model.__name__] = model.model_json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        )
        schemas[model.__name__].pop("$defs", None)
    for schema in schemas.values():
        _drop_null(schema)
        for part in (schema, *schema.get("properties", {}).values()):
            part.pop("title", None)


def _describe(operation: dict[str, Any], route: APIRoute) -> None:
    operation["summary"] = route.description.splitlines()[0]
    operation["description"] = route.description
    for parameter in operation.get("parameters", ()):
        for repeated in ("title", "description"):
            parameter["schema"].pop(repeated, None)
    scopes = sorted(scope.value for scope in required_scopes(route))
    operation["security"] = [{BOUND_TOKEN: [scope]} for scope in scopes]


def _complete_responses(responses: dict[str, Any], route: APIRoute) -> None:
    """Add the headers that responses of any operation can have."""
    if MEDIA_TYPE not in responses.get("422", {}).get("content", {}):
        responses.pop("422", None)  # FastAPI's own, which is never sent
    is_authenticated = bool(required_scopes(route)) or "oauth2" in route.path_format.split("/")
    for status, response in responses.items():
        common = common_headers(int(status), is_authenticated=is_authenticated)
        response["headers"] = common | response.get("headers", {})
        for content in response.get("content", {}).values():
            if "itemSchema" in content:  # OpenAPI 3.2; in 3.1 it has no name
                content["schema"] = {
                    "type": "string",
                    "contentMediaType": "text/event-stream",
                    "contentSchema": content.pop("itemSchema"),
                }


def _share_problems(document: dict[str, Any]) -> None:
    """Move the schemas of problems, and responses that have nothing else, to the components.

    `Problem404` is what every operation has with that status. Where the types differ between
    operations, each has its own, such as `CancelJobProblem409`.
    """
    shared, found = document["components"], list(_problem_responses(document))
    sets: dict[str, set[tuple[str, ...]]] = {}
    for _, status, responses in found:
        content = responses[status]["content"]
        sets.setdefault(status, set()).add(tuple(types_in(content[MEDIA_TYPE]["schema"])))
    for operation_id, status, responses in found:
        content = responses[status]["content"]
        prefix = operation_id[0].upper() + operation_id[1:] if len(sets[status]) > 1 else ""
        name = f"{prefix}Problem{status}"
        shared["schemas"][name] = content[MEDIA_TYPE]["schema"]
        content[MEDIA_TYPE]["schema"] = {"$ref": f"#/components/schemas/{name}"}
        if len(content) == 1:
            shared["responses"][name] = responses[status]
            responses[status] = {"$ref": f"#/components/responses/{name}"}


def _problem_responses(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Iterate over operation ids, statuses of problems, and all responses of the operation."""
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if MEDIA_TYPE in response.get("content", {}):
                    yield operation["operationId"], status, operation["responses"]


def _drop_null(schema: Any) -> None:
    """Remove the type null: absent values are left out of responses."""
    for part in _unions(schema):
        options = [option for option in part.pop("anyOf") if option != {"type": "null"}]
        part.update(options[0] | part if len(options) == 1 else {"anyOf": options})
        if part.get("default", ...) is None:
            del part["default"]


def _unions(value: Any) -> Iterator[dict[str, Any]]:
    """Iterate over the schemas with `anyOf`, at any depth."""
    if isinstance(value, dict):
        if "anyOf" in value:
            yield value
        for inner in list(value.values()):
            yield from _unions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _unions(inner)
