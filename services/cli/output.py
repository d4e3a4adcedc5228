"""Output of commands: text that every terminal can show, tables with whole values, JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from shared.core.version import package_version

JsonOption = Annotated[bool, typer.Option("--json", help="Print the list as one JSON array.")]


def prepare_streams() -> None:
    """Write each line at once, and escape characters that the encoding of a stream lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def discard_unwritten() -> None:
    """Discard output that cannot be written, so that the interpreter does not try it at its end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            try:
                stream.flush()
            except OSError:
                with suppress(OSError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_start(command: str) -> None:
    """Print the version to standard error, as the first line of the log of a command."""
    print(f"toetsfeedback {package_version()}: {command}", file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in aligned columns; no value is cut or wrapped, whatever the terminal."""
    cells = [list(columns), *([str(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def print_json(rows: Sequence[Any]) -> None:
    """Print a list as one JSON array, in ASCII."""
    print(json.dumps(rows, indent=2, default=str))


def print_page(
    page: Mapping[str, Any], show: Callable[[list[Any]], None], *, as_json: bool
) -> None:
    """Print a page of the API as JSON or with `show`, and to standard error what it leaves out."""
    if as_json:
        print_json(page["items"])
    else:
        show(page["items"])
    more = page["total"] - len(page["items"])
    if more > 0:
        print(f"{more} more; list them with a higher --first, or `call`.", file=sys.stderr)
