"""A connection pooler between a program and PostgreSQL is refused, with the reason."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from migrations.upgrade import migrate
from services.api.app import create_app
from services.worker.process import run_worker
from shared.core.database import open_engine, require_usable_database
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from tests.api.conftest import serve
from tests.core.pooler import pooler

REQUESTS = 24
"""Enough for each connection to prepare the statement of the route."""


@pytest.fixture(params=[False, True], ids=["refuses options", "ignores options"])
def pooled_settings(
    request: pytest.FixtureRequest, settings_of: Callable[[str], Settings]
) -> Iterator[Settings]:
    settings = settings_of("api")
    url = settings.database_url.get_secret_value()
    with pooler(url, ignores_options=request.param) as pooled_url:
        yield settings.model_copy(update={"database_url": SecretStr(pooled_url)})


def test_program_does_not_start_through_a_pooler(pooled_settings: Settings) -> None:
    app = create_app(pooled_settings)
    with pytest.raises(ConfigurationError, match="pooler, such as PgBouncer"):
        require_usable_database(app.state.resources.engine)
    app.state.resources.close()
    with pytest.raises(ConfigurationError, match="pooler, such as PgBouncer"):
        run_worker(pooled_settings)
    engine = open_engine(pooled_settings, application_name="tests")
    with pytest.raises(ConfigurationError, match="pooler, such as PgBouncer"):
        migrate(engine)


def test_request_through_a_pooler_is_no_internal_error(pooled_settings: Settings) -> None:
    """A pooler can be placed in front of a database while the API is running."""
    with serve(create_app(pooled_settings)) as url, httpx.Client(base_url=url) as client:
        statuses = {client.get("/v1/downloads/none").status_code for _ in range(REQUESTS)}
        assert client.get("/health").json()["status"] == "DOWN"
    assert statuses == {503}
