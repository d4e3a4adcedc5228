"""The OpenAPI document is enough for a program that knows the standards alone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from services.api.app import build_app
from services.api.examples import EXAMPLES, needs_example
from services.api.http.problem_types import MEDIA_TYPE, PROBLEM_TYPES
from services.api.openapi import openapi_yaml
from services.api.operations.problem_responses import types_in
from tests.api.test_problem_types import codes

ANNOTATIONS = {"title", "description", "default", "examples", "contentMediaType", "contentSchema"}
KEYWORDS = ANNOTATIONS | {"$ref", "discriminator"} | set(Draft202012Validator.VALIDATORS)
"""Of JSON Schema 2020-12 and OpenAPI 3.1; tools ignore any other keyword."""

SHOWN_BY_JOBS = {
    "deliveryMissing",
    "disclosureAuditFailed",
    "openingChanged",
    "otherInszKey",
    "schoolChanged",
    "schoolNotTakingPart",
}
"""Codes of conflicts that only the worker or the command line meets."""


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(openapi_yaml(build_app()))
    return loaded


def operations(contract: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in contract["paths"].values():
        yield from path.values()


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Iterate over a schema and all schemas in it."""
    yield schema
    for keyword, value in schema.items():
        if keyword in {"properties", "$defs"}:
            inner = list(value.values())
        elif keyword in {"allOf", "anyOf", "oneOf"}:
            inner = value
        else:
            is_schema = keyword in {"items", "contentSchema", "additionalProperties"}
            inner = [value] if is_schema and isinstance(value, dict) else []
        for one in inner:
            yield from subschemas(one)


def schemas(contract: dict[str, Any]) -> Iterator[dict[str, Any]]:
    roots = list(contract["components"]["schemas"].values())
    for operation in operations(contract):
        roots += [parameter["schema"] for parameter in operation.get("parameters", ())]
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            roots += [content["schema"] for content in part.get("content", {}).values() if content]
    for root in roots:
        yield from subschemas(root)


def test_schemas_have_no_keyword_that_tools_ignore(contract: dict[str, Any]) -> None:
    unknown = {keyword for schema in schemas(contract) for keyword in schema} - KEYWORDS
    assert unknown == set()


def test_pages_have_bounds(contract: dict[str, Any]) -> None:
    found = [
        parameter["schema"]
        for operation in operations(contract)
        for parameter in operation.get("parameters", ())
        if parameter["name"] in {"page", "pageSize"}
    ]
    assert len(found) >= 24
    assert all(schema["minimum"] == 1 for schema in found)
    assert {schema["maximum"] for schema in found} == {200, 1_000_000}


def test_every_body_of_a_response_has_a_schema(contract: dict[str, Any]) -> None:
    for operation in operations(contract):
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                name = (operation["operationId"], status, media_type)
                assert content.get("schema"), name


def test_job_and_its_result_are_described(contract: dict[str, Any]) -> None:
    described = {
        name: operation["responses"]["200"]["content"]["application/json"]["schema"]
        for operation in operations(contract)
        if (name := operation["operationId"]) in {"getJob", "getJobResult"}
    }
    reference = "#/components/schemas/"
    assert described == {
        "getJob": {"$ref": f"{reference}Job"},
        "getJobResult": {"$ref": f"{reference}JobResult"},
    }


def test_server_is_the_public_url(unauthenticated: httpx.Client, url: str) -> None:
    served = yaml.safe_load(unauthenticated.get("/doc/openapi.yaml").text)
    assert [server["url"] for server in served["servers"]] == [url]


def test_every_free_text_has_an_example_that_fits(contract: dict[str, Any]) -> None:
    named = [
        (name, part)
        for schema in contract["components"]["schemas"].values()
        for name, part in schema.get("properties", {}).items()
    ]
    named += [
        (parameter["name"], parameter["schema"])
        for operation in operations(contract)
        for parameter in operation.get("parameters", ())
    ]
    assert [name for name, schema in named if needs_example(schema)] == []
    for name, schema in named:
        for example in schema.get("examples", ()):
            faults = list(Draft202012Validator(schema).iter_errors(example))
            assert faults == [], name


def test_no_example_is_left_over(contract: dict[str, Any]) -> None:
    names = {
        form
        for schema_name, schema in contract["components"]["schemas"].items()
        for name in schema.get("properties", {})
        for form in (name, f"{schema_name}.{name}")
    }
    names |= {p["name"] for o in operations(contract) for p in o.get("parameters", ())}
    assert EXAMPLES.keys() - names == set()


def types_of(contract: dict[str, Any], response: dict[str, Any]) -> list[str]:
    """Return the problem types of a response, which may be a reference."""
    name = response.get("$ref", "").rpartition("/")[2]
    content = (contract["components"]["responses"][name] if name else response).get("content", {})
    if MEDIA_TYPE not in content:
        return []
    schema = content[MEDIA_TYPE]["schema"]["$ref"].rpartition("/")[2]
    return types_in(contract["components"]["schemas"][schema])


def test_every_operation_names_its_problem_types_by_status(contract: dict[str, Any]) -> None:
    statuses = {kind.type: kind.status for kind in PROBLEM_TYPES.values()}
    named = set()
    for operation in operations(contract):
        for status, response in operation["responses"].items():
            types = types_of(contract, response)
            assert {statuses[name] for name in types} in ({int(status)}, set())
            assert types or int(status) < 400 or "application/json" in response["content"], status
            named.update(types)
    conflicts = {PROBLEM_TYPES[code].type for code in codes() if PROBLEM_TYPES[code].status == 409}
    assert conflicts - named == {PROBLEM_TYPES[code].type for code in SHOWN_BY_JOBS}


def test_retry_names_the_conflicts_of_a_retry(contract: dict[str, Any]) -> None:
    retry = contract["paths"]["/v1/jobs/{jobId}/retry"]["post"]["responses"]["409"]
    ends = [name.rpartition(":")[2] for name in types_of(contract, retry)]
    assert ends == ["jobActive", "nothingFailed", "requestInFlight"]
