"""The demonstration: the whole chain on real parts, seen through the public API only."""

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
from services.cli.progress import progress_bar
from services.cli.signing import ProofKey, TokenAuth
from services.cli.steps import Steps
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind, needs_proof
from shared.core.database import transaction
from shared.core.settings import Settings
from shared.documents.models import Document
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import generate_delivery, zip_delivery
from synthetic.plan import DeliveryPlan

ADMINISTRATION = "2024"
SEED = 2024
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.2
OPENS_IN = timedelta(seconds=2)

OK, NOT_FOUND = 200, 404


class DemoError(Exception):
    """A step did not go as it has to; the message says which."""


def run_demo(out: Path, schools: int) -> int:
    """Leaves a document of each kind in `out`; 0 when every step held."""
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
    print(f"A fiche, an overview, a school's bundle and a print file are in {out}/.")
    return 0


@contextmanager
def _instance(data: Path, steps: Steps) -> Iterator[tuple[Settings, httpx.Client]]:
    """`toetsfeedback up` as a process of its own; nothing of it is left afterwards."""
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
        with httpx.Client(base_url=instance.api_url or "", timeout=60) as client:
            yield instance.settings(), client
    finally:
        with steps.step("Stop everything") as notes:
            left = _stop(process)
            notes.append(f"{left} processes left behind")
    if left or process.returncode != 0:
        raise DemoError(f"stopping left {left} processes, exit code {process.returncode}")


def _stop(process: "subprocess.Popen[bytes]") -> int:
    """Asks it to stop, and waits; how many of its processes are there ten seconds later."""
    if process.poll() is not None:
        return 0
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    return len(psutil.wait_procs(children, timeout=10)[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> RunningInstance:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        instance = DataDirectory(data).read_running()
        if instance is not None and instance.api_url is not None:
            return instance
        time.sleep(POLL_SECONDS)
    raise DemoError(f"it did not start:\n{log.read_text(errors='replace')[-2000:]}")


@dataclass
class Demo:
    """The walk itself: each method is one step."""

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
        self._hand_over(delivery)
        self._build(schools)
        school_id, other_id, document_id = self._pick()
        school = self._token(CallerKind.SCHOOL, school_id)
        window = self._plan()
        self._read_too_early(school, document_id)
        self._open(window)
        self._download(school, school_id)
        self._read_as_other(self._token(CallerKind.SCHOOL, other_id), document_id)

    def _token(self, kind: CallerKind, school_id: str | None = None) -> httpx.Auth:
        authority = TokenAuthority.of(self.settings)
        caller = Caller(f"demo-{kind}", kind, GRANTABLE[kind], school_id)
        key = ProofKey() if needs_proof(caller.scopes) else None
        thumbprint = key.thumbprint if key else None
        return TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, thumbprint), key)

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

    def _hand_over(self, archive: Path) -> None:
        with self.steps.step("Hand it over: POST /v1/deliveries") as notes:
            with archive.open("rb") as file:
                answer = self.client.post(
                    "/v1/deliveries",
                    content=file,
                    auth=self.operator,
                    headers={"Content-Type": "application/zip"},
                )
            report = self._follow(self._expect(answer, 202), "Delivery", 1)
            notes.append(f"{report['status']}, {sum(report['report']['rows'].values()):,} rows")

    def _build(self, schools: int) -> None:
        with self.steps.step("Build every document: POST /v1/jobs") as notes:
            answer = self.client.post(
                "/v1/jobs",
                json={"kind": "documents.build", "administrationId": ADMINISTRATION},
                auth=self.operator,
            )
            began = time.monotonic()
            made = self._follow(self._expect(answer, 202), "Schools", schools)["outcome"]
            rate = made["fiches"] / (time.monotonic() - began)
            notes.append(
                f"{made['fiches']:,} fiches, {made['overviews']} overviews, "
                f"{made['ficheBundles']} bundles, {made['fichePrints']} print files; "
                f"{rate:,.0f} fiches/s"
            )

    def _pick(self) -> tuple[str, str, str]:
        """A school with a fiche, another school, and that fiche, looked up behind the gate."""
        with sessions_of(self.settings) as sessions, transaction(sessions) as session:
            query = select(Document.school_id, Document.id).where(Document.kind == "fiche")
            fiches = session.execute(query.order_by(Document.school_id, Document.id)).all()
        school_id, document_id = fiches[0]
        others = [other for other, _ in fiches if other != school_id]
        if not others:
            raise DemoError("the demo needs two schools; ask for more with --schools")
        return school_id, others[0], str(document_id)

    def _plan(self) -> str:
        with self.steps.step("Plan the release for tomorrow") as notes:
            opens_at = datetime.now(UTC) + timedelta(days=1)
            answer = self.client.post(
                "/v1/releaseWindows",
                json={
                    "administrationId": ADMINISTRATION,
                    "product": "studentFeedback",
                    "plannedFrom": opens_at.isoformat(),
                    "opensAt": opens_at.isoformat(),
                },
                auth=self.operator,
            )
            window = self._expect(answer, 201).json()
            notes.append(f"opens at {window['opensAt']}")
        return str(window["href"])

    def _read_too_early(self, school: httpx.Auth, document_id: str) -> None:
        with self.steps.step("Read a fiche too early, as its own school") as notes:
            self._refused(school, document_id, notes)

    def _open(self, window: str) -> None:
        with self.steps.step(f"Open the release {OPENS_IN.seconds} seconds from now") as notes:
            opens_at = datetime.now(UTC) + OPENS_IN
            answer = self.client.patch(
                window, json={"opensAt": opens_at.isoformat()}, auth=self.operator
            )
            self._expect(answer, OK)
            time.sleep(OPENS_IN.total_seconds() + 0.2)
            notes.append("open now, without a restart")

    def _download(self, school: httpx.Auth, school_id: str) -> None:
        names = {
            "fiche": "fiche.pdf",
            "overview": "overview.xlsx",
            "ficheBundle": "school.zip",
            "fichePrint": "print.pdf",
        }
        self.out.mkdir(parents=True, exist_ok=True)
        with self.steps.step(
            "Read again: download a fiche, the overview, a bundle, a print file"
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
            self._refused(other, document_id, notes)

    def _refused(self, token: httpx.Auth, document_id: str, notes: list[str]) -> None:
        answer = self.client.get(f"/v1/documents/{document_id}/content", auth=token)
        problem = self._expect(answer, NOT_FOUND).json()
        notes.append(f"refused: {problem['status']} {problem['type'].rsplit(':', 1)[-1]}")

    def _follow(self, accepted: httpx.Response, title: str, total: int) -> dict[str, Any]:
        """Polls the task until it points at its result, which is returned."""
        location = accepted.headers["Location"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        with progress_bar(title, total) as advance_to:
            while time.monotonic() < deadline:
                answer = self.client.get(location, auth=self.operator)
                if answer.is_redirect:
                    advance_to(total)
                    result = self.client.get(answer.headers["Location"], auth=self.operator)
                    return dict(self._expect(result, OK).json())
                task = self._expect(answer, OK).json()
                if task["status"]["state"] == "failed":
                    raise DemoError(str(task["status"].get("problem")))
                advance_to(task["counts"]["done"])
                time.sleep(POLL_SECONDS)
        raise DemoError(f"{title} took longer than {PATIENCE_SECONDS} s")

    @staticmethod
    def _expect(answer: httpx.Response, status: int) -> httpx.Response:
        if answer.status_code != status:
            raise DemoError(
                f"{answer.request.method} {answer.request.url.path} gave {answer.status_code} "
                f"instead of {status}: {answer.text[:500]}"
            )
        return answer
