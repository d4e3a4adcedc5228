"""What the API answers if its servers or its code fail."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine, text

from services.api.app import create_app
from shared.access.rules import CallerKind
from shared.core.settings import Settings
from tests.api.conftest import Callers, serve
from tests.api.problem_details import BELGIF, problem
from tests.api.seeding import SCHOOL


@pytest.fixture
def without_servers(api_settings: Settings) -> FastAPI:
    """Return an API that cannot reach its servers."""
    unreachable = {
        "database_url": SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
    }
    return create_app(api_settings.model_copy(update=unreachable))


def test_service_is_unavailable_without_a_database(
    without_servers: FastAPI, callers: Callers
) -> None:
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with serve(without_servers) as url, httpx.Client(base_url=url) as client:
        response = client.get("/v1/schools", auth=auth)
        health = client.get("/health")
    assert response.status_code == 503
    assert problem(response)["type"] == f"{BELGIF}serviceUnavailable"
    assert int(response.headers["Retry-After"]) > 0
    assert (health.status_code, health.json()["status"]) == (503, "DOWN")
    assert health.json()["details"]["database"]["reason"] == "unreachable"


@pytest.fixture
def read_only(engine: Engine, api_settings: Settings) -> Iterator[FastAPI]:
    """Return an API with a read-only database, as after a failover to a standby."""
    alter = f"alter database {engine.url.database}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"{alter} set default_transaction_read_only = on"))
        yield create_app(api_settings)
        connection.execute(text(f"{alter} reset default_transaction_read_only"))


def test_service_is_unavailable_with_a_read_only_database(
    read_only: FastAPI, callers: Callers
) -> None:
    """Neither the proof nor an audit event can be stored."""
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with serve(read_only) as url, httpx.Client(base_url=url) as client:
        response = client.get(f"/v1/schools/{SCHOOL}/students", auth=auth)
    assert response.status_code == 503
    assert problem(response)["type"] == f"{BELGIF}serviceUnavailable"


def test_unexpected_error_reveals_nothing(
    api_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(api_settings)

    @app.get("/v1/broken")
    def fail() -> None:
        raise RuntimeError("Jan Peeters, 85073003328")

    with serve(app) as url, httpx.Client(base_url=url) as client:
        response = client.get("/v1/broken?name=Peeters")
    assert response.status_code == 500
    assert problem(response)["type"] == f"{BELGIF}internalServerError"
    assert response.headers["Cache-Control"] == "no-store"
    logged = capfd.readouterr()
    assert "RuntimeError" in logged.out
    assert not re.search("Peeters|85073003328", response.text + logged.out + logged.err)


def test_api_cannot_start_without_its_signing_key(api_settings: Settings, tmp_path: Path) -> None:
    without_key = api_settings.model_copy(update={"signing_keys": tmp_path / "lost.pem"})
    with pytest.raises(Exception, match=r"lost\.pem cannot be read"):
        create_app(without_key)
