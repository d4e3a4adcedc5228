"""Seeded random draws that are the same on every machine and every Python from 3.11 on."""

from bisect import bisect_right
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A stream of random draws that depends on its key only.

    Everything is computed from `Random.random()`, the one method whose sequence Python guarantees,
    with sums and products, whose rounding is the same everywhere (unlike that of logarithms).
    """

    __slots__ = ("random",)

    def __init__(self, key: str) -> None:
        self.random = Random(key).random  # noqa: S311 - synthetic data must be reproducible, not secret

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to, but not including, `bound`."""
        return int(self.random() * bound)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, options: Sequence[Item]) -> Item:
        return options[int(self.random() * len(options))]

    def weighted(self, cumulative: Sequence[float]) -> int:
        """Return a random index, for weights that are given as cumulative sums."""
        return bisect_right(cumulative, self.random() * cumulative[-1])

    def normal(self) -> float:
        """Return an approximately normal number between -3 and 3: mean 0, variance 1."""
        return (self.random() + self.random() + self.random() - 1.5) * 2.0
