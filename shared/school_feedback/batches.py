"""Batches of schools: a computation has an item per batch, whose subject names its schools."""

from collections.abc import Sequence
from typing import Final, NamedTuple

SCHOOLS_PER_BATCH: Final = 40


class Batch(NamedTuple):
    """The schools from one number to another, both included."""

    first: str
    last: str

    @classmethod
    def of(cls, subject: str) -> "Batch":
        """Return the batch of an item."""
        first, _, last = subject.partition("-")
        return cls(first, last or first)

    @property
    def subject(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


def batches_of(school_ids: Sequence[str]) -> list[Batch]:
    """Return the batches of schools, which are in the order of their numbers."""
    starts = range(0, len(school_ids), SCHOOLS_PER_BATCH)
    several = (school_ids[start : start + SCHOOLS_PER_BATCH] for start in starts)
    return [Batch(some[0], some[-1]) for some in several]
