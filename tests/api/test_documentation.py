import re
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from services.api.app import build_app
from services.api.openapi import openapi_yaml
from services.api.operations.operation import PUBLIC_PATHS, required_scopes

SCORES = re.compile(r"score|percent|average|insz", re.IGNORECASE)


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(openapi_yaml(build_app()))
    return loaded


def test_served_document_equals_the_one_generated_without_servers(
    unauthenticated: httpx.Client, url: str
) -> None:
    response = unauthenticated.get("/doc/openapi.yaml")
    assert response.headers["Content-Type"] == "application/yaml"
    assert response.text == openapi_yaml(build_app(), url)


def test_page_and_its_assets_are_served_by_this_host(unauthenticated: httpx.Client) -> None:
    page = unauthenticated.get("/doc")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert unauthenticated.get(f"/{link}").status_code == 200
    assert "://" not in page.text + unauthenticated.get("/doc/assets/start.js").text
    directives = set(page.headers["Content-Security-Policy"].split("; "))
    assert {"default-src 'none'", "base-uri 'none'", "object-src 'none'"} <= directives
    assert {"script-src 'self'", "style-src 'self'"} <= directives
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["nothing.js", "redoc.standalone.js", "..%2F__init__.py"])
def test_other_files_are_not_served(unauthenticated: httpx.Client, name: str) -> None:
    assert unauthenticated.get(f"/doc/assets/{name}").status_code == 404


def test_every_route_requires_a_scope_or_is_on_the_public_list(app: FastAPI) -> None:
    without_scopes = set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, APIRoute)
        if not required_scopes(route):
            without_scopes.add(route.path_format)
    assert without_scopes == PUBLIC_PATHS


IDS_IN_BODY = {
    "/v1/handOvers",
    "/v1/handOvers/withdraw",
    "/v1/viewings/registrations",
    "/v1/viewings/desk/lookUps",
}


def test_every_operation_documents_its_problems_and_scopes(contract: dict[str, Any]) -> None:
    for path, item in contract["paths"].items():
        for operation in item.values():
            if not path.startswith("/v1/"):
                continue
            assert {"400", "401", "403", "500", "503"} <= operation["responses"].keys()
            has_body = path in IDS_IN_BODY and "requestBody" in operation
            assert ("404" in operation["responses"]) == ("{" in path or has_body)
            assert bool(operation["security"]) == (path not in PUBLIC_PATHS)
    ids = [o["operationId"] for item in contract["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-zA-Z]+", name) for name in ids)


def test_every_creating_operation_accepts_an_idempotency_key(contract: dict[str, Any]) -> None:
    creating, keyed, rejecting = set(), set(), set()
    for path, item in contract["paths"].items():
        for operation in item.values():
            if {"201", "202"} & operation["responses"].keys():
                creating.add(path)
            if "Idempotency-Key" in [p["name"] for p in operation.get("parameters", ())]:
                keyed.add(path)
            if "422" in operation["responses"]:
                rejecting.add(path)
    response_has_a_secret = {"/v1/documents/{documentId}/grants"}
    assert keyed == rejecting == creating - response_has_a_secret


def test_no_response_property_is_nullable(contract: dict[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    nullable = [name for name, schema in schemas.items() if "'null'" in str(schema)]
    assert nullable == []


def test_no_schema_has_a_score(contract: dict[str, Any]) -> None:
    names = {
        name
        for schema, s in contract["components"]["schemas"].items()
        for name in s.get("properties", {})
        if schema != "FeedbackRow"  # of the students of a school, not of one
    }
    assert [name for name in names if SCORES.search(name)] == []
