"""Headers and members that a request has twice: a proxy may read another of them than the API."""

import httpx
import pytest

from clients.python.proofs import ProofKey
from services.api.http.single_headers import SINGLE_HEADERS
from shared.access.rules import CallerKind
from tests.api.conftest import Callers
from tests.api.test_framing import send

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("name", sorted(set(SINGLE_HEADERS) - {"Content-Length"}))
def test_repeated_header_is_refused_by_name(callers: Callers, url: str, name: str) -> None:
    target = f"{url}/v1/schools"
    token = callers.token(CallerKind.SCHOOL, "000028")
    proven = list(callers.headers(token, "GET", target).items())
    twice = [(name, "DPoP x")] if name == "Authorization" else [(name, "x"), (name, "x")]
    response = httpx.get(target, headers=[*proven, *twice])
    assert response.status_code == 400
    (issue,) = response.json()["issues"]
    assert (issue["in"], issue["name"]) == ("header", name)


def test_repeated_header_is_refused_by_the_authorization_server(url: str) -> None:
    form = ("Content-Type", "application/x-www-form-urlencoded")
    response = httpx.post(f"{url}/oauth2/token", content=b"a=b", headers=[form, form])
    assert response.json()["issues"][0]["name"] == "Content-Type"


@pytest.mark.parametrize("second", ["5", "6"])
def test_repeated_content_length_is_refused(url: str, second: str) -> None:
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: {second}\r\n"
    assert send(url, head.encode() + b"\r\n12345").startswith(b"HTTP/1.1 400 ")


def test_repeated_proof_is_refused(callers: Callers, url: str) -> None:
    target = f"{url}/v1/schools"
    proven = callers.headers(callers.token(CallerKind.SCHOOL, "000028"), "GET", target)
    second = callers.headers(callers.token(CallerKind.SCHOOL, "000028"), "GET", target)["DPoP"]
    response = httpx.get(target, headers=[*proven.items(), ("DPoP", second)])
    assert response.status_code == 401
    assert 'error="invalid_dpop_proof"' in response.headers["WWW-Authenticate"]
    key = ProofKey()
    proofs = [("DPoP", key.proof("POST", f"{url}/oauth2/token"))] * 2
    assert httpx.post(f"{url}/oauth2/token", headers=proofs, data={"a": "b"}).status_code >= 400


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"kind": "documents.build", "kind": "documents.build"}', "kind"),
        (b'{"kind": "documents.build", "x": [{"a/b": 1, "a/b": 2}]}', "a/b"),
    ],
)
def test_repeated_member_of_a_body_is_refused_by_name(
    operator: httpx.Client, body: bytes, name: str
) -> None:
    response = operator.post("/v1/jobs", content=body, headers=JSON)
    assert response.status_code == 400
    (issue,) = response.json()["issues"]
    assert (issue["in"], issue["detail"]) == ("body", f"Give the member {name} once per object.")


def test_repeated_member_is_looked_for_after_the_token(unauthenticated: httpx.Client) -> None:
    body = b'{"a": 1, "a": 1}'
    assert unauthenticated.post("/v1/jobs", content=body, headers=JSON).status_code == 401


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_body_in_another_encoding_is_refused(operator: httpx.Client, encoding: str) -> None:
    for body in ('{"kind": "x", "kind": "documents.build"}', '{"kind": "documents.build"}'):
        refused = operator.post("/v1/jobs", content=body.encode(encoding), headers=JSON)
        assert refused.status_code == 400
        assert "UTF-8" in refused.json()["issues"][0]["detail"]
