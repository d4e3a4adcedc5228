"""The API below a path of its proxy, which is on another machine: every link leads back there."""

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from services.api.app import create_app
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.prefix_proxy import METADATA, PREFIX, PrefixProxy
from tests.api.seeding import ADMINISTRATION, SCHOOL

ADDRESS = re.compile(r'"(https?://[^"]+)"')
PATH_ONLY = re.compile(r'"(?:href|self|next|job|documents)":"/')
REFUSED = """{"code": "deliveryRefused", "detail": "D.",
              "deliveryId": "0195d2a4-7c1e-4b5a-9f00-abcdefabcdef"}"""


@pytest.fixture(scope="module")
def proxy(api_settings: Settings, seeded: object) -> Iterator[PrefixProxy]:  # noqa: ARG001  # rows to serve
    proxy = PrefixProxy()
    settings = api_settings.model_copy(update={"public_url": proxy.public_url})
    with proxy.running(), serve(create_app(settings), proxy.public_url) as url:
        proxy.backend_port = httpx.URL(url).port or 0
        yield proxy


@pytest.fixture(scope="module")
def client(proxy: PrefixProxy, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, proxy.public_url, ClientKind.OPERATOR)


def test_metadata_are_found_by_the_issuer_and_name_it(proxy: PrefixProxy) -> None:
    metadata = httpx.get(f"{proxy.root}{METADATA}{PREFIX}").json()
    assert metadata == httpx.get(proxy.public_url + METADATA).json()
    assert metadata["issuer"] == proxy.public_url
    addresses = {name: value for name, value in metadata.items() if "://" in str(value)}
    assert len(addresses) >= 5
    assert all(value.startswith(proxy.public_url) for value in addresses.values())
    assert httpx.get(metadata["jwks_uri"]).json()["keys"]


def test_token_has_the_prefix_in_audience_and_proof(
    client: OAuthClient, proxy: PrefixProxy
) -> None:
    assert client.request_token().status_code == 200
    refused = client.post("/oauth2/token", client_assertion=client.assertion(aud=proxy.root))
    assert refused.status_code == 401
    assert client.request("GET", "/v1/schools").status_code == 200


def test_every_link_can_be_followed_from_the_start(
    client: OAuthClient, proxy: PrefixProxy, sessions: Sessions
) -> None:
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "schoolId": SCHOOL}
    started = client.request("POST", "/v1/jobs", body)
    assert started.headers["Location"].startswith(f"{proxy.public_url}/v1/jobs/")
    with UnitOfWork(sessions) as unit:
        refused = text("update jobs set state = 'failed', finished_at = now(), problem = :problem")
        unit.session.execute(refused, {"problem": REFUSED})
    followed, waiting = (
        set(),
        [f"{proxy.public_url}/v1/schools?pageSize=1", started.headers["Location"]],
    )
    waiting += [f"{proxy.public_url}/v1/{name}?pageSize=1" for name in ("jobs", "releaseWindows")]
    while waiting:
        address = waiting.pop()
        followed.add(address)
        answer = client.request("GET", address)
        if "/deliveries/" not in address:
            assert answer.status_code == 200, (address, answer.text)
        assert not PATH_ONLY.search(answer.text), answer.text
        for found in ADDRESS.findall(answer.text):
            assert found.startswith(f"{proxy.public_url}/"), found
            waiting += [found] if found not in followed and found not in waiting else []
    assert any("after=" in address for address in followed)
    assert any("/v1/deliveries/" in address for address in followed)


def test_pages_link_to_their_own_files(proxy: PrefixProxy) -> None:
    for page in ("/", "/doc"):
        address = httpx.URL(proxy.public_url + page)
        shown = httpx.get(address)
        links = re.findall(r'(?:src|href)="([^"]+)"', shown.text)
        assert links
        for link in links:
            assert httpx.get(address.join(link)).status_code == 200, link
    document = httpx.get(f"{proxy.public_url}/doc/openapi.yaml").text
    assert f"url: {proxy.public_url}" in document
