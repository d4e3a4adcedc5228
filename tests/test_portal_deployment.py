"""The portal in `docker-compose.yml`: its settings, its key, and the servers that it waits for."""

from urllib.parse import urlsplit

import pytest

from services.portal.process import DRAIN_SECONDS
from services.portal.settings import PortalSettings
from tests.test_deployment import (
    COMPOSE,
    PORTAL,
    PORTAL_PREFIX,
    PREFIX,
    SERVICES,
    environment,
    with_values,
)


def test_portal_starts_with_healthy_sessions_and_api() -> None:
    waits = SERVICES[PORTAL]["depends_on"]
    assert {server: wait["condition"] for server, wait in waits.items()} == {
        "valkey": "service_healthy",
        "api": "service_healthy",
    }


def test_portal_has_every_required_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment(PORTAL).items():
        monkeypatch.setenv(variable, with_values(value))
    settings = PortalSettings.from_environment()
    sessions, others = (
        urlsplit(with_values(url))
        for url in (
            settings.redis_url.get_secret_value(),
            environment("api")[f"{PREFIX}REDIS_URL"],
        )
    )
    assert sessions.netloc == others.netloc
    assert sessions.path != others.path
    assert settings.host == "0.0.0.0"  # noqa: S104  # inside a container


def test_portal_and_api_agree_on_the_address_of_the_api() -> None:
    ours = environment(PORTAL)[f"{PORTAL_PREFIX}API_URL"]
    assert ours == environment("api")[f"{PREFIX}PUBLIC_URL"]


def test_portal_gets_its_own_key_and_no_address_of_database_or_store() -> None:
    assert SERVICES[PORTAL]["secrets"] == ["portal_key"]
    assert environment(PORTAL)[f"{PORTAL_PREFIX}CLIENT_KEY_FILE"] == "/run/secrets/portal_key"
    others = environment(PORTAL).keys() - {"FORWARDED_ALLOW_IPS"}
    assert all(name.startswith(PORTAL_PREFIX) for name in others)


def test_api_knows_the_provider_of_people() -> None:
    (config,) = SERVICES["api"]["configs"]
    assert config["source"] in COMPOSE["configs"]
    assert environment("api")[f"{PREFIX}USER_PROVIDER_FILE"] == config["target"]


def test_portal_has_longer_to_stop_than_its_requests_have_to_end() -> None:
    assert int(SERVICES[PORTAL]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS
