"""A link for one download of one document, by whoever holds it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.grants.models import DownloadGrant
from shared.documents.grants.service import remove_old_grants
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import Callers, Trail
from tests.api.oauth_clients import registered
from tests.api.seeding import FICHE, SCHOOL, Seeded, released


@pytest.fixture(scope="module")
def grants(seeded: Seeded) -> str:
    return f"/v1/documents/{seeded.documents['fiche']}/grants"


def lend(client: httpx.Client, grants: str) -> str:
    answer = client.post(grants)
    assert answer.status_code == 201, answer.text
    href: str = answer.json()["href"]
    assert answer.headers["Location"] == href
    return href


def age(sessions: Sessions, by: timedelta) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(DownloadGrant).values(expires_at=func.now() - by))


@pytest.mark.usefixtures("open_now")
def test_a_link_is_good_for_one_download_without_a_token(
    school: httpx.Client, nobody: httpx.Client, grants: str, trail: Trail
) -> None:
    href = lend(school, grants)
    first = nobody.get(href)
    assert first.content == FICHE
    assert first.headers["Cache-Control"] == "no-store"
    assert nobody.get(href).status_code == 404
    assert trail.verdicts()[-3:] == [
        ("createDownloadGrant", SCHOOL, "allowed", "granted"),
        ("useDownloadGrant", SCHOOL, "allowed", "granted"),
        ("useDownloadGrant", SCHOOL, "refused", "grant"),
    ]
    assert trail.entries()[-1]["resource"] == f"{grants.removesuffix('/grants')}/content"


@pytest.mark.usefixtures("open_now")
def test_the_trail_of_its_use_says_for_whom_it_was_made(
    callers: Callers, nobody: httpx.Client, grants: str, trail: Trail
) -> None:
    scopes = frozenset({Scope.DOCUMENTS_READ})
    person = Caller("a portal", CallerKind.SCHOOL, scopes, SCHOOL, "a1b2c3")
    assert nobody.get(lend(callers.client(callers.issue(person)), grants)).content == FICHE
    used = trail.entries()[-1]
    assert (used["action"], used["caller_subject"]) == ("useDownloadGrant", "a1b2c3")


@pytest.mark.usefixtures("open_now")
def test_of_many_at_the_same_moment_one_gets_it(
    school: httpx.Client, callers: Callers, grants: str
) -> None:
    href, client = lend(school, grants), callers.client()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get(href).status_code, range(8)))
    assert sorted(answers) == [200] + [404] * 7


def test_what_is_closed_since_is_not_handed_out(
    school: httpx.Client, nobody: httpx.Client, grants: str, sessions: Sessions
) -> None:
    with released(sessions):
        href = lend(school, grants)
    assert nobody.get(href).status_code == 404


def mandated(
    school: httpx.Client, callers: Callers, sessions: Sessions
) -> tuple[httpx.Client, str]:
    """A registered integrator, and the mandate that it has."""
    kind = CallerKind.INTEGRATOR
    name = registered(sessions, callers.url, ClientKind.INTEGRATOR).id
    plan = {"clientId": name, "products": ["studentFeedback"], "purpose": "Links"}
    given = school.post(
        "/v1/mandates", json=plan | {"until": str(datetime.now(UTC).date() + timedelta(days=300))}
    ).json()
    return callers.client(callers.issue(Caller(name, kind, GRANTABLE[kind]))), given["href"]


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("change", [{"state": "suspended"}, {"scopes": ["students:read"]}])
def test_a_link_ends_with_the_rights_of_the_client_that_made_it(
    school: httpx.Client,
    nobody: httpx.Client,
    operator: httpx.Client,
    callers: Callers,
    grants: str,
    sessions: Sessions,
    trail: Trail,
    change: dict[str, Any],
) -> None:
    vendor, mandate = mandated(school, callers, sessions)
    href, client = lend(vendor, grants), school.get(mandate).json()["clientId"]
    assert operator.patch(f"/v1/clients/{client}", json=change).status_code == 200
    assert nobody.get(href).status_code == 404
    assert trail.verdicts()[-1] == ("useDownloadGrant", SCHOOL, "refused", "scope")


@pytest.mark.usefixtures("open_now")
def test_a_link_ends_with_the_mandate_it_was_made_by(
    school: httpx.Client, nobody: httpx.Client, callers: Callers, grants: str, sessions: Sessions
) -> None:
    vendor, mandate = mandated(school, callers, sessions)
    good, bad = lend(vendor, grants), lend(vendor, grants)
    assert nobody.get(good).content == FICHE
    school.post(f"{mandate}/revoke")
    assert nobody.get(bad).status_code == 404
    assert vendor.post(grants).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_a_link_ends_after_its_time_and_is_forgotten_later(
    school: httpx.Client, nobody: httpx.Client, grants: str, sessions: Sessions, trail: Trail
) -> None:
    href = lend(school, grants)
    age(sessions, timedelta(seconds=1))
    assert nobody.get(href).status_code == 404
    assert trail.verdicts()[-1] == ("useDownloadGrant", SCHOOL, "refused", "grant")
    with UnitOfWork(sessions) as unit:
        assert remove_old_grants(unit.session) == 0
    age(sessions, timedelta(days=2))
    with UnitOfWork(sessions) as unit:
        assert remove_old_grants(unit.session) > 0
        assert unit.session.scalar(select(func.count()).select_from(DownloadGrant)) == 0


@pytest.mark.usefixtures("open_now")
def test_the_secret_is_not_kept(school: httpx.Client, grants: str, sessions: Sessions) -> None:
    secret = lend(school, grants).rpartition("/")[2]
    with UnitOfWork(sessions) as unit:
        kept = unit.session.scalars(select(DownloadGrant.secret_sha256)).all()
    assert sha256(secret.encode()).digest() in kept
    assert secret.encode() not in kept


def test_nobody_lends_what_it_may_not_read(
    school: httpx.Client, other: httpx.Client, operator: httpx.Client, grants: str
) -> None:
    assert school.post(grants).status_code == 404
    assert other.post(grants).status_code == 404
    assert operator.post(grants).status_code == 403
