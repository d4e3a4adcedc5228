"""The demo: every step from delivery to download on real servers, through the public API."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import select

from embedded.data_directory import DataDirectory
from embedded.running_instance import RunningInstance
from services.cli.api_client import open_client
from services.cli.progress import progress_bar
from services.cli.signing import ProofKey, TokenAuth
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
TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.2
OPENS_IN = timedelta(seconds=2)

OK, NOT_FOUND = 200, 404


class DemoError(Exception):
    """A step failed; the message names it."""


def run_demo(out: Path, schools: int) -> int:
    """Run all steps and write a document of each kind to `out`; return the exit code."""
    steps = Steps()
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-demo-"))
    try:
        with _instance(directory / "data", steps) as (settings, client):
            Demo(settings, client, steps, out, directory).run(schools)
    except DemoError as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    steps.print_table()
    print(f"Open {out}/fiche.pdf; next to it are an overview, a bundle and a print file.")
    print(f"To keep an instance, run `{sys.argv[0]} up` and open its address (README.md).")
    return 0


@contextmanager
def _instance(data: Path, steps: Steps) -> Iterator[tuple[Settings, httpx.Client]]:
    """Run `toetsfeedback up` in a separate process; stop it and verify that nothing is left."""
    command = [sys.executable, "-m", "services.cli.main", "up", "--data", str(data)]
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with steps.step("Start PostgreSQL, Valkey, the API and two workers") as notes:
            instance = _wait_until_ready(process, data, log)
            notes.append(f"the API is at {instance.api_url}")
        with open_client(instance.api_url or "") as client:
            if not instance.is_development:
                raise DemoError("unset TOETSFEEDBACK_DATABASE_URL: the demo starts its own server")
            yield instance.settings(), client
    finally:
        with steps.step("Stop everything") as notes:
            left = _stop(process)
            notes.append(f"{left} processes still running")
    if left or process.returncode != 0:
        raise DemoError(f"{left} processes still run, exit code {process.returncode}")


def _stop(process: "subprocess.Popen[bytes]") -> int:
    """Stop the process; return the number of its child processes alive ten seconds later."""
    if process.poll() is not None:
        return 0
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    return len(psutil.wait_procs(children, timeout=10)[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> RunningInstance:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        instance = DataDirectory(data).read_running()
        if instance is not None and instance.api_url is not None:
            return instance
        time.sleep(POLL_SECONDS)
    cause = "ended" if process.poll() is not None else f"was not ready in {TIMEOUT_SECONDS} s"
    raise DemoError(f"the service {cause}; its log:\n{log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True, slots=True)
class Example:
    """A school with one of its fiches, and another school."""

    school_id: str
    other_school_id: str
    document_id: str


@dataclass
class Demo:
    """The demo; each step is a method."""

    settings: Settings
    client: httpx.Client
    steps: Steps
    out: Path
    directory: Path
    operator: httpx.Auth = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self._token(CallerKind.OPERATOR)

    def run(self, schools: int) -> None:
        delivery = self._generate(schools)
        self._submit(delivery)
        self._build(schools)
        example = self._choose()
        school = self._token(CallerKind.SCHOOL, example.school_id)
        window = self._plan_release()
        self._read_too_early(school, example.document_id)
        self._open_release(window)
        self._download(school, example.school_id)
        other = self._token(CallerKind.SCHOOL, example.other_school_id)
        self._read_as_other(other, example.document_id)

    def _token(self, kind: CallerKind, school_id: str | None = None) -> httpx.Auth:
        authority = TokenAuthority.of(self.settings)
        caller = Caller(f"demo-{kind}", kind, GRANTABLE[kind], school_id)
        key = ProofKey()
        return TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, key.thumbprint), key)

    def _generate(self, schools: int) -> Path:
        directory, archive = self.directory / "delivery", self.directory / "delivery.zip"
        with self.steps.step(f"Generate a delivery of {schools} schools") as notes:
            with progress_bar("Schools", schools) as advance_to:
                rows = generate_delivery(
                    DeliveryPlan(schools=schools, seed=SEED, administration_id=ADMINISTRATION),
                    directory,
                    advance_to,
                )
            zip_delivery(directory, archive)
            students, results = rows["students.csv"], rows["results.csv"]
            notes.append(f"{students:,} students, {results:,} results")
        return archive

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

    def _build(self, schools: int) -> None:
        with self.steps.step("Build every document: POST /v1/jobs") as notes:
            response = self.client.post(
                "/v1/jobs",
                json={"kind": "documents.build", "administrationId": ADMINISTRATION},
                auth=self.operator,
            )
            started_at = time.monotonic()
            outcome = self._follow(self._expect(response, 202), "Schools", schools)["outcome"]
            rate = outcome["fiches"] / (time.monotonic() - started_at)
            notes.append(
                f"{outcome['fiches']:,} fiches, {outcome['overviews']} overviews, "
                f"{outcome['ficheBundles']} bundles, {outcome['fichePrints']} print files; "
                f"{rate:,.0f} fiches/s"
            )

    def _choose(self) -> Example:
        """Choose a school with a fiche, and another school.

        This reads the database: before the release the API shows no document.
        """
        with sessions_of(self.settings) as sessions, UnitOfWork(sessions) as unit:
            query = select(Document.school_id, Document.id).where(
                Document.kind == DocumentKind.FICHE
            )
            fiches = unit.session.execute(query.order_by(Document.school_id, Document.id)).all()
        first = fiches[0]
        others = [fiche.school_id for fiche in fiches if fiche.school_id != first.school_id]
        if not others:
            raise DemoError("the demo needs two schools; raise --schools")
        return Example(first.school_id, others[0], str(first.id))

    def _plan_release(self) -> str:
        with self.steps.step("Plan the release for tomorrow") as notes:
            opens_at = datetime.now(UTC) + timedelta(days=1)
            response = self.client.post(
                "/v1/releaseWindows",
                json={
                    "administrationId": ADMINISTRATION,
                    "product": Product.STUDENT_FEEDBACK,
                    "plannedFrom": opens_at.isoformat(),
                    "opensAt": opens_at.isoformat(),
                },
                auth=self.operator,
            )
            window = self._expect(response, 201).json()
            notes.append(f"opens at {window['opensAt']}")
        return str(window["href"])

    def _read_too_early(self, school: httpx.Auth, document_id: str) -> None:
        with self.steps.step("Read a fiche before the release, as its own school") as notes:
            self._expect_not_found(school, document_id, notes)

    def _open_release(self, window: str) -> None:
        with self.steps.step(f"Open the release {OPENS_IN.seconds} seconds from now") as notes:
            opens_at = datetime.now(UTC) + OPENS_IN
            response = self.client.patch(
                window, json={"opensAt": opens_at.isoformat()}, auth=self.operator
            )
            self._expect(response, OK)
            time.sleep(OPENS_IN.total_seconds() + 0.2)
            notes.append("open")

    def _download(self, school: httpx.Auth, school_id: str) -> None:
        names = {
            DocumentKind.FICHE: "fiche.pdf",
            DocumentKind.OVERVIEW: "overview.xlsx",
            DocumentKind.FICHE_BUNDLE: "school.zip",
            DocumentKind.FICHE_PRINT: "print.pdf",
        }
        self.out.mkdir(parents=True, exist_ok=True)
        with self.steps.step(
            "Read after the release: download a fiche, the overview, a bundle, a print file"
        ) as notes:
            for kind, name in names.items():
                listed = self.client.get(
                    f"/v1/schools/{school_id}/documents",
                    params={"administrationId": ADMINISTRATION, "kind": kind, "pageSize": 1},
                    auth=school,
                )
                href = self._expect(listed, OK).json()["items"][0]["href"]
                content = self._expect(self.client.get(f"{href}/content", auth=school), OK)
                (self.out / name).write_bytes(content.content)
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
