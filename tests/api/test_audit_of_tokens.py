"""Tokens that are issued, and refused requests for them, are in the audit log."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from shared.audit.models import AuditEvent
from shared.audit.service import verify
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import ClientKind
from tests.api.oauth_clients import OAuthClient, register_client
from tests.audit_log import append_pending


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, url, ClientKind.INTEGRATOR)


def last_event(sessions: Sessions) -> AuditEvent:
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        assert list(verify(unit.session, {})) == []
        newest = AuditEvent.occurred_at.desc(), AuditEvent.id.desc()
        return unit.session.scalars(select(AuditEvent).order_by(*newest).limit(1)).one()


def decision(event: AuditEvent) -> tuple[str, str, str, str, str, str]:
    caller = (event.client, event.caller_kind)
    return (*caller, event.action, event.resource, event.outcome, event.rule)


def test_an_issued_token_is_recorded(vendor: OAuthClient, sessions: Sessions) -> None:
    vendor.token()
    assert decision(last_event(sessions)) == (
        vendor.id,
        "integrator",
        "issueToken",
        "/oauth2/token",
        "allowed",
        "granted",
    )


def test_a_revoked_token_is_recorded(vendor: OAuthClient, sessions: Sessions) -> None:
    token = vendor.token()
    assert vendor.post("/oauth2/revoke", token=token).status_code == 200
    event = decision(last_event(sessions))
    assert event[:3] == (vendor.id, "integrator", "revokeToken")
    assert event[3:] == ("/oauth2/revoke", "allowed", "granted")


def test_failed_authentication_is_recorded_with_the_client_that_it_names(
    vendor: OAuthClient, sessions: Sessions
) -> None:
    expired = vendor.assertion(exp=1)
    assert vendor.request_token(client_assertion=expired).status_code == 401
    assert decision(last_event(sessions)) == (
        vendor.id,
        "unauthenticated",
        "issueToken",
        "/oauth2/token",
        "refused",
        "invalid_client",
    )
    response = vendor.post("/oauth2/revoke", client_assertion=expired, token="x")
    assert response.status_code == 401
    assert decision(last_event(sessions))[2:4] == ("revokeToken", "/oauth2/revoke")


@pytest.mark.parametrize(
    ("path", "action"), [("/oauth2/keys", "addOwnKey"), ("/oauth2/keys/remove", "removeOwnKey")]
)
def test_refused_change_of_a_key_is_recorded(
    vendor: OAuthClient, sessions: Sessions, path: str, action: str
) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"exp": 1}, "invalid_client"),
        ({}, "invalid_request"),
    )
    for changes, error in cases:
        refused = vendor.post(path, client_assertion=vendor.assertion(**changes))
        assert refused.json()["error"] == error
        assert decision(last_event(sessions)) == (
            vendor.id,
            "unauthenticated",
            action,
            path,
            "refused",
            error,
        )


@pytest.mark.parametrize("names_a_client", [True, False])
def test_names_of_unknown_clients_are_not_stored(
    vendor: OAuthClient, sessions: Sessions, *, names_a_client: bool
) -> None:
    unknown = OAuthClient(vendor.url, str(uuid4()), vendor.key)
    assertion = unknown.assertion() if names_a_client else "not a JWT"
    assert unknown.request_token(client_assertion=assertion).status_code == 401
    assert decision(last_event(sessions))[:2] == ("unknown", "unauthenticated")


def test_a_refusal_after_the_authentication_is_recorded(
    vendor: OAuthClient, sessions: Sessions
) -> None:
    assert vendor.request_token(scope="clients:write").status_code == 400
    assert decision(last_event(sessions))[0] == vendor.id
    assert decision(last_event(sessions))[4:] == ("refused", "invalid_scope")
