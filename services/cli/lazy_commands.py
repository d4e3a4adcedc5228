"""A group of commands of which each module is imported when its command is used.

A command starts without what the others need: the libraries of all take more than a second.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup

LONGEST_SUMMARY = 1000


class HelpGroup(TyperGroup):
    """A group whose help has the whole summary of each command, over as many lines as it needs."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(LONGEST_SUMMARY))
            for name, command in commands
            if command is not None
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def lazy_group(places: Mapping[str, str]) -> type[TyperGroup]:
    """Return the class of a group with these commands, in this order.

    A place is `package.module:name` of a function, or of a `typer.Typer` with commands.
    """

    class LazyGroup(HelpGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = cast(
                "dict[str, Any]", dict.fromkeys(places)
            )  # for the names in "Did you mean …?"

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # of the base class
            return list(places)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # of the base class
            return _load(cmd_name, places[cmd_name]) if cmd_name in places else None

    return LazyGroup


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    command = getattr(import_module(module), attribute)
    # One command alone would not be a group.
    # Plain help wraps paragraphs, and neither cuts nor breaks the names of options.
    group = typer.Typer(rich_markup_mode=None)
    if isinstance(command, typer.Typer):
        group.add_typer(command, name=name, cls=HelpGroup)
    else:
        group.command(name)(command)
    group.callback()(_nothing)
    loaded = typer.main.get_group(group)
    return loaded.commands[name]


def _nothing() -> None:
    """Do nothing before the command."""
