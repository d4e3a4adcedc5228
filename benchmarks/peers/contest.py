"""Contestants that make the same documents in turns, and the ratios of their rates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from statistics import median
from time import process_time
from typing import Any

TURN_SECONDS = 0.45
WARM_UP = 20  # documents before the first round, to load fonts and compile templates
SAMPLE = 5


@dataclass
class Contestant:
    """A way to make a document; `prepare` is not measured."""

    name: str
    label: str
    package: str
    make: Callable[[Any], bytes]
    prepare: Callable[[Any], Any] = lambda content: content
    per_turn: int = 1
    warm_up: int = WARM_UP
    hashes: bool = False
    rates: list[float] = field(default_factory=list)
    size: int = 0
    largest: int = 0

    def take_warm_up(self, contents: Iterator[Any]) -> None:
        """Warm up, and choose a number of documents per turn that is long enough to measure."""
        for content in islice(contents, self.warm_up):
            self.make(self.prepare(content))
        seconds = self._seconds([self.prepare(content) for content in islice(contents, SAMPLE)])
        self.per_turn = max(2, round(TURN_SECONDS * SAMPLE / seconds))

    def take_turn(self, contents: Iterator[Any]) -> None:
        prepared = [self.prepare(content) for content in islice(contents, self.per_turn)]
        self.rates.append(len(prepared) / self._seconds(prepared))

    def _seconds(self, prepared: list[Any]) -> float:
        """Return the seconds for all documents with their bytes hashed; record their sizes."""
        sizes = []
        began = process_time()
        for content in prepared:
            made = self.make(content)
            if not self.hashes:
                sha256(made).digest()
            sizes.append(len(made))
        seconds = process_time() - began
        self.size = round(median(sizes))
        self.largest = max(self.largest, *sizes)
        return seconds

    @property
    def rate(self) -> float:
        return median(self.rates)


def ratios(contestants: list[Contestant]) -> dict[str, float]:
    """Return our rate over that of each peer, as medians over rounds."""
    ours, *peers = contestants
    return {
        peer.name: round(
            median(mine / theirs for mine, theirs in zip(ours.rates, peer.rates, strict=True)), 1
        )
        for peer in peers
    }
