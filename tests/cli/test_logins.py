"""The table of logins and variables in docs/operations.md, against the commands."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from joserfc.jwk import ECKey

from services.cli.main import COMMANDS, GROUPS, main
from shared.core.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z ]+)` \| (\w+) \| (`TOETSFEEDBACK_.+) \|$", re.MULTILINE)
VARIABLES = {name: variables.strip("`").split("`, `") for name, _, variables in ROW.findall(PAGE)}
LOGINS = {name: login for name, login, _ in ROW.findall(PAGE)}
WITHOUT = {"up", "demo", "generate", "openapi", "provider", "portal"}
ID = "00000000-0000-4000-8000-000000000000"
ARGUMENTS = {
    "api": ["api", "--port", "0"],
    "import": ["import", str(ROOT / "tests" / "data" / "delivery-sample")],
    "build": ["build", "--administration", "2024"],
    "compute": ["compute", "--administration", "2024"],
    "audit": ["audit", "verify"],
    "person add": ["person", "add", "Somebody", "--key", "key.pem"],
    "token": ["token", "--key", "proof.pem"],
    "release": ["release", "show", "--administration", "2024"],
    "viewing": ["viewing", "locations"],
    "call": ["call", "GET", "/v1/jobs"],
    "client": ["client", "list"],
    "person": ["person", "list"],
}
VALUES = {
    "TOETSFEEDBACK_DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none",
    "TOETSFEEDBACK_REDIS_URL": "redis://127.0.0.1:1/0",
    "TOETSFEEDBACK_PUBLIC_URL": "http://127.0.0.1:1",
    "TOETSFEEDBACK_CLIENT_ID": ID,
}
IS_MISSING = re.compile(r"Field required|TOETSFEEDBACK_\w+ is not set|: set TOETSFEEDBACK")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Set every variable of the table, and no other one of ours."""
    for name in [name for name in os.environ if name.startswith("TOETSFEEDBACK_")]:
        monkeypatch.delenv(name)
    files = {name: tmp_path / name for row in VARIABLES.values() for name in row}
    values = {name: VALUES.get(name, str(file)) for name, file in files.items()}
    values["TOETSFEEDBACK_STORAGE_URL"] = (tmp_path / "objects").as_uri()
    (tmp_path / "TOETSFEEDBACK_CLIENT_KEY").write_text("no key")
    monkeypatch.chdir(tmp_path)  # no instance of `up` is here
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    handlers = logging.root.handlers[:]
    yield monkeypatch
    logging.root.handlers[:] = handlers
    structlog.reset_defaults()  # the commands of programs configure their logs


def outcome_of(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    arguments = ARGUMENTS.get(command, command.split())
    monkeypatch.setattr(sys, "argv", ["toetsfeedback", *arguments])
    code = 0
    try:
        main()
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_table_has_every_command() -> None:
    assert {name.split()[0] for name in VARIABLES} | WITHOUT == {*COMMANDS, *GROUPS}


@pytest.mark.parametrize(
    ("command", "variable"), [(name, one) for name, row in VARIABLES.items() for one in row]
)
def test_command_names_a_variable_that_is_missing(
    command: str,
    variable: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.delenv(variable)
    code, output = outcome_of(command, environment, capsys)
    assert code == 1
    assert variable in output


@pytest.mark.parametrize("command", VARIABLES)
def test_command_needs_no_other_variable(
    command: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends for another reason: the servers and keys that the variables name do not exist."""
    for name in {name for row in VARIABLES.values() for name in row} - {*VARIABLES[command]}:
        environment.delenv(name)
    code, output = outcome_of(command, environment, capsys)
    assert code == 1
    assert not IS_MISSING.search(output)


@pytest.mark.parametrize(
    "command", [name for name, login in LOGINS.items() if login not in {"none", "api", "worker"}]
)
@pytest.mark.usefixtures("storage")
def test_command_works_with_its_login(
    command: str,
    settings: Settings,
    settings_of: Callable[[str], Settings],
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    key = tmp_path / "public.pem"
    key.write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    login = LOGINS[command]
    for name in Settings.model_fields:
        value = getattr(settings if login == "owner" else settings_of(login), name)
        if value is not None:
            secret = value.get_secret_value() if hasattr(value, "get_secret_value") else value
            environment.setenv(f"TOETSFEEDBACK_{name.upper()}", str(secret))
    environment.setitem(ARGUMENTS, "person add", ["person", "add", "Somebody", "--key", str(key)])
    code, output = outcome_of(command, environment, capsys)
    assert code == 0, output
