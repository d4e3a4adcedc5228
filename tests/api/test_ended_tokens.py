"""Uses of tokens that have ended are in the audit log, up to the limit of the address."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from services.api.app import create_app
from shared.access.rules import CallerKind
from shared.audit.models import AuditEvent
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients import service as clients
from shared.oauth.clients.rules import ClientKind, ClientState
from shared.oauth.repository import revoke
from shared.oauth.tokens import TokenAuthority
from tests.api.conftest import AuditLog, Callers, serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import OTHER, SCHOOL, Seeded
from tests.audit_log import append_pending
from tests.callers import OPERATOR

LIMIT = 5
SENT = 20


def revoke_token(_sessions: Sessions, client: OAuthClient, token: str) -> None:
    assert client.post("/oauth2/revoke", token=token).status_code == 200


def suspend(sessions: Sessions, client: OAuthClient, _token: str) -> None:
    with UnitOfWork(sessions) as unit:
        clients.change(unit, OPERATOR, UUID(client.id), {"state": ClientState.SUSPENDED})


def remove_key(sessions: Sessions, client: OAuthClient, _token: str) -> None:
    with UnitOfWork(sessions) as unit:
        clients.remove_key(unit, OPERATOR, UUID(client.id), client.key.thumbprint())


@pytest.mark.parametrize("end", [revoke_token, suspend, remove_key])
@pytest.mark.parametrize(
    ("path", "action", "organisation"),
    [
        (f"/v1/schools/{SCHOOL}/students", "listSchoolStudents", SCHOOL),
        ("/v1/releaseWindows", "listReleaseWindows", None),
    ],
)
def test_use_of_an_integrators_token_after_its_end_is_recorded(
    url: str,
    sessions: Sessions,
    end: Callable[[Sessions, OAuthClient, str], None],
    path: str,
    action: str,
    organisation: str | None,
) -> None:
    client = register_client(sessions, url, ClientKind.INTEGRATOR)
    token = client.token()
    assert client.request("GET", "/v1/releaseWindows").status_code == 200
    proofs = client.proofs

    end(sessions, client, token)
    proof = proofs.proof("GET", f"{url}{path}", token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    refused = httpx.get(f"{url}{path}", headers=headers)

    assert refused.status_code == 401
    assert last_refusal(sessions) == (
        *(client.id, "integrator", action, path, organisation),
        "tokenRevoked",
    )


@pytest.mark.parametrize(
    ("path", "organisation"),
    [("/v1/releaseWindows", SCHOOL), (f"/v1/schools/{OTHER}/students", OTHER)],
)
def test_use_of_a_schools_token_after_its_end_is_in_the_log_of_the_school(
    callers: Callers, authority: TokenAuthority, sessions: Sessions, path: str, organisation: str
) -> None:
    token = revoked_token(callers, authority, sessions)
    assert callers.client(token).get(path).status_code == 401
    recorded = last_refusal(sessions)
    assert recorded[:2] == ("a school", "school")
    assert recorded[4:] == (organisation, "tokenRevoked")


def test_uses_of_an_ended_token_about_a_student_name_the_student(
    callers: Callers, authority: TokenAuthority, sessions: Sessions, seeded: Seeded
) -> None:
    token = revoked_token(callers, authority, sessions)
    student = next(iter(seeded.students.values()))
    assert callers.client(token).get(f"/v1/students/{student}").status_code == 401
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        newest = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
        event = unit.session.scalars(newest).one()
        assert (event.organisation, event.rule) == (SCHOOL, "tokenRevoked")
        assert [str(found) for found in event.students or ()] == [str(student)]


def test_uses_of_an_ended_token_count_no_student_of_another_school(
    callers: Callers, authority: TokenAuthority, sessions: Sessions, seeded: Seeded
) -> None:
    client = callers.client(revoked_token(callers, authority, sessions))
    student, document = seeded.students["other"], seeded.documents["of other"]
    recorded = []
    for path in ("students", "documents"):
        for target in (student if path == "students" else document, uuid4()):
            assert client.get(f"/v1/{path}/{target}").status_code == 401
            with UnitOfWork(sessions) as unit:
                append_pending(unit)
                newest = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
                event = unit.session.scalars(newest).one()
                recorded.append((event.organisation, event.rule, event.students))
    assert recorded == [(SCHOOL, "tokenRevoked", [])] * 4


def test_uses_of_an_ended_token_are_recorded_up_to_the_limit_of_the_address(
    api_settings: Settings,
    callers: Callers,
    authority: TokenAuthority,
    sessions: Sessions,
    audit_log: AuditLog,
) -> None:
    token = revoked_token(callers, authority, sessions)
    limits = {"api_address_requests_per_minute": LIMIT}
    app = create_app(api_settings.model_copy(update=limits))
    own_address = httpx.HTTPTransport(local_address="127.0.0.24")
    auth = callers.auth(token)
    with (
        serve(app) as url,
        httpx.Client(base_url=url, auth=auth, transport=own_address) as client,
    ):
        statuses = [client.get("/v1/releaseWindows").status_code for _ in range(SENT)]
    assert set(statuses) == {401, 429}
    recorded = [entry for entry in audit_log.entries() if entry["rule"] == "tokenRevoked"]
    assert 0 < len(recorded) < SENT // 2


def revoked_token(callers: Callers, authority: TokenAuthority, sessions: Sessions) -> str:
    token = callers.token(CallerKind.SCHOOL, SCHOOL)
    with UnitOfWork(sessions) as unit:
        revoke(unit.session, authority.verify(token))
    return token


def last_refusal(sessions: Sessions) -> tuple[str, str, str, str, str | None, str]:
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        newest = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
        event = unit.session.scalars(newest).one()
        assert event.outcome == "refused"
        what = event.client, event.caller_kind, event.action, event.resource
        return (*what, event.organisation, event.rule)
