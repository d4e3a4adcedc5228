"""Regular expressions take a time in proportion to their input, whatever the input (ASVS 1.3.12).

Patterns of models are not among them: pydantic's own engine is linear by construction.
"""

import pkgutil
import re
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from re import _parser as parser
from typing import Any

import pytest

import services
import shared

LENGTH = 20_000
"""Characters of an input; a quadratic expression takes 200 million steps for it."""
MAX_SECONDS = 0.2
"""A linear one takes less than a hundredth of this."""
CHARACTERS = 'aA0_-. \n/:@"<,é\ud800'
ENDS = ("", "!", "\x00", "0")

SOURCES = [
    file.read_text(encoding="utf-8")
    for package in (services, shared)
    for file in Path(package.__path__[0]).rglob("*.py")
]


def expressions() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for package in (services, shared):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(import_module(found.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{found.name}.{name}", value


EXPRESSIONS = dict(expressions())


def literals(tree: Any) -> Iterator[str]:
    """Iterate over the literal texts of a parsed expression, at any depth."""
    text = ""
    for operation, argument in tree:
        if operation is parser.LITERAL:
            text += chr(argument)
            continue
        yield text
        text = ""
        yield from nested(argument)
    yield text


def nested(argument: Any) -> Iterator[str]:
    if isinstance(argument, parser.SubPattern):
        yield from literals(argument)
    elif isinstance(argument, tuple | list):
        for inner in argument:
            yield from nested(inner)


def hostile_inputs(expression: re.Pattern[Any], length: int) -> Iterator[str]:
    """Iterate over repetitions of what the expression may match, which then does not match."""
    texts = {text for text in literals(parser.parse(expression.pattern)) if text}
    for unit in sorted({*CHARACTERS, *texts, *(text + "0" for text in texts)}):
        repeated = (unit * length)[:length]
        for end in ENDS:
            yield repeated + end
            yield from (start + repeated + end for start in sorted(texts))


def is_searched(name: str) -> bool:
    """Return True when a source file uses the expression at other places than the beginning."""
    uses = re.compile(rf"\b{name.rpartition('.')[2]}\.(?!fullmatch\(|match\()\w+")
    return any(uses.search(source) for source in SOURCES)


def seconds_for(expression: re.Pattern[Any], text: str, *, is_searched: bool) -> float:
    """Return the processor time, which does not depend on the other programs of the machine."""
    given = text if isinstance(expression.pattern, str) else text.encode(errors="surrogatepass")
    began = time.process_time()
    expression.fullmatch(given)
    if is_searched:
        expression.sub(given[:0], given)
    return time.process_time() - began


def slowest(expression: re.Pattern[Any], *, is_searched: bool) -> float:
    """Return the longest time; short inputs come first, for an exponential one would never end."""
    longest = 0.0
    for length in (24, 2_000, LENGTH):
        for text in hostile_inputs(expression, length):
            longest = max(longest, seconds_for(expression, text, is_searched=is_searched))
            if longest > MAX_SECONDS:
                return longest
    return longest


def test_expressions_of_every_room_are_found() -> None:
    assert len(EXPRESSIONS) > 30
    assert "shared.oauth.dpop._PLAIN_URL" in EXPRESSIONS


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_expression_is_linear(name: str) -> None:
    assert slowest(EXPRESSIONS[name], is_searched=is_searched(name)) < MAX_SECONDS


@pytest.mark.parametrize("pattern", ["(a+)+b", "a*a*b", r"<row .*?</row>"])
def test_slow_expression_is_recognized(pattern: str) -> None:
    assert slowest(re.compile(pattern), is_searched=True) > MAX_SECONDS
