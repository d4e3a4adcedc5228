"""Reading guides over HTTP: nobody's data, for every caller that reads documents."""

from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import delete, func, select

from shared.access.rules import CallerKind, Scope
from shared.audit.models import AuditEvent
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.reading_guides.models import ReadingGuide
from shared.storage.store import Storage
from tests.api.conftest import Callers
from tests.api.guide_seeding import GUIDES, GUIDES_KEY, GUIDES_OBJECT, seed_guides
from tests.api.seeding import SCHOOL

LIST = "/v1/readingGuides"


def test_the_list_has_a_guide_per_language_in_order(school: httpx.Client) -> None:
    body = school.get(LIST).json()
    assert [item["language"] for item in body["items"]] == sorted(GUIDES)
    assert body["total"] == len(GUIDES)
    first = body["items"][0]
    href = str(school.base_url.join(f"{LIST}/de"))
    assert first.pop("builtAt")
    assert first == {
        "href": href,
        "language": "de",
        "name": "Taal de",
        "templateVersion": "guide-1",
        "content": {
            "href": href,
            "mediaType": "application/pdf",
            "size": len(GUIDES["de"]),
            "sha256": sha256(GUIDES["de"]).hexdigest(),
            "fileName": "Leeswijzer \N{EN DASH} de.pdf",
        },
    }


@pytest.mark.parametrize("language", GUIDES)
def test_a_guide_is_its_own_bytes_with_their_hash_and_name(
    school: httpx.Client, language: str
) -> None:
    response = school.get(f"{LIST}/{language}")
    assert response.status_code == 200
    assert response.content == GUIDES[language]
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["ETag"] == f'"{sha256(GUIDES[language]).hexdigest()}"'
    assert unquote(response.headers["Content-Disposition"]).endswith(
        f"Leeswijzer \N{EN DASH} {language}.pdf"
    )


def test_head_has_the_headers_without_the_bytes(school: httpx.Client) -> None:
    response = school.head(f"{LIST}/fr")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(GUIDES["fr"])


def test_an_unchanged_guide_is_not_sent_again(school: httpx.Client) -> None:
    entity_tag = school.get(f"{LIST}/fr").headers["ETag"]
    again = school.get(f"{LIST}/fr", headers={"If-None-Match": entity_tag})
    assert (again.status_code, again.content) == (304, b"")
    other = school.get(f"{LIST}/en", headers={"If-None-Match": entity_tag})
    assert (other.status_code, other.content) == (200, GUIDES["en"])


@pytest.mark.parametrize("language", ["xx", "ar", "FR", "f"])
def test_another_language_is_not_found(school: httpx.Client, language: str) -> None:
    assert school.get(f"{LIST}/{language}").status_code == httpx.codes.NOT_FOUND


def test_an_integrator_without_a_mandate_reads_guides(callers: Callers) -> None:
    client = callers.client(callers.token(CallerKind.INTEGRATOR))
    assert client.get(f"{LIST}/fr").content == GUIDES["fr"]


def test_a_token_without_the_scope_and_an_operator_read_none(callers: Callers) -> None:
    few = callers.school(SCHOOL, Scope.SCHOOLS_READ)
    operator = callers.client(callers.token(CallerKind.OPERATOR))
    for client in (few, operator):
        for path in (LIST, f"{LIST}/fr"):
            assert client.get(path).json()["requiredScopes"] == ["documents:read"]


def test_a_read_is_no_audit_event(school: httpx.Client, sessions: Sessions) -> None:
    count = select(func.count()).select_from(AuditEvent)
    with UnitOfWork(sessions) as unit:
        before = unit.session.scalar(count)
    school.get(f"{LIST}/fr")
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(count) == before


@pytest.fixture
def lost_object(storage: Storage) -> Iterator[None]:
    storage.delete([GUIDES_KEY])
    yield
    storage.put(GUIDES_KEY, GUIDES_OBJECT)


@pytest.mark.usefixtures("lost_object")
def test_a_lost_guide_is_being_made_again(school: httpx.Client) -> None:
    response = school.get(f"{LIST}/fr")
    assert response.status_code == 503
    assert response.json()["type"].endswith("documentBeingRebuilt")
    assert int(response.headers["Retry-After"]) > 0


def test_before_a_worker_has_published_them_there_are_none(
    school: httpx.Client, sessions: Sessions, storage: Storage
) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReadingGuide))
    try:
        assert school.get(LIST).json()["total"] == 0
        assert school.get(f"{LIST}/fr").status_code == 404
    finally:
        with UnitOfWork(sessions) as unit:
            seed_guides(unit.session, storage)
