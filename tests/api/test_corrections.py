"""What a school reads while its documents are rebuilt after a correction, and after that."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, func, text, update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.repository import last_applied_sequence
from shared.documents.models import Document
from shared.documents.rebuilds.models import RebuildRequest
from shared.documents.superseded.models import DocumentDownload, SupersededDocument
from shared.schools.models import Participation
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded, released
from tests.deliveries.delivery_files import correction, run_import

SUPERSEDED = f"/v1/schools/{SCHOOL}/supersededDocuments"
DOCUMENTS = f"/v1/schools/{SCHOOL}/documents"


@pytest.fixture
def no_downloads(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(Document).values(version=1, sha256=sha256(b"1").digest()))
        for model in (SupersededDocument, DocumentDownload, RebuildRequest):
            unit.session.execute(delete(model))


@contextmanager
def outdated(sessions: Sessions) -> Iterator[None]:
    """Outdate the documents of the school, as a delivery does."""
    school = update(Participation).where(Participation.school_id == SCHOOL)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(school.values(facts_revision=2))
    try:
        yield
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(school.values(facts_revision=1))


def reads(seeded: Seeded) -> list[tuple[str, str, dict[str, Any]]]:
    document = f"/v1/documents/{seeded.documents['fiche']}"
    student = seeded.students["first"]
    hand_over = {
        "administrationId": ADMINISTRATION,
        "means": "digital",
        "studentIds": [str(student)],
    }
    return [
        ("GET", DOCUMENTS, {}),
        ("GET", f"{DOCUMENTS}?administrationId={ADMINISTRATION}&classGroup=4B", {}),
        ("GET", document, {}),
        ("GET", f"{document}/content", {}),
        ("HEAD", f"{document}/content", {}),
        ("POST", f"{document}/grants", {}),
        ("GET", SUPERSEDED, {}),
        ("GET", f"/v1/schools/{SCHOOL}/handOutEntries", {}),
        ("GET", f"/v1/schools/{SCHOOL}/handOvers", {}),
        ("GET", f"/v1/schools/{SCHOOL}/handOverCounts", {}),
        ("GET", f"/v1/students/{student}/handOvers", {}),
        ("POST", "/v1/handOvers", hand_over),
    ]


def responses(client: httpx.Client, seeded: Seeded) -> dict[str, httpx.Response]:
    return {
        f"{method} {path}": client.request(
            method,
            path,
            json=body or None,
            headers={"Idempotency-Key": sha256(path.encode()).hexdigest()} if body else {},
        )
        for method, path, body in reads(seeded)
    }


@pytest.mark.usefixtures("open_now", "no_downloads")
def test_whatever_shows_documents_is_refused_while_they_are_rebuilt(
    school: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    with outdated(sessions):
        for read, response in responses(school, seeded).items():
            assert response.status_code == 503, read
            assert int(response.headers["Retry-After"]) > 0
            if not read.startswith("HEAD"):
                assert response.json()["type"].endswith(":documentBeingRebuilt")
        results = school.get(f"/v1/schools/{SCHOOL}/results")
        assert results.json()["total"] > 0


@pytest.mark.usefixtures("no_downloads")
@pytest.mark.parametrize("caller", ["school", "other"])
def test_nobody_else_and_nobody_before_the_release_learns_of_a_rebuild(
    request: pytest.FixtureRequest, seeded: Seeded, sessions: Sessions, caller: str
) -> None:
    client: httpx.Client = request.getfixturevalue(caller)
    opens_in = timedelta(hours=1 if caller == "school" else -1)

    def seen() -> dict[str, tuple[int, bytes]]:
        return {
            read: (
                response.status_code,
                response.content.replace(response.headers["BelGov-Trace-Id"].encode(), b""),
            )
            for read, response in responses(client, seeded).items()
        }

    with released(sessions, opens_in=opens_in):
        before = seen()
        with outdated(sessions):
            assert seen() == before
    assert all(status in {200, 404} for status, _ in before.values())


@pytest.mark.usefixtures("open_now")
def test_a_document_of_a_student_who_left_is_not_found_during_a_rebuild(
    school: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    with outdated(sessions):
        response = school.get(f"/v1/documents/{seeded.documents['of removed']}")
    assert response.status_code == 404


def replace(sessions: Sessions, *documents: object) -> None:
    """Give documents another version, as a build does."""
    changed = update(Document).where(Document.id.in_(documents))
    new: dict[str, Any] = {"version": Document.version + 1, "built_at": func.now()}
    new |= {"sha256": bytes(32), "content_sha256": bytes(32)}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(changed.values(new))


def superseded(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    response = client.get(SUPERSEDED, params=query)
    assert response.status_code == 200, response.text
    assert response.json()["total"] == len(response.json()["items"])
    return list(response.json()["items"])


@pytest.mark.usefixtures("open_now", "no_downloads")
def test_a_school_sees_which_downloaded_documents_were_replaced(
    school: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    fiche, unread = seeded.documents["fiche"], seeded.documents["reading only"]
    path = f"/v1/documents/{fiche}"
    before = school.get(path).json()
    for _ in range(2):
        assert school.get(f"{path}/content").status_code == 200
    assert superseded(school) == []
    replace(sessions, fiche, unread)
    (item,) = superseded(school)
    after = school.get(path).json()
    assert item.pop("downloadedAt") <= item.pop("supersededAt")
    assert item == {
        "documentId": str(fiche),
        "version": 1,
        "kind": "fiche",
        "administrationId": ADMINISTRATION,
        "schoolId": SCHOOL,
        "classGroup": "4A",
        "studentId": str(seeded.students["first"]),
        "sha256": before["content"]["sha256"],
        "reason": "corrected",
        "current": {"href": before["href"], "version": 2},
    }
    assert "replacedAt" not in before
    assert after["replacedAt"] == after["builtAt"]
    assert superseded(school, administrationId="2025") == []


@pytest.mark.usefixtures("open_now", "no_downloads")
@pytest.mark.parametrize("holder", ["bundle", "school bundle", "print"])
def test_a_fiche_is_downloaded_with_a_bundle_or_print_file(
    school: httpx.Client, seeded: Seeded, sessions: Sessions, holder: str
) -> None:
    fiche, bundle = seeded.documents["fiche"], seeded.documents[holder]
    school.get(f"/v1/documents/{bundle}/content")
    replace(sessions, fiche, bundle)
    assert {item["documentId"] for item in superseded(school)} == {str(fiche), str(bundle)}
    replace(sessions, fiche)
    assert len(superseded(school)) == 2


@pytest.mark.usefixtures("open_now", "no_downloads")
def test_a_download_by_link_counts_and_a_read_of_metadata_does_not(
    school: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    read, linked = seeded.documents["fiche"], seeded.documents["overview"]
    school.get(f"/v1/documents/{read}")
    school.head(f"/v1/documents/{read}/content")
    grant = school.post(f"/v1/documents/{linked}/grants").json()
    httpx.get(grant["href"])
    replace(sessions, read, linked)
    assert [item["documentId"] for item in superseded(school)] == [str(linked)]


@pytest.mark.usefixtures("no_downloads")
def test_superseded_documents_close_with_the_window_and_are_of_one_school(
    school: httpx.Client, other: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    overview = seeded.documents["overview"]
    with released(sessions):
        school.get(f"/v1/documents/{overview}/content")
        replace(sessions, overview)
        assert len(superseded(school)) == 1
        assert other.get(SUPERSEDED).status_code == 404
        assert other.get(f"/v1/schools/{OTHER}/supersededDocuments").json()["total"] == 0
    assert superseded(school) == []


def deliver(sessions: Sessions, directory: Path) -> list[str]:
    """Apply a correction about the first student; return the schools to be rebuilt."""
    with UnitOfWork(sessions) as unit:
        sequence = last_applied_sequence(unit.session, ADMINISTRATION) + 1
        rows = [["first", "LO4-LEZ", "reported", "C", "1"]]
        path = correction(sequence, results=rows).write(directory / str(sequence))
        assert run_import(unit.session, path).status == "applied"
        return list(unit.session.scalars(text("select school_id from rebuild_requests")))


@pytest.mark.usefixtures("no_downloads")
def test_a_delivery_requests_the_rebuild_of_its_schools_after_a_release_only(
    sessions: Sessions, seeded: Seeded, tmp_path: Path
) -> None:
    assert seeded.delivery
    try:
        assert deliver(sessions, tmp_path) == []
        with released(sessions, opens_in=timedelta(hours=1)):
            assert deliver(sessions, tmp_path) == []
        with released(sessions):
            assert deliver(sessions, tmp_path) == [SCHOOL]
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(update(Participation).values(facts_revision=1))
