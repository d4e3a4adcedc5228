"""Synthetic names of people, of the many origins in a Flemish class register."""

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Final, NamedTuple

from synthetic.random_draws import Draws

MAX_LENGTH: Final = 100
# Probabilities.
SAME_ORIGIN: Final = 0.78
DOUBLE_FAMILY: Final = 0.04
DECOMPOSED: Final = 0.004
ONE_LETTER: Final = 0.0009
VERY_LONG: Final = 0.0006
EDGE_CASE: Final = 0.001


class PersonName(NamedTuple):
    family: str
    given: str


@dataclass(frozen=True, slots=True)
class NamePool:
    """Names by origin; `weights` are the cumulative weights of the origins."""

    families: tuple[tuple[str, ...], ...]
    givens: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]
    letters: tuple[str, ...]
    edge_cases: tuple[PersonName, ...]


@cache
def load_name_pool(*, other_scripts: bool) -> NamePool:
    source: dict[str, Any] = json.loads(
        files(__package__).joinpath("names.json").read_text(encoding="utf-8")
    )
    origins = source["origins"] + (source["otherScripts"] if other_scripts else [])
    return NamePool(
        families=tuple(tuple(origin["family"]) for origin in origins),
        givens=tuple(tuple(origin["given"]) for origin in origins),
        weights=tuple(accumulate(origin["weight"] for origin in origins)),
        letters=tuple(source["letters"]),
        edge_cases=tuple(PersonName(*pair) for pair in source["edgeCases"]),
    )


def draw_name(draws: Draws, pool: NamePool) -> PersonName:
    """Draw a name: usually a common one, rarely an edge case that breaks careless software."""
    origin = draws.weighted(pool.weights)
    family = draws.pick(pool.families[origin])
    if draws.chance(DOUBLE_FAMILY):
        family += draws.pick(("-", " ")) + draws.pick(pool.families[draws.weighted(pool.weights)])
    given_origin = origin if draws.chance(SAME_ORIGIN) else draws.weighted(pool.weights)
    name = PersonName(family, draws.pick(pool.givens[given_origin]))
    rarity = draws.random()
    for share, variant in (
        (EDGE_CASE, _edge_case),
        (ONE_LETTER, _one_letter),
        (VERY_LONG, _very_long),
        (DECOMPOSED, _decomposed),
    ):
        if rarity < share:
            return variant(draws, pool, name)
        rarity -= share
    return name


def _edge_case(draws: Draws, pool: NamePool, _name: PersonName) -> PersonName:
    return draws.pick(pool.edge_cases)


def _one_letter(draws: Draws, pool: NamePool, name: PersonName) -> PersonName:
    letter = draws.pick(pool.letters)
    return PersonName(letter, name.given) if draws.chance(0.5) else PersonName(name.family, letter)


def _very_long(draws: Draws, pool: NamePool, name: PersonName) -> PersonName:
    """Return a family name of exactly MAX_LENGTH letters, usually without a hyphen."""
    separator = "-" if draws.chance(0.3) else ""
    parts = name.family
    while len(parts) < MAX_LENGTH:
        parts += separator + draws.pick(pool.families[0])
    return PersonName(parts[: MAX_LENGTH - 1] + "s", name.given)


def _decomposed(_draws: Draws, _pool: NamePool, name: PersonName) -> PersonName:
    """Return the name with letters and combining marks separated, as some systems send it."""
    return PersonName(
        unicodedata.normalize("NFD", name.family), unicodedata.normalize("NFD", name.given)
    )
