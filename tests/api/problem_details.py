"""What a response with problem details must have."""

from typing import Any

import httpx

BELGIF = "urn:problem-type:belgif:"
ISSUE = f"{BELGIF}input-validation:"


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["instance"] == f"urn:uuid:{response.headers['BelGov-Trace-Id']}"
    return body


def issues(response: httpx.Response) -> list[tuple[str, str, str]]:
    assert response.status_code == 400, response.text
    body = problem(response)
    assert body["type"] == f"{BELGIF}badRequest"
    return [(i["type"].removeprefix(ISSUE), i["in"], i["name"]) for i in body["issues"]]
