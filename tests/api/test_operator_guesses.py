"""One operator, with three tools, who tests a guess of a level.

The tools are the API with every scope of operators, the command line, and the login of operators in
the database. Whatever they show has to be the same after a right and a wrong guess.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from services.cli.main import app as command_line
from services.worker.documents.school_production import Renderers
from services.worker.execution import Execution, HandlerResult
from services.worker.jobs.deliveries import apply_delivery
from services.worker.jobs.documents import build_school
from services.worker.jobs.feedback import compute_feedback
from shared.access.products import Product
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.catalogues import CatalogueCache
from shared.jobs.claims import Claim
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, BUILD_DOCUMENTS, COMPUTE_FEEDBACK
from shared.oauth.clients.rules import ClientKind
from shared.release_plans.manifest_signatures import ManifestKey
from shared.school_feedback.computation import Policies
from shared.storage.store import Storage
from tests.api.oauth_clients import OAuthClient, register_client
from tests.deliveries.delivery_files import INSZ_KEY, DeliveryFiles, correction, full, run_import
from tests.releasing import verify_opening

PRODUCTS = (Product.STUDENT_FEEDBACK, Product.SCHOOL_FEEDBACK)
ADMINISTRATION, SCHOOL, ELSEWHERE = "2032", "000028", "007947"
STUDENTS = 24
"""Students whom the delivery adds per school, so that there are figures about them."""
READABLE = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm')
      and has_any_column_privilege(oid, 'select') order by relname
"""
VOLATILE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]+…|\\x[0-9a-f]+|\d+")
RIGHT = correction(2, results=[["s1", "LEZ4", "reported", "C", "240.50"]])
WRONG = correction(2, results=[["s1", "LEZ4", "reported", "D", "240.50"]])
TOO_LONG = "\n".join(["Leest."] * 250)
"""A description that fits on no fiche."""
OF_THE_LEVEL = correction(2, level_descriptions=[["LEZ4", "C", TOO_LONG]])
OF_ANOTHER = correction(2, level_descriptions=[["LEZ4", "D", TOO_LONG]])
STORED = correction(2, results=[["s1", "LEZ4", "reported", "C", "240.50"]])
READABLE_AGAIN = correction(
    2,
    level_descriptions=[["LEZ4", "C", "Leest een tekst."], ["LEZ4", "D", "Leest een zin."]],
)


class Operator:
    """An operator with its three tools, and a worker that runs what it starts."""

    def __init__(
        self,
        client: OAuthClient,
        database_url: str,
        worker: Execution,
        verify: Callable[[UUID], object],
    ) -> None:
        self._client, self._url, self._worker = client, database_url, worker
        self._verify = verify
        self._sequence = 1
        self._openings = self._plan()

    def sees_after(self, guess: DeliveryFiles, path: Path) -> dict[str, Any]:
        """Submit a correction, compute and build; return what the tools show of it."""
        before, revisions = self._tables(), self._revisions()
        verified = [self._verify_openings()]
        report = self._submit(guess, path)
        verified.append(self._verify_openings())
        figures = self._start("compute")
        verified.append(self._verify_openings())
        elsewhere = self._start("build", "--school", ELSEWHERE)
        verified.append(self._verify_openings())
        job = self._start("build", "--school", SCHOOL)
        verified.append(self._verify_openings())
        added = {name: rows - before[name] for name, rows in self._tables().items()}
        return {
            "report": report,
            "figures": self._get(f"{figures}/result")["outcome"],
            "elsewhere": self._get(f"{elsewhere}/result")["outcome"],
            "outcome": self._get(f"{job}/result")["outcome"],
            "failures": [one["problem"] for one in self._get(f"{job}/failures")["items"]],
            "revisions": [n - old for n, old in zip(self._revisions(), revisions, strict=True)],
            "tables": {name: dict(rows) for name, rows in added.items()},
            "jobs": self._listed_jobs(),
            "are manifests current": verified[1:],
        }

    def _plan(self) -> list[str]:
        """Plan openings, of which every commit of facts voids the approvals."""
        plan = f"/v1/releasePlans/{ADMINISTRATION}"
        version = self._client.request("GET", plan).headers["ETag"]
        windows = [{"product": one, "opensAt": "2098-06-21T08:00:00+02:00"} for one in PRODUCTS]
        body = {"windows": windows}
        planned = self._client.request("PUT", plan, body, headers={"If-Match": version})
        assert planned.status_code == 200, planned.text
        found = self._get(f"/v1/openings?administrationId={ADMINISTRATION}")["items"]
        return [one["id"] for one in found]

    def _verify_openings(self) -> list[bool]:
        """Return whether the manifests of before are current, and verify the openings again."""
        seen = [self._get(f"/v1/openings/{one}").get("manifest", {}) for one in self._openings]
        for one in self._openings:
            self._verify(UUID(one))
        return [manifest.get("isCurrent") for manifest in seen]

    def _submit(self, delivery: DeliveryFiles, path: Path) -> dict[str, Any]:
        self._sequence += 1
        number = {"sequence": self._sequence, "deliveryId": f"guess-{self._sequence}"}
        delivery.manifest |= number | {"administrationId": ADMINISTRATION}
        content = delivery.pack(path / f"{self._sequence}.zip").read_bytes()
        submitted = self._client.upload("/v1/deliveries", content)
        assert submitted.status_code == 202, submitted.text
        self._run()
        delivered = self._get(f"/v1/deliveries/{submitted.json()['subject']}")
        assert delivered["status"] == "applied", delivered
        return dict(delivered["report"])

    def _start(self, command: str, *options: str) -> str:
        arguments = [command, "--administration", ADMINISTRATION, *options]
        started = CliRunner().invoke(command_line, arguments)
        assert started.exit_code == 0, started.output
        self._run()
        return f"/v1/jobs/{started.output.rpartition('Job ')[2].split()[0]}"

    def _listed_jobs(self) -> str:
        listed = CliRunner().invoke(command_line, ["jobs", "--last", "2"])
        assert listed.exit_code == 0, listed.output
        return VOLATILE.sub("#", listed.output)

    def _run(self) -> None:
        self._worker.run()

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._client.request("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def _tables(self) -> dict[str, Counter[str]]:
        """Return the rows of all tables that the login reads, without ids, times and numbers."""
        with psycopg.connect(self._url) as login:
            names = [name for (name,) in login.execute(READABLE)]
            return {
                name: Counter(
                    VOLATILE.sub("#", row)
                    for (row,) in login.execute(f"select t::text from {name} t")
                )
                for name in names
            }

    def _revisions(self) -> list[int]:
        query = "select facts_revision from participations order by administration_id, school_id"
        with psycopg.connect(self._url) as login:
            return [revision for (revision,) in login.execute(query)]


@pytest.fixture(scope="module")
def worker(
    settings_of: Callable[[str], Settings], storage: Storage, queue: WakeUpQueue
) -> Iterator[Execution]:
    engine = open_engine(settings_of("worker"), application_name="tests")

    def build(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return build_school(unit, claim, storage, CatalogueCache(), Renderers())

    def apply(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return apply_delivery(unit, claim, storage, INSZ_KEY, max_removed_share=1.0)

    def compute(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return compute_feedback(unit, claim, Policies(b"key"))

    handlers = {BUILD_DOCUMENTS: build, APPLY_DELIVERY: apply, COMPUTE_FEEDBACK: compute}
    lease = timedelta(seconds=30)
    yield Execution(session_factory(engine), queue, handlers, lease, 1, 8)
    engine.dispose()


@pytest.fixture
def operator(
    url: str,
    sessions: Sessions,
    settings_of: Callable[[str], Settings],
    worker: Execution,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Operator:
    """An operator of an administration whose documents are built: s1 has level C in LEZ4."""
    settings = settings_of("operator")
    for name, value in settings.model_dump().items():
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", str(text))
    first = full()
    first.manifest |= {"administrationId": ADMINISTRATION, "deliveryId": "first"}
    first.administration = {**(first.administration or {}), "id": ADMINISTRATION}
    for school, class_group in ((SCHOOL, "4A"), (ELSEWHERE, "4C")):
        for number in range(STUDENTS):
            student = f"{class_group}-{number}"
            names = [f"Familie {number}", "Voornaam"]
            first.rows["students.csv"].append([student, school, class_group, *names, "", ""])
            level = "CD"[number % 2]
            first.rows["results.csv"].append([student, "LEZ4", "reported", level, "200"])
    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, first.write(tmp_path / "first")).status == "applied"
    client = register_client(sessions, url, ClientKind.OPERATOR)
    key = ManifestKey.read_private(settings.require_file("manifest_key_file"))

    def verify(opening: UUID) -> None:
        with UnitOfWork(sessions) as unit:
            verify_opening(unit.session, opening, key)

    return Operator(client, settings.database_url.get_secret_value(), worker, verify)


def test_no_tool_tells_a_right_guess_of_a_level_from_a_wrong_one(
    operator: Operator, tmp_path: Path
) -> None:
    operator.sees_after(STORED, tmp_path)
    right = operator.sees_after(RIGHT, tmp_path)
    wrong = operator.sees_after(WRONG, tmp_path)
    assert right == wrong
    assert right["outcome"]["fiches"] == 1  # of the student that the correction names
    assert right["figures"]["components"] > 0

    operator.sees_after(STORED, tmp_path)
    described = operator.sees_after(OF_THE_LEVEL, tmp_path)
    operator.sees_after(READABLE_AGAIN, tmp_path)
    assert operator.sees_after(OF_ANOTHER, tmp_path) == described
    assert len(described["failures"]) == 3 + STUDENTS
