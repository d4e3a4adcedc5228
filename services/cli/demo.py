"""The demo: every step from delivery to download on real servers, through the public API."""

import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from services.cli.demo_instance import (
    POLL_SECONDS,
    TIMEOUT_SECONDS,
    DemoError,
    running_instance,
)
from services.cli.identity import ClientIdentity
from services.cli.progress import progress_bar
from services.cli.release_steps import ReleaseClient
from services.cli.steps import Steps
from services.cli.target import sessions_of
from shared.access.products import Product
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import generate_delivery, zip_delivery
from synthetic.plan import DeliveryPlan

ADMINISTRATION, SEED = "2024", 2024
OPENS_IN = timedelta(seconds=30)
"""Longer than the verifications of the demo and their approvals."""
PRODUCTS = Product.STUDENT_FEEDBACK, Product.SCHOOL_FEEDBACK

OK, NOT_FOUND = 200, 404


def run_demo(out: Path, schools: int) -> int:
    """Run all steps and write a document of each kind to `out`; return the exit code."""
    steps = Steps()
    _require_writable(out)
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-demo-"))
    try:
        with running_instance(directory / "data", steps) as (settings, client):
            Demo(settings, client, steps, directory / "data", directory).run(schools, out)
    except DemoError as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    steps.print_table()
    print(f"Open {out}/fiche.pdf; next to it are an overview, a bundle, a print file, and")
    print("the report and the workbook of school feedback.")
    print(f"To see the portal of a school, run `{sys.argv[0]} up --demo` and open its address.")
    return 0


def _require_writable(out: Path) -> None:
    """Raise OSError, with the path, if no file can be written there: before a minute of work."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


@dataclass(frozen=True, slots=True)
class Example:
    """A school with one of its fiches, and another school."""

    school_id: str
    other_school_id: str
    document_id: str


@dataclass
class Demo:
    """The demo; each step is a method. `data` is that of the instance, `directory` temporary."""

    settings: Settings
    client: httpx.Client
    steps: Steps
    data: Path
    directory: Path
    operator: httpx.Auth = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self._token(CallerKind.OPERATOR)

    def run(self, schools: int, out: Path) -> None:
        example = self._import_and_build(schools)
        school = self._token(CallerKind.SCHOOL, example.school_id)
        openings = self._plan_release()
        self._verify_and_approve(openings)
        self._read_too_early(school, example.document_id)
        self._open_release(openings)
        self._download(school, example.school_id, out)
        other = self._token(CallerKind.SCHOOL, example.other_school_id)
        self._read_as_other(other, example.document_id)

    def has_data(self) -> bool:
        schools = self._expect(self.client.get("/v1/schools", auth=self.operator), OK)
        return bool(schools.json()["total"])

    def _import_and_build(self, schools: int) -> Example:
        self._submit(self._generate(schools))
        self._compute()
        self._build(schools)
        return self._choose()

    def _token(self, kind: CallerKind, school_id: str | None = None) -> httpx.Auth:
        authority = TokenAuthority.of(self.settings)
        caller = Caller(f"demo-{kind}", kind, GRANTABLE[kind], school_id)
        key = ProofKey()
        return TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, key.thumbprint), key)

    def _generate(self, schools: int) -> Path:
        directory, archive = self.directory / "delivery", self.directory / "delivery.zip"
        with self.steps.step(f"Generate a delivery of {schools} schools") as notes:
            with progress_bar("Schools", schools) as advance_to:
                rows = generate_delivery(self._plan_of(schools), directory, advance_to)
            zip_delivery(directory, archive)
            students, results = rows["students.csv"], rows["results.csv"]
            notes.append(f"{students:,} students, {results:,} results")
        return archive

    def _plan_of(self, schools: int) -> DeliveryPlan:
        return DeliveryPlan(schools, SEED, ADMINISTRATION, with_references=True)

    def _submit(self, archive: Path) -> None:
        with self.steps.step("Submit the delivery: POST /v1/deliveries") as notes:
            with archive.open("rb") as file:
                response = self.client.post(
                    "/v1/deliveries",
                    content=file,
                    auth=self.operator,
                    headers={"Content-Type": "application/zip"},
                )
            report = self._follow(self._expect(response, 202), "Delivery", 1)
            notes.append(f"{report['status']}, {sum(report['report']['rows'].values()):,} rows")

    def _compute(self) -> None:
        with self.steps.step("Compute the school feedback: POST /v1/jobs") as notes:
            outcome = self._run("feedback.compute", "Batches of schools", 1)
            notes.append(f"figures of {outcome['components']:,} components of schools")

    def _run(self, kind: str, title: str, total: int) -> dict[str, int]:
        """Run a job of all schools and return its outcome."""
        order = {"kind": kind, "administrationId": ADMINISTRATION}
        response = self.client.post("/v1/jobs", json=order, auth=self.operator)
        return dict(self._follow(self._expect(response, 202), title, total)["outcome"])

    def _build(self, schools: int) -> None:
        with self.steps.step("Build every document: POST /v1/jobs") as notes:
            started_at = time.monotonic()
            outcome = self._run("documents.build", "Schools", schools)
            rate = outcome["fiches"] / (time.monotonic() - started_at)
            notes.append(
                f"{outcome['fiches']:,} fiches, {outcome['overviews']} overviews, "
                f"{outcome['ficheBundles']} bundles, {outcome['fichePrints']} print files; "
                f"{rate:,.0f} fiches/s"
            )

    def _choose(self) -> Example:
        """Choose the school whose largest class group has most fiches, and another school.

        This reads the database: before the release the API shows no document.
        """
        with sessions_of(self.settings) as sessions, UnitOfWork(sessions) as unit:
            query = select(Document.school_id, Document.class_group_id, Document.id).where(
                Document.kind == DocumentKind.FICHE
            )
            fiches = unit.session.execute(query.order_by(Document.school_id, Document.id)).all()
        groups = Counter(fiche.class_group_id for fiche in fiches)
        first = max(fiches, key=lambda fiche: groups[fiche.class_group_id])
        others = [fiche.school_id for fiche in fiches if fiche.school_id != first.school_id]
        if not others:
            raise DemoError("the demo needs two schools; raise --schools")
        return Example(first.school_id, others[0], str(first.id))

    def _person(self, number: int) -> ClientIdentity:
        return ClientIdentity.invented(self.data, number)

    def _plan_release(self) -> list[str]:
        """Plan a release as the first person, and return the ids of its openings."""
        with self.steps.step(f"Plan the release for {OPENS_IN.seconds} seconds from now") as notes:
            opens_at = datetime.now(UTC) + OPENS_IN
            windows = [{"product": one, "opensAt": opens_at.isoformat()} for one in PRODUCTS]
            with ReleaseClient.of(self._person(1)) as planner:
                planned = planner.replace_plan(ADMINISTRATION, {"windows": windows})
            notes.append(f"the first person plans it for {planned['windows'][0]['opensAt']}")
        return list(planned["changedOpenings"])

    def _verify_and_approve(self, openings: list[str]) -> None:
        """Verify the openings, one per product, and approve their manifests."""
        with self.steps.step("Verify the openings: every document, every byte") as notes:
            manifests = {}
            with ReleaseClient.of(self._person(1)) as planner:
                for opening in openings:
                    planner.verify(opening)
                    manifests[opening] = planner.manifest(opening)
            for counts in (manifest["counts"] for manifest in manifests.values()):
                notes.append(f"{counts['schools']} schools, {counts['faults']} faults")
        with self.steps.step("Approve the manifests as two other persons") as notes:
            for number in (2, 3):
                with ReleaseClient.of(self._person(number)) as approver:
                    approved = [
                        approver.approve(opening, manifest["hash"])
                        for opening, manifest in manifests.items()
                    ]
            notes += [f"{len(one['approvals'])} approvals: {one['state']}" for one in approved]

    def _read_too_early(self, school: httpx.Auth, document_id: str) -> None:
        with self.steps.step("Read a fiche before the release, as its own school") as notes:
            self._expect_not_found(school, document_id, notes)

    def _open_release(self, openings: list[str]) -> None:
        opening = openings[0]
        with (
            self.steps.step("Wait for the moment of the openings") as notes,
            ReleaseClient.of(self._person(1)) as planner,
        ):
            opens_at = datetime.fromisoformat(planner.opening(opening)["opensAt"])
            time.sleep(max(0.0, (opens_at - datetime.now(UTC)).total_seconds() + 0.2))
            notes.append(planner.opening(opening)["state"])

    def _download(self, school: httpx.Auth, school_id: str, out: Path) -> None:
        names = {
            DocumentKind.FICHE: "fiche.pdf",
            DocumentKind.OVERVIEW: "overview.xlsx",
            DocumentKind.FICHE_BUNDLE: "school.zip",
            DocumentKind.FICHE_PRINT: "print.pdf",
            DocumentKind.SCHOOL_FEEDBACK_REPORT: "school-feedback.pdf",
            DocumentKind.SCHOOL_FEEDBACK_WORKBOOK: "school-feedback.xlsx",
        }
        with self.steps.step("Read after the release: download a document of each kind") as notes:
            for kind, name in names.items():
                listed = self.client.get(
                    f"/v1/schools/{school_id}/documents",
                    params={"administrationId": ADMINISTRATION, "kind": kind, "pageSize": 1},
                    auth=school,
                )
                href = self._expect(listed, OK).json()["items"][0]["href"]
                content = self._expect(self.client.get(f"{href}/content", auth=school), OK)
                (out / name).write_bytes(content.content)
                notes.append(f"{name}: {len(content.content):,} bytes")

    def _read_as_other(self, other: httpx.Auth, document_id: str) -> None:
        with self.steps.step("Read the same fiche as another school") as notes:
            self._expect_not_found(other, document_id, notes)

    def _expect_not_found(self, token: httpx.Auth, document_id: str, notes: list[str]) -> None:
        response = self.client.get(f"/v1/documents/{document_id}/content", auth=token)
        problem = self._expect(response, NOT_FOUND).json()
        notes.append(f"refused: {problem['status']} {problem['type'].rsplit(':', 1)[-1]}")

    def _follow(self, accepted: httpx.Response, title: str, total: int) -> dict[str, Any]:
        """Poll the task until it redirects to its result; return the result."""
        location = accepted.headers["Location"]
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with progress_bar(title, total) as advance_to:
            while time.monotonic() < deadline:
                response = self.client.get(location, auth=self.operator)
                if response.is_redirect:
                    advance_to(total)
                    result = self.client.get(response.headers["Location"], auth=self.operator)
                    return dict(self._expect(result, OK).json())
                task = self._expect(response, OK).json()
                if task["status"]["state"] == "failed":
                    raise DemoError(str(task["status"].get("problem")))
                advance_to(task["counts"]["done"])
                time.sleep(POLL_SECONDS)
        raise DemoError(f"{title} took longer than {TIMEOUT_SECONDS} s: is the machine busy?")

    @staticmethod
    def _expect(response: httpx.Response, status: int) -> httpx.Response:
        if response.status_code != status:
            raise DemoError(
                f"{response.request.method} {response.request.url.path} returned "
                f"{response.status_code} instead of {status}: {response.text[:500]}"
            )
        return response
