"""Statements that PostgreSQL keeps prepared on the connections of the API."""

from sqlalchemy import text

from services.api.resources import Resources
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.rules import ClientKind
from shared.oauth.service import authenticate_client
from tests.api.oauth_clients import register_client

PREPARED_AFTER = 5
"""Uses of a statement, after which psycopg prepares it."""


def test_connection_keeps_its_prepared_statements_when_clients_authenticate(
    api_settings: Settings, url: str, sessions: Sessions
) -> None:
    client = register_client(sessions, url, ClientKind.INTEGRATOR)
    resources = Resources.open(api_settings)
    for _ in range(PREPARED_AFTER + 2):
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion()}
        authenticate_client(resources.issuer, form)
    with resources.engine.connect() as connection:  # the only one of this pool
        prepared = connection.scalars(text("select statement from pg_prepared_statements")).all()
    resources.close()
    assert any("used_identifiers" in statement for statement in prepared)
    assert any("client_keys" in statement for statement in prepared)
