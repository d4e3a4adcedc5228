"""The help of every command and group on a terminal of 80 columns."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from typer.main import get_command

from services.cli.main import app
from tests.cli.conftest import Run

COLUMNS = 80
TEXT_COLUMNS = COLUMNS - 2
"""The columns of a paragraph, with its indent: the formatter leaves two free."""


def all_commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over the groups and commands, with the words that name each."""
    yield path, command
    for name in getattr(command, "commands", ()):
        yield from all_commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(all_commands(get_command(app)))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "toetsfeedback")
def test_help_is_whole_and_wraps_at_the_last_column(
    path: tuple[str, ...], run: Callable[..., Run]
) -> None:
    command, found = COMMANDS[path], run(*path, "--help")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert "\u2026" not in found.out
    assert all("..." not in line or "ARGS" in line for line in lines)
    shown = words(found.out)
    assert words(command.help) in shown
    for name in getattr(command, "commands", ()):
        of_command = COMMANDS[*path, name].help.partition("\n\n")[0]
        assert words(of_command).rstrip(".") in shown
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            assert option in shown
    description = lines[1 : next(n for n, line in enumerate(lines) if line.endswith(":") and n)]
    for line, following in pairwise(description):
        if line and following:
            assert len(line) + 1 + len(following.split()[0]) > TEXT_COLUMNS
