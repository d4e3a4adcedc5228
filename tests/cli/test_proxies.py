"""Clients of our own API ignore the proxies that the environment names."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clients.python.http import open_client
from embedded.programs import child_environment
from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"
PROXIES = {
    name: NOBODY
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
} | {"NO_PROXY": "elsewhere.example", "no_proxy": "elsewhere.example"}


@pytest.mark.parametrize(
    "command",
    [
        ("call", "GET", "/v1/schools"),
        ("call", "GET", "/v1/schools", "--kind", "integrator", "--client", "tests"),
        ("client", "list"),
    ],
)
def test_command_reaches_the_api_without_the_proxy(
    instance: Instance, command: tuple[str, ...]
) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *command, "--data", str(instance.data)],
        env=os.environ | PROXIES,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr.decode()


def test_client_uses_no_proxy(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    with open_client(instance.running().api_url or "") as client:
        assert client.get("/health").status_code == 200


def test_programs_of_an_instance_reach_its_provider_without_the_proxy(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    code = (
        "import sys; from shared.oauth.provider_requests import request_object;"
        "request_object('GET', sys.argv[1], timeout_seconds=30)"
    )
    sent = [sys.executable, "-c", code, f"{instance.running().api_url}/health"]
    found = subprocess.run(sent, env=child_environment({}), capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode()


def test_command_line_and_benchmarks_open_no_other_client() -> None:
    opening = re.compile(r"httpx\.(Client|AsyncClient|stream|request|get|post|put|patch|delete)\(")
    files = [
        file
        for folder in ("services", "benchmarks", "embedded", "clients")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if opening.search(file.read_text(encoding="utf-8"))
    ]
    assert [str(file.relative_to(ROOT)) for file in files] == ["clients/python/http.py"]
