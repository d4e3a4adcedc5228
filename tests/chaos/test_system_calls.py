"""A trace of system calls: flushed to the disk, then committed, then acknowledged."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from sqlalchemy import select

from embedded.running_instance import STORAGE_URL
from shared.documents.models import Document
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent
from tests.chaos.system_calls import TracedCommand, can_trace, flushed_path, keys_sent

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.skipif(not can_trace(), reason="needs strace and the permission to trace"),
]

DOCUMENT = re.compile(r"documents/\d{4}/\d{6}/[0-9a-f-]{36}\.[a-z]+")
UPLOAD = re.compile(r"deliveries/[0-9a-f-]{36}\.zip")
COMMIT, ACCEPTED = '"Q\\0\\0\\0\\vCOMMIT\\0"', '"HTTP/1.1 202 '


@pytest.fixture
def traced(deployment: Deployment, tmp_path: Path) -> Iterator[TracedCommand]:
    command = TracedCommand(tmp_path)
    with deployment.restarted_with(command=command):
        yield command


def test_objects_are_flushed_then_committed_then_acknowledged(
    deployment: Deployment, reference: DocumentHashes, traced: TracedCommand, delivery: bytes
) -> None:
    deployment.build()
    with deployment.operator() as client:
        headers = {"Content-Type": "application/zip"}
        response = client.post("/v1/deliveries", content=delivery, headers=headers)
    assert response.status_code == httpx.codes.ACCEPTED
    assert_consistent(deployment, reference)
    root = Path(unquote(urlsplit(deployment.environment[STORAGE_URL]).path))
    with deployment.unit_of_work() as unit:
        rows = unit.session.scalars(select(Document.storage_keys)).all()
    traces = [(calls, keys_sent(calls, DOCUMENT)) for calls in traced.traces("worker")]
    for calls, positions in traces:
        assert_flushed_before(calls, positions, root)
    named = {key for keys in rows for key in keys if DOCUMENT.fullmatch(key)}
    assert named <= {key for _, keys in traces for key in keys}
    (calls,) = traced.traces("api")
    uploads = keys_sent(calls, UPLOAD)
    assert_flushed_before(calls, uploads, root)
    (inserted_at,) = uploads.values()
    committed_at = position_of(COMMIT, calls, after=inserted_at)
    assert committed_at < position_of(ACCEPTED, calls, after=inserted_at)


def assert_flushed_before(calls: list[str], positions: dict[str, int], root: Path) -> None:
    """Assert that each object was on the disk, with its name, before the call at its position."""
    for key, position in positions.items():
        flushed = {flushed_path(call) for call in calls[:position]}
        assert {root / key, (root / key).parent} <= flushed


def position_of(content: str, calls: list[str], after: int) -> int:
    return next(n for n, call in enumerate(calls) if n > after and content in call)
