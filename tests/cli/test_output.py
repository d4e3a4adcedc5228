"""Output on terminals of any encoding and width, in files, in pipes and for programs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.conftest import SAMPLE, Run
from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]

LISTS = [("jobs",), ("client", "list"), ("client", "change", "list"), ("person", "list")]
SCOPE = ("--scope", "schools:read")
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def listed(instance: Instance, run: Callable[..., Run]) -> Instance:
    """Add something with other letters to each list."""
    client, person = (str(instance.data.parent / f"{name}.pem") for name in ("client", "person"))
    for command in (
        ("build", "--administration", "2024"),
        ("token", "--key", client),
        ("client", "add", "Schoolsoftware é Ł", "--kind", "integrator", *SCOPE, "--key", client),
        ("token", "--key", person),
        ("person", "request", "José Ł", *SCOPE, "--key", person),
    ):
        assert run(*command, "--data", str(instance.data)).code == 0
    return instance


def process(
    arguments: Sequence[str], variables: dict[str, str] | None = None, stdout: Any = subprocess.PIPE
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", *arguments],
        env=os.environ | (variables or {}),
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_commands_work_on_terminals_without_utf8(
    listed: Instance, run: Callable[..., Run], tmp_path: Path, encoding: str
) -> None:
    data = ("--data", str(listed.data))
    for command in (*LISTS, ("import", str(SAMPLE))):
        found = run(*command, *data, encoding=encoding)
        assert (found.code, found.out != "") == (0, True), found.err
    for command in (
        ("import", str(tmp_path / "ontbrékt →")),
        ("build", "--administration", "é→"),
        ("generate", "--schools", "1", "--out", str(SAMPLE), "--administration", "é→"),
    ):
        found = run(*command, *(data if command[0] != "generate" else ()), encoding=encoding)
        assert found.code == 1
        assert "unexpected" not in found.err
    assert run("call", "--help", encoding=encoding).code == 0


def test_commands_work_in_the_c_locale(listed: Instance) -> None:
    found = process(["client", "list", "--data", str(listed.data)], C_LOCALE)
    assert found.returncode == 0, found.stderr
    assert b"Schoolsoftware \\xe9" in found.stdout


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_list_shows_whole_ids_on_80_columns_and_is_one_json_array(
    listed: Instance, run: Callable[..., Run], command: tuple[str, ...]
) -> None:
    found = run(*command, "--json", "--data", str(listed.data))
    rows = json.loads(found.out)
    assert isinstance(rows, list)
    assert found.out.isascii()
    shown = run(*command, "--data", str(listed.data)).out
    assert rows
    assert [row["id"] for row in rows if row["id"] not in shown] == []


def test_audit_heads_are_one_json_document(listed: Instance, run: Callable[..., Run]) -> None:
    assert json.loads(run("audit", "heads", "--data", str(listed.data)).out)


def test_jobs_in_json_are_those_of_the_api(listed: Instance, run: Callable[..., Run]) -> None:
    (job, *_) = json.loads(run("jobs", "--json", "--data", str(listed.data)).out)
    from_api = listed.operator().get(f"/v1/jobs/{job['id']}").json()
    assert job.keys() - {"pace", "status"} == from_api.keys() - {"pace", "status"}
    assert (job["href"], job["createdAt"]) == (from_api["href"], from_api["createdAt"])


def test_version_is_that_of_the_package(run: Callable[..., Run]) -> None:
    assert run("--version") == Run(0, f"toetsfeedback {version('toetsfeedback')}\n", "")


def test_first_line_of_every_log_has_the_version(listed: Instance) -> None:
    logs = listed.data / "logs"
    for name in ("api", "worker-1", "worker-2"):
        first = json.loads((logs / f"{name}.log").read_text().splitlines()[0])
        assert (first["event"], first["version"]) == ("process_started", version("toetsfeedback"))
    line = f"toetsfeedback {version('toetsfeedback')}: "
    assert line in (logs / "migrate.log").read_text()
    assert listed.data.with_suffix(".log").read_text().startswith(line)
    imported = process(["import", str(SAMPLE), "--data", str(listed.data)])
    assert imported.stderr.decode().startswith(line)


def test_up_writes_its_address_to_a_file_at_once(listed: Instance) -> None:
    assert f"API         {listed.running().api_url}" in listed.data.with_suffix(".log").read_text()


def test_closed_or_full_output_ends_a_command_without_a_traceback(listed: Instance) -> None:
    command = ["jobs", "--json", "--data", str(listed.data)]
    with Path("/dev/full").open("wb") as full:
        assert_ends(process(command, stdout=full))
    assert_ends(_with_closed_pipe(command))
    closed = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'exec "$0" "$@" >&-',
            sys.executable,
            "-m",
            "services.cli.main",
            *command,
        ],
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    assert_ends(closed)


def _with_closed_pipe(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    reader, writer = os.pipe()
    os.close(reader)
    stream: IO[bytes] = os.fdopen(writer, "wb")
    with stream:
        return process(command, stdout=stream)


def assert_ends(found: "subprocess.CompletedProcess[bytes]") -> None:
    assert found.returncode in {0, 1}
    assert b"Traceback" not in found.stderr
    assert b"Exception" not in found.stderr


def test_response_in_a_file_is_readable_by_its_owner_only(
    instance: Instance, run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "schools.json"
    found = run("call", "GET", "/v1/schools", "--out", str(file), "--data", str(instance.data))
    assert found.code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"{")
