import re
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from tests.api.conftest import AuditLog
from tests.api.seeding import (
    BUNDLE,
    FICHE,
    FICHE_SIZE,
    OVERVIEW,
    SCHOOL,
    SCHOOL_BUNDLE,
    Seeded,
    release,
    released,
)

LIST = f"/v1/schools/{SCHOOL}/documents"


@pytest.fixture(scope="module")
def fiche(seeded: Seeded) -> str:
    return f"/v1/documents/{seeded.documents['fiche']}"


def labels(client: httpx.Client, seeded: Seeded, **query: str) -> list[str]:
    response = client.get(LIST, params=query)
    assert response.status_code == 200, response.text
    by_id = {str(document): label for label, document in seeded.documents.items()}
    return [by_id[item["id"]] for item in response.json()["items"]]


@pytest.mark.usefixtures("open_now")
def test_a_school_lists_its_documents(school: httpx.Client, seeded: Seeded) -> None:
    assert labels(school, seeded) == [
        *("fiche", "reading only", "school bundle", "bundle", "print", "overview")
    ]
    assert labels(school, seeded, kind="ficheBundle") == ["school bundle", "bundle"]
    assert labels(school, seeded, kind="fiche", classGroup="4A") == ["fiche", "reading only"]
    assert labels(school, seeded, kind="fiche", classGroup="4B") == []
    assert labels(school, seeded, studentId=str(seeded.students["second"])) == ["reading only"]
    assert labels(school, seeded, administrationId="2025") == []


@pytest.mark.usefixtures("open_now")
def test_a_document_has_its_metadata_and_a_link_to_its_content(
    school: httpx.Client, seeded: Seeded, fiche: str
) -> None:
    body = school.get(fiche).json()
    assert re.fullmatch(r".*[+]0[12]:00", body.pop("builtAt"))
    href = str(school.base_url.join(fiche))
    assert body == {
        "href": href,
        "id": str(seeded.documents["fiche"]),
        "kind": "fiche",
        "administrationId": "2024",
        "schoolId": SCHOOL,
        "classGroup": "4A",
        "studentId": str(seeded.students["first"]),
        "version": 1,
        "templateVersion": "1",
        "content": {
            "href": f"{href}/content",
            "mediaType": "application/pdf",
            "size": FICHE_SIZE,
            "sha256": sha256(FICHE).hexdigest(),
            "fileName": "Žofie O'Brien.pdf",
        },
    }


@pytest.mark.usefixtures("open_now")
def test_the_content_of_a_fiche_is_a_byte_range_of_the_bundle(
    school: httpx.Client, fiche: str
) -> None:
    response = school.get(f"{fiche}/content")
    assert response.content == FICHE
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Length"] == str(FICHE_SIZE)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["ETag"] == f'"{sha256(FICHE).hexdigest()}"'
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"_ofie O'Brien.pdf\"; filename*=UTF-8''%C5%BDofie%20O%27Brien.pdf"
    )


@pytest.mark.usefixtures("open_now")
def test_documents_of_a_whole_object_are_served_completely(
    school: httpx.Client, seeded: Seeded
) -> None:
    for label, content in (("bundle", BUNDLE), ("overview", OVERVIEW)):
        response = school.get(f"/v1/documents/{seeded.documents[label]}/content")
        assert response.content == content


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("range_header", "start", "end"),
    [
        ("bytes=0-", 0, 1524),
        ("bytes=1499-1500", 1499, 1501),
        ("bytes=1400-1499", 1400, 1500),
        ("bytes=1500-1501", 1500, 1502),
        ("bytes=-1", 1523, 1524),
    ],
)
def test_a_document_in_segments_is_served_as_one_content(
    school: httpx.Client, seeded: Seeded, range_header: str, start: int, end: int
) -> None:
    path = f"/v1/documents/{seeded.documents['school bundle']}/content"
    whole, part = school.get(path), school.get(path, headers={"Range": range_header})
    assert whole.content == SCHOOL_BUNDLE
    assert whole.headers["ETag"] == f'"{sha256(SCHOOL_BUNDLE).hexdigest()}"'
    assert part.content == SCHOOL_BUNDLE[start:end]
    assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/1524"
    assert school.head(path).headers["Content-Length"] == "1524"
    beyond = school.get(path, headers={"Range": "bytes=1524-"})
    assert beyond.headers["Content-Range"] == "bytes */1524"


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("range_header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, FICHE_SIZE),
        ("bytes=-10", FICHE_SIZE - 10, FICHE_SIZE),
        ("bytes=990-5000", 990, FICHE_SIZE),
        ("bytes=-5000", 0, FICHE_SIZE),
    ],
)
def test_a_range_stays_within_the_document(
    school: httpx.Client, fiche: str, range_header: str, start: int, end: int
) -> None:
    response = school.get(f"{fiche}/content", headers={"Range": range_header})
    assert response.status_code == 206
    assert response.content == FICHE[start:end]
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{FICHE_SIZE}"
    assert response.headers["Content-Length"] == str(end - start)


@pytest.mark.usefixtures("open_now")
def test_a_range_outside_the_document_is_not_satisfiable(school: httpx.Client, fiche: str) -> None:
    response = school.get(f"{fiche}/content", headers={"Range": "bytes=1000-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{FICHE_SIZE}"
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("open_now")
def test_conditional_requests_compare_with_the_current_content(
    school: httpx.Client, fiche: str
) -> None:
    tag = f'"{sha256(FICHE).hexdigest()}"'
    unchanged = school.get(f"{fiche}/content", headers={"If-None-Match": f'"old", W/{tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == tag
    assert "Content-Disposition" not in unchanged.headers
    for if_none_match in (tag, f'"old", W/{tag}', "*"):
        head = school.head(f"{fiche}/content", headers={"If-None-Match": if_none_match})
        assert (head.status_code, head.headers["ETag"]) == (304, tag)
    if_other = {"If-None-Match": '"old"'}
    changed = school.get(f"{fiche}/content", headers=if_other)
    assert changed.status_code == 200
    assert school.head(f"{fiche}/content", headers=if_other).status_code == 200
    if_unchanged = {"Range": "bytes=0-9", "If-Range": tag}
    assert school.get(f"{fiche}/content", headers=if_unchanged).status_code == 206
    if_changed = {"Range": "bytes=0-9", "If-Range": '"old"'}
    assert school.get(f"{fiche}/content", headers=if_changed).content == FICHE


@pytest.mark.usefixtures("open_now")
def test_head_returns_the_headers_only(school: httpx.Client, fiche: str) -> None:
    head, get = school.head(f"{fiche}/content"), school.get(f"{fiche}/content")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]
    assert "Content-Disposition" not in head.headers


@pytest.mark.parametrize("suffix", ["", "/content"])
def test_a_document_is_visible_from_its_release_on(
    school: httpx.Client, sessions: Sessions, seeded: Seeded, fiche: str, suffix: str
) -> None:
    with released(sessions, timedelta(hours=1)):
        before = school.get(fiche + suffix)
        assert labels(school, seeded) == []
    with released(sessions):
        after = school.get(fiche + suffix)
    assert (before.status_code, after.status_code) == (404, 200)


@pytest.mark.usefixtures("no_windows")
def test_a_document_is_visible_once_all_its_components_are_released(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    with UnitOfWork(sessions) as unit:
        release(unit, component="LO4-LEZ")
    assert labels(school, seeded) == ["reading only"]


@pytest.mark.usefixtures("open_now")
def test_a_document_of_a_removed_student_is_not_found(school: httpx.Client, seeded: Seeded) -> None:
    path = f"/v1/documents/{seeded.documents['of removed']}"
    assert [school.get(path + suffix).status_code for suffix in ("", "/content")] == [404, 404]


@pytest.mark.usefixtures("open_now")
def test_several_ranges_return_the_whole_document(school: httpx.Client, fiche: str) -> None:
    response = school.get(f"{fiche}/content", headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, response.content) == (200, FICHE)


@pytest.mark.usefixtures("open_now")
def test_a_missing_object_is_answered_with_document_being_rebuilt(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    document = seeded.documents["overview"]
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            update(Document)
            .where(Document.id == document)
            .values(storage_keys=["documents/nothing"])
        )
    response = school.get(f"/v1/documents/{document}/content")
    with UnitOfWork(sessions) as unit:
        original = update(Document).where(Document.id == document)
        unit.session.execute(original.values(storage_keys=["documents/overview.xlsx"]))
    assert response.status_code == 503
    assert response.json()["type"].endswith(":documentBeingRebuilt")
    assert int(response.headers["Retry-After"]) > 0
    assert "nothing" not in response.text


def test_all_not_found_responses_are_identical(
    school: httpx.Client, other: httpx.Client, sessions: Sessions, seeded: Seeded, fiche: str
) -> None:
    responses = [school.get(f"{fiche}/content")]
    with released(sessions):
        responses += [
            school.get(f"/v1/documents/{uuid4()}/content"),
            other.get(f"{fiche}/content"),
            other.get(fiche),
            school.get(f"/v1/documents/{seeded.documents['of other']}/content"),
            school.get(f"/v1/students/{uuid4()}"),
            other.get(f"/v1/schools/{SCHOOL}/results"),
        ]
    shapes = set()
    for response in responses:
        trace_id = response.headers["BelGov-Trace-Id"]
        headers = {
            k: v for k, v in response.headers.items() if k not in {"date", "belgov-trace-id"}
        }
        shapes.add((response.text.replace(trace_id, "-"), str(sorted(headers.items()))))
    assert len(shapes) == 1


def test_every_download_decision_is_recorded_in_the_audit_log(
    school: httpx.Client,
    other: httpx.Client,
    operator: httpx.Client,
    sessions: Sessions,
    fiche: str,
    audit_log: AuditLog,
) -> None:
    school.get(f"{fiche}/content")
    with released(sessions):
        school.get(f"{fiche}/content")
        school.head(f"{fiche}/content")
        other.get(f"{fiche}/content")
        operator.get(f"{fiche}/content")
        school.get(f"/v1/documents/{uuid4()}/content")
        school.get(LIST)
    assert [v for v in audit_log.decisions() if "Window" not in v[0]] == [
        ("getDocumentContent", SCHOOL, "refused", "gate"),
        ("getDocumentContent", SCHOOL, "allowed", "granted"),
        ("headDocumentContent", SCHOOL, "allowed", "granted"),
        ("getDocumentContent", SCHOOL, "refused", "reach"),
        ("getDocumentContent", SCHOOL, "refused", "scope"),
        ("getDocumentContent", None, "refused", "reach"),
        ("listSchoolDocuments", SCHOOL, "allowed", "granted"),
    ]
