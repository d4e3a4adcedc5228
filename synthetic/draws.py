"""Seeded draws that come out the same on every machine and every Python from 3.11 on."""

from bisect import bisect_right
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A stream of draws, fixed by its key.

    Everything rests on `Random.random()`, the one method whose sequence Python promises to keep,
    and on sums and products, which round alike everywhere (logarithms and cosines do not).
    """

    __slots__ = ("random",)

    def __init__(self, key: str) -> None:
        self.random = Random(key).random  # noqa: S311 - made-up data must be repeatable, not secret

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, not including, `bound`."""
        return int(self.random() * bound)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, options: Sequence[Item]) -> Item:
        return options[int(self.random() * len(options))]

    def weighted(self, cumulative: Sequence[float]) -> int:
        """An index, drawn with weights given as running totals."""
        return bisect_right(cumulative, self.random() * cumulative[-1])

    def bell(self) -> float:
        """A bell-shaped number between -3 and 3: mean 0, variance 1."""
        return (self.random() + self.random() + self.random() - 1.5) * 2.0
