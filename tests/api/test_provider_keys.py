"""Token exchange while the identity provider changes its keys, or does not send them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey, RSAKey
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from services.api.app import create_app
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.oauth import provider_keys
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import SCHOOL, Seeded
from tests.api.test_token_exchange import exchange
from tests.oauth.provider_process import OpenIdProvider, claims, openid_provider
from tests.oauth.signing import signed

EC, OTHER_EC = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
RSA, OTHER_RSA = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
TIMEOUT_SECONDS = 1.0
HOUR = 3600

FAULTS: dict[str, dict[str, Any]] = {
    "error": {"status": 500},
    "page": {"body": "<!DOCTYPE html><title>Maintenance</title>"},
    "redirect": {"status": 302},
    "slow": {"delay": 2 * TIMEOUT_SECONDS},
    "huge": {"body": '{"keys": [' + " " * 3_000_000 + "]}"},
    "no key set": {"body": '{"error": "none"}'},
}


@dataclass
class Clock:
    """The clock of the keys, which a test moves forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


@dataclass(frozen=True)
class SignOn:
    """A portal at an API with the key set of a provider."""

    portal: OAuthClient
    provider: OpenIdProvider
    app: FastAPI

    def with_token(self, key: Any = EC, alg: str = "ES256", **changes: Any) -> httpx.Response:
        """Exchange a token, signed with the key; `kid` is "1" unless `changes` has another."""
        header = {"alg": alg, "typ": "at+jwt", "kid": "1"} | changes.pop("header", {})
        header = {name: value for name, value in header.items() if value is not None}
        about = {"vo_orgcode": SCHOOL, "toetsfeedback_rol_3d": [f"Raadpleger:{SCHOOL}"]}
        return exchange(self.portal, signed(header, claims(**about | changes), key))

    def at_once(self, number: int) -> list[int]:
        """Return the statuses of so many exchanges at the same time."""
        with ThreadPoolExecutor(number) as threads:
            responses = list(threads.map(lambda _: self.with_token(), range(number)))
        return [response.status_code for response in responses]

    def statuses(self, number: int) -> set[int]:
        return {self.with_token().status_code for _ in range(number)}

    def metrics(self) -> dict[str, float]:
        """Return the values of the metrics about keys, by the last words of their names."""
        lines = generate_latest(self.app.state.metrics.registry).decode().splitlines()
        prefix = "toetsfeedback_identity_provider_keys_"
        found = (line.removeprefix(prefix).split() for line in lines if line.startswith(prefix))
        return {name: float(value) for name, value in found}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(provider_keys, "monotonic", clock)
    return clock


@pytest.fixture
def sign_on(
    api_settings: Settings,
    provider: OpenIdProvider,
    sessions: Sessions,
    seeded: Seeded,  # noqa: ARG001  # rows to serve
    clock: Clock,  # noqa: ARG001  # the time before the first request
) -> Iterator[SignOn]:
    """Yield a sign-on with a provider that has published one key, `kid` "1"."""
    provider.publish(public(EC))
    file = provider.key_file.with_name("keys.json")
    settings = provider.settings(
        introspection_url=None,
        jwks_url=f"{provider.url}/published",
        timeout_seconds=TIMEOUT_SECONDS,
    )
    file.write_text(settings.model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serve(app) as url:
        yield SignOn(register_client(sessions, url, ClientKind.PORTAL), provider, app)


def public(key: Any, **members: Any) -> dict[str, Any]:
    jwk = key.as_dict(private=False) | {"kid": "1"} | members
    return {name: value for name, value in jwk.items() if value is not None}


@pytest.mark.parametrize("fault", FAULTS)
def test_known_keys_serve_while_the_provider_sends_none(
    sign_on: SignOn, clock: Clock, fault: str
) -> None:
    assert sign_on.with_token().status_code == 200
    clock.ahead = 2 * HOUR
    sign_on.provider.publish(**FAULTS[fault])
    requests = sign_on.provider.count_requests()
    with capture_logs() as lines:
        assert sign_on.statuses(3) == {200}
    assert sign_on.provider.count_requests() == requests + 1
    (line,) = [line for line in lines if line["event"] == "identity_provider_keys_are_old"]
    assert (line["age_hours"], line["usable_hours"]) == (2.0, 22.0)
    metrics = sign_on.metrics()
    assert (round(metrics["age_seconds"] / HOUR, 1), metrics["failing"]) == (2.0, 1)
    clock.ahead += provider_keys.PAUSE_SECONDS
    sign_on.provider.publish(public(EC))
    assert sign_on.statuses(2) == {200}
    assert sign_on.provider.count_requests() == requests + 2
    assert sign_on.metrics()["failing"] == 0
    assert sign_on.metrics()["age_seconds"] < HOUR


def test_keys_without_a_response_for_a_day_are_not_used(sign_on: SignOn, clock: Clock) -> None:
    assert sign_on.with_token().status_code == 200
    sign_on.provider.publish(status=503)
    clock.ahead = 23.9 * HOUR
    assert sign_on.with_token().status_code == 200
    clock.ahead = 24 * HOUR
    response = sign_on.with_token()
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    sign_on.provider.publish(public(EC))
    clock.ahead += provider_keys.PAUSE_SECONDS
    assert sign_on.with_token().status_code == 200


def test_one_request_at_a_time_asks_a_slow_provider(sign_on: SignOn, clock: Clock) -> None:
    before = sign_on.provider.count_requests()
    sign_on.provider.publish(public(EC), delay=TIMEOUT_SECONDS / 4)
    assert sign_on.at_once(6) == [200] * 6
    assert sign_on.provider.count_requests() == before + 1
    clock.ahead = HOUR
    sign_on.provider.publish(public(EC), delay=2 * TIMEOUT_SECONDS)
    assert sign_on.at_once(6) == [200] * 6
    assert sign_on.provider.count_requests() == before + 2


def test_nobody_asks_a_silent_provider_twice_without_known_keys(sign_on: SignOn) -> None:
    before, began_at = sign_on.provider.count_requests(), monotonic()
    sign_on.provider.publish(public(EC), delay=30)
    assert sign_on.at_once(8) == [503] * 8
    assert sign_on.provider.count_requests() == before + 1
    assert monotonic() - began_at < 20
    assert sign_on.metrics()["failing"] == 1


def test_key_that_is_not_known_is_requested_at_once_but_not_within_the_pause(
    sign_on: SignOn, clock: Clock
) -> None:
    assert sign_on.with_token().status_code == 200
    clock.ahead = provider_keys.PAUSE_SECONDS
    sign_on.provider.publish(public(EC), public(OTHER_EC, kid="2"))
    before = sign_on.provider.count_requests()
    assert sign_on.with_token(OTHER_EC, header={"kid": "2"}).status_code == 200
    unknown = [sign_on.with_token(RSA, "RS256", header={"kid": "3"}) for _ in range(3)]
    assert {response.status_code for response in unknown} == {400}
    assert sign_on.provider.count_requests() == before + 1
    clock.ahead += provider_keys.PAUSE_SECONDS
    sign_on.provider.publish(status=500)
    assert sign_on.with_token(RSA, "RS256", header={"kid": "3"}).status_code == 503
    assert sign_on.with_token().status_code == 200
    assert sign_on.provider.count_requests() == before + 2


def test_new_key_under_the_kid_of_the_previous_one_is_found(sign_on: SignOn, clock: Clock) -> None:
    assert sign_on.with_token().status_code == 200
    sign_on.provider.publish(public(OTHER_EC))
    clock.ahead = provider_keys.PAUSE_SECONDS
    assert sign_on.with_token(OTHER_EC).status_code == 200
    assert sign_on.with_token(EC).status_code == 400


def test_long_token_of_a_person_with_many_roles_is_accepted(sign_on: SignOn) -> None:
    roles = [f"Raadpleger:{number:06}" for number in range(1000)] + [f"Raadpleger:{SCHOOL}"]
    assert sign_on.with_token(toetsfeedback_rol_3d=roles).status_code == 200
    response = sign_on.with_token(toetsfeedback_rol_3d=roles * 2)
    assert response.status_code == 400
    assert "32 KiB" in response.json()["error_description"]
