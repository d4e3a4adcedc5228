"""Comparison of renderers: candidates render the same documents in alternating rounds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from statistics import median
from time import process_time
from typing import Any

ROUND_SECONDS = 0.45
WARM_UP = 20  # documents before the first round, to load fonts and compile templates
SAMPLE = 5


@dataclass
class Candidate:
    """A renderer under test; the time of `prepare` is not measured."""

    name: str
    label: str
    package: str
    make: Callable[[Any], bytes]
    prepare: Callable[[Any], Any] = lambda content: content
    per_round: int = 1
    warm_up: int = WARM_UP
    hashes: bool = False
    rates: list[float] = field(default_factory=list)
    size: int = 0
    largest: int = 0

    def run_warm_up(self, contents: Iterator[Any]) -> None:
        """Warm up, and choose the number of documents per round for a measurable duration."""
        for content in islice(contents, self.warm_up):
            self.make(self.prepare(content))
        seconds = self._seconds([self.prepare(content) for content in islice(contents, SAMPLE)])
        self.per_round = max(2, round(ROUND_SECONDS * SAMPLE / seconds))

    def run_round(self, contents: Iterator[Any]) -> None:
        prepared = [self.prepare(content) for content in islice(contents, self.per_round)]
        self.rates.append(len(prepared) / self._seconds(prepared))

    def _seconds(self, prepared: list[Any]) -> float:
        """Return the seconds to render and hash all documents; record their sizes."""
        sizes = []
        began = process_time()
        for content in prepared:
            document = self.make(content)
            if not self.hashes:
                sha256(document).digest()
            sizes.append(len(document))
        seconds = process_time() - began
        self.size = round(median(sizes))
        self.largest = max(self.largest, *sizes)
        return seconds

    @property
    def rate(self) -> float:
        return median(self.rates)


def ratios(candidates: list[Candidate]) -> dict[str, float]:
    """Return the ratio of our rate to that of each peer, as medians over rounds."""
    ours, *peers = candidates
    return {
        peer.name: round(
            median(mine / theirs for mine, theirs in zip(ours.rates, peer.rates, strict=True)), 1
        )
        for peer in peers
    }
