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
from tests.api.conftest import Trail
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


def words(client: httpx.Client, seeded: Seeded, **query: str) -> list[str]:
    answer = client.get(LIST, params=query)
    assert answer.status_code == 200, answer.text
    by_id = {str(document): word for word, document in seeded.documents.items()}
    return [by_id[item["id"]] for item in answer.json()["items"]]


@pytest.mark.usefixtures("open_now")
def test_a_school_lists_its_documents(school: httpx.Client, seeded: Seeded) -> None:
    assert words(school, seeded) == [
        *("fiche", "reading only", "school bundle", "bundle", "print", "overview")
    ]
    assert words(school, seeded, kind="ficheBundle") == ["school bundle", "bundle"]
    assert words(school, seeded, kind="fiche", classGroup="4A") == ["fiche", "reading only"]
    assert words(school, seeded, kind="fiche", classGroup="4B") == []
    assert words(school, seeded, studentId=str(seeded.students["second"])) == ["reading only"]
    assert words(school, seeded, administrationId="2025") == []


@pytest.mark.usefixtures("open_now")
def test_a_document_says_what_it_is_and_where_its_bytes_are(
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
def test_a_fiche_is_its_range_of_the_bundle(school: httpx.Client, fiche: str) -> None:
    answer = school.get(f"{fiche}/content")
    assert answer.content == FICHE
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Length"] == str(FICHE_SIZE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["ETag"] == f'"{sha256(FICHE).hexdigest()}"'
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"_ofie O'Brien.pdf\"; filename*=UTF-8''%C5%BDofie%20O%27Brien.pdf"
    )


@pytest.mark.usefixtures("open_now")
def test_whole_objects_are_served_whole(school: httpx.Client, seeded: Seeded) -> None:
    for word, content in (("bundle", BUNDLE), ("overview", OVERVIEW)):
        answer = school.get(f"/v1/documents/{seeded.documents[word]}/content")
        assert answer.content == content


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, 1524),
        ("bytes=1499-1500", 1499, 1501),
        ("bytes=1400-1499", 1400, 1500),
        ("bytes=1500-1501", 1500, 1502),
        ("bytes=-1", 1523, 1524),
    ],
)
def test_a_document_in_segments_is_one_content(
    school: httpx.Client, seeded: Seeded, asked: str, start: int, end: int
) -> None:
    path = f"/v1/documents/{seeded.documents['school bundle']}/content"
    whole, part = school.get(path), school.get(path, headers={"Range": asked})
    assert whole.content == SCHOOL_BUNDLE
    assert whole.headers["ETag"] == f'"{sha256(SCHOOL_BUNDLE).hexdigest()}"'
    assert part.content == SCHOOL_BUNDLE[start:end]
    assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/1524"
    assert school.head(path).headers["Content-Length"] == "1524"
    beyond = school.get(path, headers={"Range": "bytes=1524-"})
    assert beyond.headers["Content-Range"] == "bytes */1524"


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, FICHE_SIZE),
        ("bytes=-10", FICHE_SIZE - 10, FICHE_SIZE),
        ("bytes=990-5000", 990, FICHE_SIZE),
        ("bytes=-5000", 0, FICHE_SIZE),
    ],
)
def test_a_range_never_leaves_the_document(
    school: httpx.Client, fiche: str, asked: str, start: int, end: int
) -> None:
    answer = school.get(f"{fiche}/content", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == FICHE[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{FICHE_SIZE}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.usefixtures("open_now")
def test_a_range_outside_the_document_is_refused(school: httpx.Client, fiche: str) -> None:
    answer = school.get(f"{fiche}/content", headers={"Range": "bytes=1000-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{FICHE_SIZE}"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("open_now")
def test_conditions_compare_with_the_bytes_that_are_current(
    school: httpx.Client, fiche: str
) -> None:
    tag = f'"{sha256(FICHE).hexdigest()}"'
    unchanged = school.get(f"{fiche}/content", headers={"If-None-Match": f'"old", W/{tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == tag
    assert "Content-Disposition" not in unchanged.headers
    changed = school.get(f"{fiche}/content", headers={"If-None-Match": '"old"'})
    assert changed.status_code == 200
    goes_on = {"Range": "bytes=0-9", "If-Range": tag}
    assert school.get(f"{fiche}/content", headers=goes_on).status_code == 206
    begins_anew = {"Range": "bytes=0-9", "If-Range": '"old"'}
    assert school.get(f"{fiche}/content", headers=begins_anew).content == FICHE


@pytest.mark.usefixtures("open_now")
def test_head_gives_the_headers_alone(school: httpx.Client, fiche: str) -> None:
    head, get = school.head(f"{fiche}/content"), school.get(f"{fiche}/content")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]
    assert "Content-Disposition" not in head.headers


@pytest.mark.parametrize("suffix", ["", "/content"])
def test_a_document_appears_at_its_moment_and_not_before(
    school: httpx.Client, sessions: Sessions, seeded: Seeded, fiche: str, suffix: str
) -> None:
    with released(sessions, timedelta(hours=1)):
        early = school.get(fiche + suffix)
        assert words(school, seeded) == []
    with released(sessions):
        late = school.get(fiche + suffix)
    assert (early.status_code, late.status_code) == (404, 200)


@pytest.mark.usefixtures("no_windows")
def test_a_document_waits_for_the_last_of_its_components(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    with UnitOfWork(sessions) as unit:
        release(unit, component="LO4-LEZ")
    assert words(school, seeded) == ["reading only"]


@pytest.mark.usefixtures("open_now")
def test_a_document_of_who_was_removed_is_not_there(school: httpx.Client, seeded: Seeded) -> None:
    path = f"/v1/documents/{seeded.documents['of removed']}"
    assert [school.get(path + suffix).status_code for suffix in ("", "/content")] == [404, 404]


@pytest.mark.usefixtures("open_now")
def test_a_changed_range_header_reads_no_neighbour(school: httpx.Client, fiche: str) -> None:
    answer = school.get(f"{fiche}/content", headers={"Range": "bytes=0-1,5-6"})
    assert (answer.status_code, answer.content) == (200, FICHE)


@pytest.mark.usefixtures("open_now")
def test_an_object_that_is_missing_is_unavailable_for_now(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    document = seeded.documents["overview"]
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            update(Document)
            .where(Document.id == document)
            .values(storage_keys=["documents/nothing"])
        )
    answer = school.get(f"/v1/documents/{document}/content")
    with UnitOfWork(sessions) as unit:
        kept = update(Document).where(Document.id == document)
        unit.session.execute(kept.values(storage_keys=["documents/overview.xlsx"]))
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:problem-type:belgif:serviceUnavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert "nothing" not in answer.text


def test_every_way_of_not_being_there_answers_the_same(
    school: httpx.Client, other: httpx.Client, sessions: Sessions, seeded: Seeded, fiche: str
) -> None:
    answers = [school.get(f"{fiche}/content")]
    with released(sessions):
        answers += [
            school.get(f"/v1/documents/{uuid4()}/content"),
            other.get(f"{fiche}/content"),
            other.get(fiche),
            school.get(f"/v1/documents/{seeded.documents['of other']}/content"),
            school.get(f"/v1/students/{uuid4()}"),
            other.get(f"/v1/schools/{SCHOOL}/results"),
        ]
    shapes = set()
    for answer in answers:
        trace_id = answer.headers["BelGov-Trace-Id"]
        headers = {k: v for k, v in answer.headers.items() if k not in {"date", "belgov-trace-id"}}
        shapes.add((answer.text.replace(trace_id, "-"), str(sorted(headers.items()))))
    assert len(shapes) == 1


def test_every_download_is_decided_and_put_on_the_trail(
    school: httpx.Client,
    other: httpx.Client,
    operator: httpx.Client,
    sessions: Sessions,
    fiche: str,
    trail: Trail,
) -> None:
    school.get(f"{fiche}/content")
    with released(sessions):
        school.get(f"{fiche}/content")
        school.head(f"{fiche}/content")
        other.get(f"{fiche}/content")
        operator.get(f"{fiche}/content")
        school.get(f"/v1/documents/{uuid4()}/content")
        school.get(LIST)
    assert [v for v in trail.verdicts() if "Window" not in v[0]] == [
        ("getDocumentContent", SCHOOL, "refused", "gate"),
        ("getDocumentContent", SCHOOL, "allowed", "granted"),
        ("headDocumentContent", SCHOOL, "allowed", "granted"),
        ("getDocumentContent", SCHOOL, "refused", "reach"),
        ("getDocumentContent", None, "refused", "scope"),
        ("getDocumentContent", None, "refused", "reach"),
        ("listSchoolDocuments", SCHOOL, "allowed", "granted"),
    ]
