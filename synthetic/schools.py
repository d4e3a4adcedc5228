"""Synthetic schools in real municipalities; each depends on the seed and its index only."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Final

from synthetic.plan import DeliveryPlan
from synthetic.random_draws import Draws

# Two schools of every seven are secondary: 1,101 of 3,853, as in 2024.
CYCLE: Final = 7
SECONDARY_PLACES: Final = (2, 5)
STREAMS: Final = (
    ("SO2A", "SO2B"),
    ("SO2A",),
    ("SO2A",),
    ("SO2A", "SO2B"),
    ("SO2A",),
    ("SO2B",),
    ("SO2A",),
    ("SO2A", "SO2B"),
    ("SO2A",),
    ("SO2A", "SO2B"),
)
# The second school of a shared student is one cycle further: of the same kind, and never a source.
SHARING_CYCLE: Final = 10
SHARING_PLACE: Final = 2
# A prime, so that the step reaches every number once; most numbers have a leading zero.
NUMBERS: Final = 149_993
NUMBER_STEP: Final = 7_919
ADVANTAGES: Final = {"1": 0.38, "2": 0.12, "3": -0.12, "4": -0.42}
TWO_SITES: Final = 0.24  # matters for schools with several class groups, about half of them
NO_SITE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Site:
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class School:
    """A school; `ordinal` is its index among its kind, `advantage` is in standard deviations."""

    index: int
    ordinal: int
    number: str
    name: str
    municipality: str
    is_primary: bool
    comparison_group: str
    advantage: float
    target_groups: tuple[str, ...]
    sites: tuple[Site, ...]

    @property
    def main_structure(self) -> str:
        """The main structure: 211 is primary education, 311 full-time secondary education."""
        return "211" if self.is_primary else "311"


@cache
def _places() -> dict[str, Any]:
    source: dict[str, Any] = json.loads(
        files(__package__).joinpath("places.json").read_text(encoding="utf-8")
    )
    return source


@cache
def _cumulative_weights(listing: str) -> tuple[int, ...]:
    return tuple(accumulate(weight for _, weight in _places()[listing]))


def _weighted_place(draws: Draws, listing: str) -> str:
    chosen: str = _places()[listing][draws.weighted(_cumulative_weights(listing))][0]
    return chosen


def draw_school(plan: DeliveryPlan, index: int) -> School:
    draws = plan.permanent_draws("school", index)
    round_number, place = divmod(index, CYCLE)
    is_primary = place not in SECONDARY_PLACES
    before = sum(place > secondary for secondary in SECONDARY_PLACES)
    ordinal = (
        round_number * (CYCLE - len(SECONDARY_PLACES)) + place - before
        if is_primary
        else round_number * len(SECONDARY_PLACES) + before
    )
    group = draws.pick("1234")
    kind = "primary" if is_primary else "secondary"
    return School(
        index=index,
        ordinal=ordinal,
        number=_number(plan, index),
        name=_weighted_place(draws, f"{kind}Forms").format(draws.pick(_places()[f"{kind}Names"])),
        municipality=_municipality(plan, index),
        is_primary=is_primary,
        comparison_group=("L" if is_primary else "S") + group,
        advantage=ADVANTAGES[group] + 0.2 * draws.normal(),
        target_groups=("LO4",) if is_primary else STREAMS[ordinal % len(STREAMS)],
        sites=_draw_sites(draws),
    )


def shared_student_source(index: int) -> int | None:
    """Return the index of the school whose first student is also enrolled in this school."""
    source = index - CYCLE
    return source if source >= 0 and source % SHARING_CYCLE == SHARING_PLACE else None


def _number(plan: DeliveryPlan, index: int) -> str:
    start = plan.permanent_draws("numbers", 0).below(NUMBERS)
    return f"{1 + (start + index * NUMBER_STEP) % NUMBERS:06d}"


def _municipality(plan: DeliveryPlan, index: int) -> str:
    """Return the municipality, which is the same for two schools that share a student."""
    source = shared_student_source(index)
    key_index = index if source is None else source
    return _weighted_place(plan.permanent_draws("place", key_index), "municipalities")


def _draw_sites(draws: Draws) -> tuple[Site, ...]:
    if draws.chance(NO_SITE):
        return (Site("", ""),)
    main = Site("1", "Hoofdvestiging")
    if not draws.chance(TWO_SITES):
        return (main,)
    return (
        main,
        Site(draws.pick(("2", "2", "3")), f"Vestiging {draws.pick(_places()['streets'])}"),
    )
