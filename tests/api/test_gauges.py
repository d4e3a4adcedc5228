"""Gauges of the queue and the workers, which `/metrics` of an API has."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

import services.worker.metrics  # noqa: F401  # adds the metrics of workers to the registry
from embedded.programs import child_environment, toetsfeedback_command
from services.api.app import create_app
from shared.core.settings import Settings
from shared.core.version import package_version
from tests.api.conftest import serve
from tests.api.seeding import ADMINISTRATION, SCHOOL

WAIT_SECONDS = 60


def samples(registry: CollectorRegistry, name: str) -> dict[str, float]:
    """Return the values of a gauge by its first label."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        next(iter(sample.labels.values()), ""): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def wait_for(registry: CollectorRegistry, workers: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while samples(registry, "toetsfeedback_live_workers") != {package_version(): workers}:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.usefixtures("no_jobs")
def test_queued_items_and_their_age_grow_with_a_job(app: FastAPI, operator: httpx.Client) -> None:
    registry = app.state.metrics.registry
    assert samples(registry, "toetsfeedback_queued_items") == {"interactive": 0, "bulk": 0}
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "schoolId": SCHOOL}
    assert operator.post("/v1/jobs", json=body).status_code == 202
    assert samples(registry, "toetsfeedback_queued_items") == {"interactive": 1, "bulk": 0}
    first = samples(registry, "toetsfeedback_oldest_due_item_seconds")
    time.sleep(0.02)
    later = samples(registry, "toetsfeedback_oldest_due_item_seconds")
    assert 0 < first["interactive"] < later["interactive"]
    assert first["bulk"] == 0


def test_live_workers_follow_the_processes(
    app: FastAPI,
    settings_of: Callable[[str], Settings],
) -> None:
    registry, settings = app.state.metrics.registry, settings_of("worker")
    assert samples(registry, "toetsfeedback_live_workers") == {package_version(): 0}
    environment = child_environment(
        {
            "TOETSFEEDBACK_DATABASE_URL": settings.database_url.get_secret_value(),
            "TOETSFEEDBACK_REDIS_URL": settings.redis_url.get_secret_value(),
            "TOETSFEEDBACK_STORAGE_URL": settings.storage_url,
            "TOETSFEEDBACK_INSZ_KEY_FILE": str(settings.insz_key_file),
            "TOETSFEEDBACK_MANIFEST_KEY_FILE": str(settings.manifest_key_file),
            "TOETSFEEDBACK_VIEWING_KEY_FILE": str(settings.viewing_key_file),
        }
    )
    process = subprocess.Popen(
        toetsfeedback_command("worker"), env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(registry, 1)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        wait_for(registry, 0)
    finally:
        process.kill()
        process.wait(WAIT_SECONDS)


def test_build_information_names_the_version(app: FastAPI) -> None:
    for registry in (app.state.metrics.registry, REGISTRY):
        families = text_string_to_metric_families(generate_latest(registry).decode())
        (found,) = (one for one in families if one.name == "toetsfeedback_build_info")
        (sample,) = found.samples
        assert sample.labels["version"] == package_version()
        assert sample.value == 1


def test_other_metrics_are_served_while_the_database_is_unavailable(
    api_settings: Settings,
) -> None:
    away = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    app = create_app(api_settings.model_copy(update={"database_url": away}))
    with serve(app):
        text = generate_latest(app.state.metrics.registry).decode()
    assert "toetsfeedback_build_info" in text
    assert "toetsfeedback_queued_items" not in text
