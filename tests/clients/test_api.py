"""The client package: links, key files, refusals."""

import stat
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from clients.python.api import Api
from clients.python.errors import ApiRefusal, KeyFileError
from clients.python.http import open_client
from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from tests.api.conftest import serve

URL = "https://api.example"
DOWNLOADS, LARGE = 110, b"x" * 200_000


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/schools",
        "https://api.example.evil.example/v1/schools",
        "https://api.example@evil.example/v1/schools",
        "//evil.example/v1/schools",
        "http://api.example/v1/schools",
        "https://api.example/oauth2/token",
        "javascript:alert(1)",
    ],
)
def test_link_to_another_address_is_not_followed(link: str) -> None:
    with httpx.Client() as http:
        api = Api(http, URL, TokenAuth(lambda: "token", ProofKey()))
        with pytest.raises(ValueError, match="another address"):
            api.path_of(link)
        assert api.path_of(f"{URL}/v1/schools?after=x") == "/v1/schools?after=x"


def test_request_does_not_wait_for_downloads_that_nobody_reads() -> None:
    app = Starlette(routes=[Route("/{path:path}", lambda _: Response(LARGE))])
    with serve(app) as url, open_client(url, timeout=30) as http, ExitStack() as downloads:
        api = Api(http, url, httpx.Auth())
        for _ in range(DOWNLOADS):
            downloads.enter_context(closing(api.download("/v1/documents/x/content", {})))
        assert api.send("GET", "/v1/me").content == LARGE


def test_new_key_file_is_private_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    created = ProofKey.in_file(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ProofKey.in_file(file).thumbprint == created.thumbprint
    assert [one.name for one in tmp_path.iterdir()] == ["key.pem"]


def test_file_without_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    for file in (tmp_path / "key.pem", tmp_path / "nowhere" / "key.pem"):
        with pytest.raises(KeyFileError, match="give"):
            ProofKey.in_file(file)


@pytest.mark.parametrize(
    ("body", "detail", "kind"),
    [
        ({"detail": "No.", "type": "urn:problem-type:belgif:badRequest"}, "No.", "badRequest"),
        ({"error": "invalid_request", "error_description": "No."}, "No.", "invalid_request"),
        (["a", "list"], "a.example responded with 400 and is not the API", ""),
    ],
)
def test_refusal_has_the_detail_of_the_api(body: object, detail: str, kind: str) -> None:
    request = httpx.Request("GET", "https://a.example/v1")
    refusal = ApiRefusal(httpx.Response(400, json=body, request=request))
    assert refusal.detail.startswith(detail)
    assert refusal.kind == kind
    assert refusal.retry_after == ""


def test_refusal_has_the_time_to_wait() -> None:
    request = httpx.Request("GET", "https://a.example/v1")
    refusal = ApiRefusal(httpx.Response(429, headers={"Retry-After": "7"}, request=request))
    assert refusal.retry_after == "7"
