"""Any arguments, to every command: one line with the remedy, and never a traceback."""

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.main import get_command

from services.cli.main import app
from tests.cli.conftest import SAMPLE, Run
from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]

STAYS_RUNNING = {"up", "api", "worker", "demo"}
"""Commands that would run for long; `test_refusals` has their mistakes."""
SHOWS_DATA = {"call"}
TEXTS = [
    *("", " ", "2024", "2O24", "1", "é", "x" * 5_000, "💥" * 50, "\udcff", "[bold]a[/nope]", "%"),
    *("21/06/2024 08:00", "2024-03-31T02:30", "2099-03-29T02:30", "2099-10-25T02:30", "GET", "-"),
    *("0000-01-01T00:00", "0001-01-01T00:00", "9999-12-31T23:59:59-23:00", "2099-02-30T08:00"),
    *("/v1/schools", "v1/schools", "//elsewhere/", "/v1/schools?é=[", "https://x/", "{}", "{"),
    *("'; drop table students; --", "../../etc", "head", "base", "+1", "2099-01-01T08:00+99:99"),
]
NUMBERS = ["0", "1", "2", "-1", "1.5", "", "x", "9" * 30, "\u0661"]
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
FILES: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)),
    "list.json": b'[{"kty": "EC"}]',
    "number.json": b"1",
    "deep.json": b"[" * 100_000,
    "set.json": b'{"keys": [{"kty": "EC"}]}',
    "other.json": b'{"kty": "oct", "k": "c2VjcmV0"}',
    "utf16.csv": "a;b".encode("utf-16"),
    "key.pem": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "zip.zip": b"PK\x03\x04",
}
PATHS = [
    *FILES,
    *(".", "missing", "missing/inside", "empty/inside", "x" * 300, "\udcff", "a b é"),
]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over the commands, with the words that name each."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in command.commands:
        yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(commands(get_command(app)))


def values(parameter: Any) -> st.SearchStrategy[str]:
    """Return odd and plain values for the type of a parameter."""
    annotation = parameter.type_descriptor.annotation
    kind = next(iter(get_args(annotation)), annotation)
    if kind is int:
        return st.sampled_from(NUMBERS)
    if kind is Path:
        return st.sampled_from(PATHS)
    if kind is UUID:
        return st.sampled_from([UNKNOWN_ID, UNKNOWN_ID.upper(), *TEXTS[:10]])
    if issubclass(kind, StrEnum):
        return st.sampled_from([*kind, *TEXTS[:6]])
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
    return st.sampled_from(TEXTS) | text


@st.composite
def command_lines(draw: st.DrawFn, data: str) -> list[str]:
    path, command = draw(
        st.sampled_from([(p, c) for p, c in COMMANDS.items() if p[0] not in STAYS_RUNNING])
    )
    options: list[str] = []
    arguments: list[str] = []
    for parameter in command.params:
        if parameter.name == "data":
            options.append(f"--data={draw(st.sampled_from([data, data, data, *PATHS]))}")
        elif parameter.name == "help" or not (parameter.required or draw(st.booleans())):
            continue
        elif parameter.param_type_name == "argument":
            arguments.append(draw(values(parameter)))
        elif parameter.is_flag:
            options.append(parameter.opts[0])
        else:
            options.append(f"{parameter.opts[0]}={draw(values(parameter))}")
    return [*path, *options, "--", *arguments]


def personal_words() -> set[str]:
    """Return the INSZ numbers and the longer family names of the delivery."""
    with (SAMPLE / "students.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=_delimiter()))
    insz = {value for row in rows for value in row.values() if re.fullmatch(r"\d{11}", value)}
    names = {v for row in rows for k, v in row.items() if "family" in k.lower() and len(v) > 5}
    assert insz
    assert names
    return insz | names


def _delimiter() -> str:
    head = (SAMPLE / "students.csv").read_text(encoding="utf-8").splitlines()[0]
    return ";" if ";" in head else ","


def names_a_cause(run: Run, arguments: Sequence[str]) -> bool:
    """Check for an option, an argument, a variable, a file or a value that was given."""
    said = run.out + run.err
    if re.search(r"--[a-z]+|\b[A-Z]{3,}\b|TOETSFEEDBACK_", said):
        return True
    given = [argument.partition("=")[2] or argument for argument in arguments]
    shown = [value.encode(errors="backslashreplace").decode() for value in given]
    return any(f" {value}: " in said or (len(value) > 2 and value in said) for value in shown)


@pytest.fixture(scope="module")
def odd_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a working directory with odd files."""
    directory, before = tmp_path_factory.mktemp("odd"), Path.cwd()
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    os.chdir(directory)
    yield directory
    os.chdir(before)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("odd_directory")
def test_any_arguments_get_a_line_and_never_a_traceback(
    instance: Instance, run: Callable[..., Run]
) -> None:
    personal = personal_words()

    @settings(
        max_examples=int(os.environ.get("COMMANDS", "60")),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(command_lines(str(instance.data)))
    def check(arguments: list[str]) -> None:
        found = run(*arguments)
        said = found.err + ("" if arguments[0] in SHOWS_DATA else found.out)
        assert found.code in {0, 1, 2}, found
        assert "Traceback" not in said, said
        assert "unexpected" not in found.err, found.err
        assert not {word for word in personal if word in said}
        if found.code:
            assert names_a_cause(found, arguments), found

    check()
