"""From the sample delivery to the download of a fiche by its school, through real processes."""

import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest
from openpyxl import load_workbook

from clients.python.proofs import ProofKey
from services.cli.identity import ClientIdentity
from shared.documents.reading_guides.texts import GUIDE_TEXTS
from tests.journeys.conftest import Instance, follow

SAMPLE = Path(__file__).parents[1] / "data" / "delivery-sample"
SCHOOL, OTHER = "000028", "007947"
ADMINISTRATION = "2024"

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chain")]


@pytest.fixture(scope="module")
def built(instance: Instance) -> Instance:
    """Import the sample and build its documents with the command line."""
    instance.cli("import", str(SAMPLE))
    instance.cli("build", "--administration", ADMINISTRATION, "--follow")
    return instance


@pytest.fixture(scope="module")
def school(built: Instance) -> httpx.Client:
    return built.school(SCHOOL)


@pytest.fixture(scope="module")
def other(built: Instance) -> httpx.Client:
    return built.school(OTHER)


@pytest.fixture(scope="module")
def operator(built: Instance) -> httpx.Client:
    return built.operator()


@pytest.fixture(scope="module")
def released(built: Instance, school: httpx.Client) -> dict[str, Any]:
    """List the fiches before and after a release that three persons planned and approved."""
    opens_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)
    moment = ("--opens-at", opens_at.isoformat())
    said = built.cli("release", "rehearse", "--administration", ADMINISTRATION, *moment)
    assert "DEVELOPMENT ONLY" in said
    assert documents(school, "fiche") == []
    while datetime.now(UTC) < opens_at - timedelta(seconds=1):
        time.sleep(0.05)
    before = documents(school, "fiche")
    while datetime.now(UTC) < opens_at + timedelta(seconds=1):
        time.sleep(0.05)
    return {"before": before, "after": documents(school, "fiche")}


def documents(client: httpx.Client, kind: str) -> list[dict[str, Any]]:
    response = client.get(
        f"/v1/schools/{SCHOOL}/documents",
        params={"administrationId": ADMINISTRATION, "kind": kind, "pageSize": 200},
    )
    assert response.status_code == httpx.codes.OK, response.text
    return list(response.json()["items"])


def manifest_rows(name: str) -> int:
    return int(json.loads((SAMPLE / "delivery.json").read_text())["files"][name]["rows"])


def test_repeated_import_is_unchanged_and_starts_no_job(
    built: Instance, operator: httpx.Client
) -> None:
    assert "unchanged" in built.cli("import", str(SAMPLE))
    jobs = operator.get("/v1/jobs").json()
    assert [job["kind"] for job in jobs["items"]] == ["documents.build"]


def test_fiches_appear_when_the_window_opens(released: dict[str, Any]) -> None:
    assert released["before"] == []
    assert len(released["after"]) > 0


def test_fiche_contains_the_student_and_a_level_per_component(
    school: httpx.Client, released: dict[str, Any]
) -> None:
    fiche = released["after"][0]
    student = school.get(f"/v1/students/{fiche['studentId']}").json()
    results = school.get(f"/v1/students/{fiche['studentId']}/results").json()["items"]
    content = school.get(f"{fiche['href']}/content")
    assert content.headers["Content-Type"] == "application/pdf"
    document = pypdfium2.PdfDocument(content.content)
    text = " ".join(page.get_textpage().get_text_bounded() for page in document)
    words = " ".join(text.split())
    for expected in (
        student["familyName"],
        student["givenName"],
        student["classGroup"],
        *(result["componentName"] for result in results),
        *(result["level"]["label"] for result in results if "level" in result),
    ):
        assert expected in words
    document.close()


def test_overview_contains_every_student_of_the_school(
    school: httpx.Client, released: dict[str, Any]
) -> None:
    assert released
    (overview,) = documents(school, "overview")
    workbook = load_workbook(BytesIO(school.get(f"{overview['href']}/content").content))
    cells = {str(cell.value) for sheet in workbook for row in sheet for cell in row}
    students = school.get(
        f"/v1/schools/{SCHOOL}/students",
        params={"administrationId": ADMINISTRATION, "pageSize": 200},
    ).json()["items"]
    assert len(students) > 0
    assert {student["familyName"] for student in students} <= cells


def test_bundles_contain_the_fiches_of_their_class_group_or_school(
    school: httpx.Client, released: dict[str, Any]
) -> None:
    bundles = documents(school, "ficheBundle")
    assert [bundle.get("classGroup") for bundle in bundles].count(None) == 1
    content = {f["href"]: school.get(f"{f['href']}/content").content for f in released["after"]}
    listed = school.get("/v1/readingGuides").json()["items"]
    guides = [school.get(guide["href"]).content for guide in listed]
    assert len(guides) == len(GUIDE_TEXTS)
    for bundle in bundles:
        archive = zipfile.ZipFile(BytesIO(school.get(f"{bundle['href']}/content").content))
        own = bundle.get("classGroup")
        fiches = [f for f in released["after"] if own in {None, f["classGroup"]}]
        lists = [name for name in archive.namelist() if "/Uitdeellijst " in name]
        members = sorted(archive.read(name) for name in {*archive.namelist()} - {*lists})
        assert archive.testzip() is None
        assert members == sorted([*(content[f["href"]] for f in fiches), *guides])
        assert len(lists) == (1 if own else len(bundles) - 1)


def test_every_student_is_on_a_hand_out_list(
    school: httpx.Client, released: dict[str, Any]
) -> None:
    of = {"administrationId": ADMINISTRATION, "pageSize": "200"}
    entries = school.get(f"/v1/schools/{SCHOOL}/handOutEntries", params=of).json()["items"]
    students = school.get(f"/v1/schools/{SCHOOL}/students", params=of).json()["items"]
    assert [one["student"]["id"] for one in entries] == [one["id"] for one in students]
    fiches = {one["fiche"]["href"] for one in entries if "fiche" in one}
    assert fiches == {one["href"] for one in released["after"]}
    assert all(("fiche" in one) != ("missing" in one) for one in entries)


def test_other_school_gets_404(other: httpx.Client, released: dict[str, Any]) -> None:
    fiche = released["after"][0]
    for path in (
        f"/v1/students/{fiche['studentId']}",
        f"/v1/students/{fiche['studentId']}/results",
        f"/v1/schools/{SCHOOL}/students",
        f"/v1/schools/{SCHOOL}/results",
        f"/v1/schools/{SCHOOL}/documents",
        f"/v1/schools/{SCHOOL}/handOutEntries",
        fiche["href"],
        f"{fiche['href']}/content",
    ):
        assert other.get(path).status_code == httpx.codes.NOT_FOUND, path


def test_operator_may_not_read_results(operator: httpx.Client, released: dict[str, Any]) -> None:
    fiche = released["after"][0]
    for path in (
        f"/v1/schools/{SCHOOL}/results",
        f"/v1/students/{fiche['studentId']}/results",
        f"{fiche['href']}/content",
    ):
        assert operator.get(path).status_code == httpx.codes.FORBIDDEN, path


def test_request_without_a_token_is_unauthorized(built: Instance, released: dict[str, Any]) -> None:
    response = built.client().get(released["after"][0]["href"])
    assert response.status_code == httpx.codes.UNAUTHORIZED
    assert response.headers["WWW-Authenticate"].startswith("DPoP")


def test_a_recall_hides_the_documents_of_a_component(
    built: Instance, school: httpx.Client, released: dict[str, Any]
) -> None:
    arguments = ("--administration", ADMINISTRATION, "--reason", "wrong norm")
    built.cli("release", "recall", *arguments, "--product", "schoolFeedback")
    fiche = released["after"][0]["href"]
    assert school.get(f"{fiche}/content").status_code == httpx.codes.OK
    built.cli("release", "recall", *arguments, "--school", SCHOOL)
    assert school.get(f"{fiche}/content").status_code == httpx.codes.NOT_FOUND
    assert documents(school, "fiche") == []


def test_delivery_is_submitted_through_the_api(
    built: Instance, operator: httpx.Client, tmp_path: Path
) -> None:
    archive = tmp_path / "delivery.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(SAMPLE.iterdir()):
            target.write(file, file.name)
    with archive.open("rb") as body:
        accepted = operator.post(
            "/v1/deliveries", content=body, headers={"Content-Type": "application/zip"}
        )
    assert accepted.status_code == httpx.codes.ACCEPTED, accepted.text
    report = follow(operator, accepted.headers["Location"])
    assert report["status"] == "unchanged"
    assert list((built.data / "storage" / "deliveries").rglob("*.zip")) == []


def test_command_line_gives_a_client_no_key_alone(built: Instance, tmp_path: Path) -> None:
    key, stolen = (ProofKey.in_file(tmp_path / f"{name}.pem") for name in ("key", "stolen"))
    first, second = (("--key", str(tmp_path / f"{name}.pem")) for name in ("key", "stolen"))
    needed = ("--kind", "integrator", "--scope", "results:read")
    vendor = built.cli("client", "add", "Vendor", *needed, *first).strip()
    change = built.cli("client", "key", "add", vendor, *second).split()[0]
    built.cli("client", "change", "approve", change, code=1)
    built.cli("client", "change", "apply", change, code=1)
    assert "agreed" in built.cli("client", "change", "approve", change, "--person", "2")
    built.cli("client", "change", "apply", change, "--person", "2", code=1)
    listed = built.operator().get(f"/v1/clients/{vendor}").json()
    assert [one["id"] for one in listed["keys"]] == [key.thumbprint]
    assert stolen.thumbprint not in built.cli("client", "list")


def test_command_line_reopens_a_client_with_another_person(built: Instance, tmp_path: Path) -> None:
    ProofKey.in_file(tmp_path / "key.pem")
    needed = ("--kind", "portal", "--scope", "schools:read")
    added = built.cli("client", "add", "Portal", *needed, "--key", str(tmp_path / "key.pem"))
    client = built.operator()

    def state() -> str:
        return str(client.get(f"/v1/clients/{added.strip()}").json()["state"])

    built.cli("client", "suspend", added.strip())
    assert state() == "suspended"
    change = built.cli("client", "activate", added.strip()).split()[0]
    assert state() == "suspended"
    built.cli("client", "change", "approve", change, "--person", "3")
    assert state() == "active"


def test_first_persons_are_three(built: Instance, tmp_path: Path) -> None:
    ProofKey.in_file(tmp_path / "key.pem")
    built.cli("person", "add", "Fourth", "--key", str(tmp_path / "key.pem"), code=1)
    assert len(built.cli("person", "list").splitlines()) == 3


def test_command_line_reads_all_pages_of_a_list(built: Instance) -> None:
    identity = ClientIdentity.find(built.data, 1)
    everyone = identity.request("GET", "/v1/persons")
    with identity.session() as api:
        assert [*api.items("/v1/persons?pageSize=1")] == everyone["items"]
    assert everyone["total"] == 3


def test_service_key_signs_for_development_only(
    built: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = ("--key", str(tmp_path / "key.pem"), "--client", "me", "--kind", "operator")
    assert built.cli("token", *signed).count(".") == 2
    for name, value in built.running().environment.items():
        monkeypatch.setenv(name, value)
    elsewhere = Instance(tmp_path / "elsewhere")
    elsewhere.cli("token", *signed, code=1)
    elsewhere.cli("call", "GET", "/v1/jobs", "--client", "me", "--kind", "operator", code=1)
