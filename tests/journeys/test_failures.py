"""Processes that are killed in the middle of their work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select, text

from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.storage.store import open_storage
from synthetic.generate import DeliveryPlan, generate_delivery
from tests.journeys.conftest import JOB_SECONDS, Instance

ADMINISTRATION = "2024"

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("failures")]


@pytest.fixture(scope="module")
def operator(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> httpx.Client:
    directory = tmp_path_factory.mktemp("generated") / "delivery"
    generate_delivery(DeliveryPlan(schools=30, seed=7, with_items=False), directory)
    instance.cli("import", str(directory))
    return instance.operator()


def settings_of(instance: Instance) -> Settings:
    return instance.running().settings()


@contextmanager
def sessions_of(settings: Settings) -> Iterator[Sessions]:
    engine = open_engine(settings, application_name="tests")
    yield session_factory(engine)
    engine.dispose()


def start_build(operator: httpx.Client) -> str:
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": True}
    response = operator.post("/v1/jobs", json=body)
    assert response.status_code == httpx.codes.ACCEPTED, response.text
    return response.headers["Location"]


def wait_for(operator: httpx.Client, location: str, done: int | None = None) -> None:
    """Wait until the job has ended, or `done` of its items."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        try:
            response = operator.get(location)
        except httpx.TransportError:
            continue
        if response.status_code == httpx.codes.SEE_OTHER:
            return
        if response.status_code == httpx.codes.OK:
            counts = response.json()["counts"]
            if done is not None and counts["done"] >= done:
                return
        time.sleep(0.02)
    raise AssertionError(f"{location} did not end in time")


def assert_consistent(instance: Instance) -> None:
    """Assert that every expected document exists once and that its object has the right bytes."""
    settings = settings_of(instance)
    storage = open_storage(settings.storage_url)
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        documents = unit.session.scalars(select(Document)).all()
        expected = unit.session.scalar(
            text(
                "select count(distinct student_id) from results join components on"
                " components.id = component_id where superseded_at is null"
                " and status in ('reported', 'absent', 'exempt', 'notCompleted')"
                " and not is_calibration"
            )
        )
        states = unit.session.execute(
            text("select state, count(*) from job_items group by state")
        ).all()
    fiches = [document for document in documents if document.kind == "fiche"]
    assert {state for state, _ in states} == {"done"}
    assert len({fiche.student_id for fiche in fiches}) == len(fiches) == expected
    assert len({d.school_id for d in documents if d.kind == "overview"}) == 30
    for document in documents:
        content = b"".join(storage.stream_segments(document.segments))
        assert sha256(content).digest() == document.sha256


def test_killed_processes_lose_and_duplicate_nothing(
    instance: Instance, operator: httpx.Client
) -> None:
    job = start_build(operator)
    for done, process in enumerate(("valkey", "worker", "postgres")):
        wait_for(operator, job, done=done)
        for pid in instance.pids(process):
            os.kill(pid, signal.SIGKILL)
    wait_for(operator, job)
    assert_consistent(instance)


def test_restart_keeps_the_data(instance: Instance, operator: httpx.Client) -> None:
    before = operator.get("/v1/jobs").json()["total"]
    assert instance.stop() == []
    assert instance.process is not None
    assert instance.process.returncode == 0
    instance.start()
    assert instance.operator().get("/v1/jobs").json()["total"] == before


def test_restart_after_kill_keeps_the_data(instance: Instance) -> None:
    before = instance.operator().get("/v1/jobs").json()["total"]
    assert instance.process is not None
    children = psutil.Process(instance.process.pid).children(recursive=True)
    instance.process.kill()
    instance.process.wait()
    instance.start()
    assert [child for child in children if child.is_running()] == []
    assert instance.operator().get("/v1/jobs").json()["total"] == before


def test_demo_succeeds(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "services.cli.main",
            "demo",
            "--out",
            str(tmp_path / "out"),
            "--schools",
            "4",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "fiche.pdf",
        "overview.xlsx",
        "print.pdf",
        "school-feedback.pdf",
        "school-feedback.xlsx",
        "school.zip",
    ]
    assert run.stdout.count("\n    refused: 404 resourceNotFound") == 2
    assert "0 processes still running" in run.stdout
