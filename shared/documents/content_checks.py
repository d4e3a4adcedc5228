"""Checks of the facts of a content object; the message of an error says what to correct."""

import re
from collections.abc import Iterable
from typing import Any

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def require(condition: object, remedy: str) -> None:
    if not condition:
        raise ValueError(remedy)


def require_valid_texts(facts: Any, *, filled: tuple[str, ...]) -> None:
    """Reject lone surrogates, which no document can contain, and empty `filled` texts."""
    for name in facts.__slots__:
        value = getattr(facts, name)
        if isinstance(value, str):
            if LONE_SURROGATE.search(value):
                raise ValueError(f"{type(facts).__name__}.{name} has a lone surrogate: correct it")
            if name in filled and not value.strip():
                raise ValueError(f"{type(facts).__name__}.{name} is empty: give it a text")


def require_unique(values: Iterable[str], what: str) -> None:
    seen = list(values)
    require(len(seen) == len(set(seen)), f"{what}: one of them is repeated, keep it once")
