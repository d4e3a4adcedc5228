"""Made-up names of people, of the many origins that a Flemish class register shows."""

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Final, NamedTuple

from synthetic.draws import Draws

LONGEST: Final = 100
SAME_ORIGIN: Final = 0.78
DOUBLE_FAMILY: Final = 0.04
DECOMPOSED: Final = 0.004
ONE_LETTER: Final = 0.0009
VERY_LONG: Final = 0.0006
UNRULY: Final = 0.001


class PersonName(NamedTuple):
    family: str
    given: str


@dataclass(frozen=True, slots=True)
class NamePool:
    """Names per origin; `weights` are running totals over the origins."""

    families: tuple[tuple[str, ...], ...]
    givens: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]
    letters: tuple[str, ...]
    unruly: tuple[PersonName, ...]


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
        unruly=tuple(PersonName(*pair) for pair in source["unruly"]),
    )


def draw_name(draws: Draws, pool: NamePool) -> PersonName:
    """Mostly everyday names; now and then one that breaks careless software."""
    origin = draws.weighted(pool.weights)
    family = draws.pick(pool.families[origin])
    if draws.chance(DOUBLE_FAMILY):
        family += draws.pick(("-", " ")) + draws.pick(pool.families[draws.weighted(pool.weights)])
    given_origin = origin if draws.chance(SAME_ORIGIN) else draws.weighted(pool.weights)
    name = PersonName(family, draws.pick(pool.givens[given_origin]))
    rarity = draws.random()
    for share, variant in (
        (UNRULY, _unruly),
        (ONE_LETTER, _one_letter),
        (VERY_LONG, _very_long),
        (DECOMPOSED, _decomposed),
    ):
        if rarity < share:
            return variant(draws, pool, name)
        rarity -= share
    return name


def _unruly(draws: Draws, pool: NamePool, _name: PersonName) -> PersonName:
    return draws.pick(pool.unruly)


def _one_letter(draws: Draws, pool: NamePool, name: PersonName) -> PersonName:
    letter = draws.pick(pool.letters)
    return PersonName(letter, name.given) if draws.chance(0.5) else PersonName(name.family, letter)


def _very_long(draws: Draws, pool: NamePool, name: PersonName) -> PersonName:
    """A family name of exactly LONGEST letters, in one piece more often than not."""
    joint = "-" if draws.chance(0.3) else ""
    parts = name.family
    while len(parts) < LONGEST:
        parts += joint + draws.pick(pool.families[0])
    return PersonName(parts[: LONGEST - 1] + "s", name.given)


def _decomposed(_draws: Draws, _pool: NamePool, name: PersonName) -> PersonName:
    """Letters and combining marks apart, as some registration systems send them."""
    return PersonName(
        unicodedata.normalize("NFD", name.family), unicodedata.normalize("NFD", name.given)
    )
