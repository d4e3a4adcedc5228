"""Requests with invalid parameters or an invalid body."""

from typing import Any

import httpx
import pytest

from tests.api.problem_details import BELGIF, issues, problem
from tests.api.seeding import SCHOOL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("nonsense=1", [("unknownInput", "query", "nonsense")]),
        ("page=1&page=2", [("schemaViolation", "query", "page")]),
        ("page_size=3", [("unknownInput", "query", "page_size")]),
        ("pageSize=201", [("schemaViolation", "query", "pageSize")]),
        (
            "page=0&pageSize=x",
            [
                ("schemaViolation", "query", "page"),
                ("schemaViolation", "query", "pageSize"),
            ],
        ),
        ("classGroup=", [("schemaViolation", "query", "classGroup")]),
        ("classGroup=%00", [("schemaViolation", "query", "classGroup")]),
    ],
)
def test_unknown_repeated_or_invalid_parameters_are_rejected(
    school: httpx.Client, query: str, expected: list[tuple[str, str, str]]
) -> None:
    assert issues(school.get(f"/v1/schools/{SCHOOL}/students?{query}")) == expected


def test_problem_lists_a_limited_number_of_issues(
    school: httpx.Client, operator: httpx.Client
) -> None:
    names = [f"x{number}" for number in range(1000)]
    in_query = school.get("/v1/schools?" + "&".join(f"{name}=1" for name in names))
    in_body = operator.post("/v1/jobs", json=dict.fromkeys(names, 1))
    for response, more in ((in_query, 980), (in_body, 982)):
        assert len(issues(response)) == 20
        assert response.json()["detail"].endswith(
            f" It has {more} more issues, which are not listed."
        )


def test_operation_without_parameters_rejects_any(school: httpx.Client) -> None:
    response = school.get(f"/v1/schools/{SCHOOL}?page=1")
    assert issues(response) == [("unknownInput", "query", "page")]


def test_invalid_school_number_is_not_found_and_not_repeated(school: httpx.Client) -> None:
    response = school.get("/v1/schools/12345")
    assert response.status_code == httpx.codes.NOT_FOUND
    assert "12345" not in response.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {},
            [
                ("schemaViolation", "body", "/kind"),
                ("schemaViolation", "body", "/administrationId"),
            ],
        ),
        (
            {"kind": "documents.build", "administrationId": "2024", "a/b": 1},
            [("unknownInput", "body", "/a~1b")],
        ),
        (
            {"kind": "documents.build", "administration_id": "2024"},
            [
                ("schemaViolation", "body", "/administrationId"),
                ("unknownInput", "body", "/administration_id"),
            ],
        ),
        (
            {"kind": "documents.build", "administrationId": 2024},
            [("schemaViolation", "body", "/administrationId")],
        ),
        (
            {"kind": "documents.build", "administrationId": "2024", "schoolId": None},
            [("schemaViolation", "body", "/schoolId")],
        ),
    ],
)
def test_body_with_unknown_missing_or_mistyped_properties_is_rejected(
    operator: httpx.Client, body: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert issues(operator.post("/v1/jobs", json=body)) == expected


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 60_000, b""])
def test_unreadable_body_is_a_bad_request(operator: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = operator.post("/v1/jobs", content=content, headers=headers)
    assert response.status_code == 400
    problem(response)


def test_unsupported_media_type_is_rejected(operator: httpx.Client) -> None:
    response = operator.post("/v1/jobs", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert response.status_code == 415
    assert problem(response)["type"].endswith(":unsupportedMediaType")


def test_too_large_body_is_rejected(operator: httpx.Client) -> None:
    declared = operator.post("/v1/jobs", json={"kind": "x" * 70_000})
    streamed = operator.post(
        "/v1/jobs",
        content=(b"x" * 1000 for _ in range(80)),
        headers={"Content-Type": "application/json"},
    )
    for response in (declared, streamed):
        assert response.status_code == 413
        assert problem(response)["type"] == f"{BELGIF}payloadTooLarge"
