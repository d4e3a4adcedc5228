"""Download grants: a link for one download of one document without a token."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from services.api.http.downloads import OUTSIDE_PARTS
from services.api.http.rate_limiter import LINK_REQUESTS_PER_MINUTE
from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.grants.models import DownloadGrant
from shared.documents.grants.service import remove_old_grants
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import AuditLog, Callers
from tests.api.oauth_clients import register_client
from tests.api.seeding import FICHE, SCHOOL, Seeded, released


@pytest.fixture(scope="module")
def grants(seeded: Seeded) -> str:
    return f"/v1/documents/{seeded.documents['fiche']}/grants"


def create_grant(client: httpx.Client, grants: str) -> str:
    response = client.post(grants)
    assert response.status_code == 201, response.text
    href: str = response.json()["href"]
    assert response.headers["Location"] == href
    return href


def expire_grants(sessions: Sessions, by: timedelta) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(DownloadGrant).values(expires_at=func.now() - by))


@pytest.mark.usefixtures("open_now")
def test_a_link_is_valid_for_one_download_without_a_token(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, audit_log: AuditLog
) -> None:
    href = create_grant(school, grants)
    first = unauthenticated.get(href)
    assert first.content == FICHE
    assert first.headers["Cache-Control"] == "no-store"
    assert unauthenticated.get(href).status_code == 404
    assert audit_log.decisions()[-3:] == [
        ("createDownloadGrant", SCHOOL, "allowed", "granted"),
        ("useDownloadGrant", SCHOOL, "allowed", "granted"),
        ("useDownloadGrant", SCHOOL, "refused", "linkUsed"),
    ]
    assert audit_log.entries()[-1]["resource"] == f"{grants.removesuffix('/grants')}/content"


@pytest.mark.usefixtures("open_now")
def test_the_audit_event_of_a_used_link_has_the_person_for_whom_it_was_created(
    callers: Callers, unauthenticated: httpx.Client, grants: str, audit_log: AuditLog
) -> None:
    scopes = frozenset({Scope.DOCUMENTS_READ})
    caller = Caller("a portal", CallerKind.SCHOOL, scopes, SCHOOL, "a1b2c3")
    assert (
        unauthenticated.get(create_grant(callers.client(callers.issue(caller)), grants)).content
        == FICHE
    )
    event = audit_log.entries()[-1]
    assert (event["action"], event["caller_subject"]) == ("useDownloadGrant", "a1b2c3")


@pytest.mark.usefixtures("open_now")
def test_one_of_several_concurrent_downloads_succeeds(
    school: httpx.Client, callers: Callers, grants: str
) -> None:
    href, client = create_grant(school, grants), callers.client()
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: client.get(href).status_code, range(8)))
    assert sorted(responses) == [200] + [404] * 7


def test_a_link_is_invalid_after_the_window_has_closed(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, sessions: Sessions
) -> None:
    with released(sessions):
        href = create_grant(school, grants)
    assert unauthenticated.get(href).status_code == 404


def integrator_with_mandate(
    school: httpx.Client, callers: Callers, sessions: Sessions
) -> tuple[httpx.Client, str]:
    """Return a client of a registered integrator and the URL of its mandate."""
    kind = CallerKind.INTEGRATOR
    client_id = register_client(sessions, callers.url, ClientKind.INTEGRATOR).id
    plan = {"clientId": client_id, "products": ["studentFeedback"], "purpose": "Links"}
    until = datetime.now(UTC).date() + timedelta(days=300)
    given = school.post("/v1/mandates", json=plan | {"until": str(until)}).json()
    return callers.client(callers.issue(Caller(client_id, kind, GRANTABLE[kind]))), given["href"]


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("change", [{"state": "suspended"}, {"scopes": ["students:read"]}])
def test_a_link_is_invalid_once_its_client_has_lost_the_right(
    school: httpx.Client,
    unauthenticated: httpx.Client,
    operator: httpx.Client,
    callers: Callers,
    grants: str,
    sessions: Sessions,
    audit_log: AuditLog,
    change: dict[str, Any],
) -> None:
    vendor, mandate = integrator_with_mandate(school, callers, sessions)
    href, client = create_grant(vendor, grants), school.get(mandate).json()["clientId"]
    assert operator.patch(f"/v1/clients/{client}", json=change).status_code == 200
    assert unauthenticated.get(href).status_code == 404
    assert audit_log.decisions()[-1] == ("useDownloadGrant", SCHOOL, "refused", "scope")


@pytest.mark.usefixtures("open_now")
def test_a_link_is_invalid_once_its_mandate_is_revoked(
    school: httpx.Client,
    unauthenticated: httpx.Client,
    callers: Callers,
    grants: str,
    sessions: Sessions,
) -> None:
    vendor, mandate = integrator_with_mandate(school, callers, sessions)
    used, unused = create_grant(vendor, grants), create_grant(vendor, grants)
    assert unauthenticated.get(used).content == FICHE
    school.post(f"{mandate}/revoke")
    assert unauthenticated.get(unused).status_code == 404
    assert vendor.post(grants).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_a_link_expires_and_is_removed_later(
    school: httpx.Client,
    unauthenticated: httpx.Client,
    grants: str,
    sessions: Sessions,
    audit_log: AuditLog,
) -> None:
    href = create_grant(school, grants)
    expire_grants(sessions, timedelta(seconds=1))
    assert unauthenticated.get(href).status_code == 404
    assert audit_log.decisions()[-1] == ("useDownloadGrant", SCHOOL, "refused", "linkExpired")
    with UnitOfWork(sessions) as unit:
        assert remove_old_grants(unit.session) == 0
    expire_grants(sessions, timedelta(days=2))
    with UnitOfWork(sessions) as unit:
        assert remove_old_grants(unit.session) > 0
        assert unit.session.scalar(select(func.count()).select_from(DownloadGrant)) == 0


@pytest.mark.usefixtures("open_now")
def test_the_secret_is_stored_as_a_hash_only(
    school: httpx.Client, grants: str, sessions: Sessions
) -> None:
    secret = create_grant(school, grants).rpartition("/")[2]
    with UnitOfWork(sessions) as unit:
        stored_hashes = unit.session.scalars(select(DownloadGrant.secret_sha256)).all()
    assert sha256(secret.encode()).digest() in stored_hashes
    assert secret.encode() not in stored_hashes


def test_a_grant_requires_access_to_the_document(
    school: httpx.Client, other: httpx.Client, operator: httpx.Client, grants: str
) -> None:
    assert school.post(grants).status_code == 404
    assert other.post(grants).status_code == 404
    assert operator.post(grants).status_code == 403


@pytest.mark.usefixtures("open_now")
def test_an_interrupted_download_of_a_link_is_resumed_until_its_last_byte_was_sent(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, audit_log: AuditLog
) -> None:
    href = create_grant(school, grants)
    first = unauthenticated.get(href, headers={"Range": "bytes=0-9"})
    assert (first.status_code, first.content) == (206, FICHE[:10])
    assert unauthenticated.get(href).status_code == 404
    rest = {"Range": "bytes=10-", "If-Range": first.headers["ETag"]}
    second = unauthenticated.get(href, headers=rest)
    assert (second.status_code, second.content) == (206, FICHE[10:])
    assert unauthenticated.get(href, headers=rest).status_code == 404
    assert [decision[2:] for decision in audit_log.decisions()[-4:]] == [
        ("allowed", "granted"),
        ("refused", "linkUsed"),
        ("allowed", "granted"),
        ("refused", "linkUsed"),
    ]


@pytest.mark.usefixtures("open_now")
def test_requests_of_a_link_get_each_byte_twice_at_most(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, audit_log: AuditLog
) -> None:
    href, size = create_grant(school, grants), len(FICHE)
    most = {"Range": f"bytes=0-{size - 2}"}
    got = [unauthenticated.get(href, headers=most) for _ in range(4)]
    assert [answer.status_code for answer in got] == [206, 206, 404, 404]
    assert audit_log.decisions()[-1] == ("useDownloadGrant", SCHOOL, "refused", "linkUsed")
    other = {"Range": "bytes=0-", "If-Range": '"another"'}
    assert unauthenticated.get(href, headers=other).status_code == 404
    assert unauthenticated.get(href, headers={"Range": f"bytes={size - 1}-"}).content == FICHE[-1:]


@pytest.mark.usefixtures("open_now")
def test_concurrent_requests_of_a_link_get_each_byte_twice_at_most(
    school: httpx.Client, callers: Callers, grants: str
) -> None:
    href, client = create_grant(school, grants), callers.client()
    half = {"Range": f"bytes=0-{len(FICHE) // 2}"}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.get(href, headers=half), range(12)))
    sent = sum(len(answer.content) for answer in answers if answer.status_code == 206)
    assert 0 < sent <= 2 * len(FICHE)
    assert {answer.status_code for answer in answers} == {206, 404}


@pytest.mark.usefixtures("open_now")
def test_a_link_is_not_resumed_after_it_has_expired(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, sessions: Sessions
) -> None:
    href = create_grant(school, grants)
    assert unauthenticated.get(href, headers={"Range": "bytes=0-9"}).status_code == 206
    expire_grants(sessions, timedelta(seconds=1))
    assert unauthenticated.get(href, headers={"Range": "bytes=10-"}).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_a_range_outside_the_document_is_a_problem_and_does_not_complete_the_link(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str
) -> None:
    href = create_grant(school, grants)
    outside = unauthenticated.get(href, headers={"Range": f"bytes={len(FICHE)}-"})
    assert outside.status_code == 416
    assert unauthenticated.get(href, headers={"Range": "bytes=0-"}).content == FICHE


@pytest.mark.usefixtures("open_now")
def test_requests_outside_the_document_end_a_link(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str
) -> None:
    href, outside = create_grant(school, grants), {"Range": f"bytes={len(FICHE)}-"}
    statuses = [unauthenticated.get(href, headers=outside).status_code for _ in range(20)]
    assert statuses[0] == 416
    assert statuses[-1] == 404
    assert statuses.count(416) <= 2 * OUTSIDE_PARTS


@pytest.mark.usefixtures("open_now")
def test_requests_of_a_link_have_a_rate_limit(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, audit_log: AuditLog
) -> None:
    href, byte = create_grant(school, grants), {"Range": "bytes=0-0"}
    most = 2 * LINK_REQUESTS_PER_MINUTE  # when a minute of the clock ends in between
    answers = [unauthenticated.get(href, headers=byte) for _ in range(most + 1)]
    assert answers[0].status_code == 206
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert 0 < int(refused[0].headers["Retry-After"]) <= 60
    limits = [refused[0].headers[name].split(";")[0] for name in ("RateLimit", "RateLimit-Policy")]
    assert limits == ['"link"', '"link"']
    uses = [entry for entry in audit_log.decisions() if entry[0] == "useDownloadGrant"]
    assert len(uses) == most + 1 - len(refused)


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("secret", ["used", "A" * 43])
def test_a_browser_gets_a_page_in_dutch_for_a_link_that_has_ended(
    school: httpx.Client, unauthenticated: httpx.Client, grants: str, secret: str
) -> None:
    href = create_grant(school, grants)
    assert unauthenticated.get(href).status_code == 200
    if secret != "used":  # a name, no secret
        href = f"{href.rpartition('/')[0]}/{secret}"
    page = unauthenticated.get(href, headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.status_code == 404
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Deze link werkt niet meer" in page.text
    assert 'lang="nl"' in page.text
    problem = unauthenticated.get(href, headers={"Accept": "*/*"})
    assert problem.json()["type"].endswith("resourceNotFound")
