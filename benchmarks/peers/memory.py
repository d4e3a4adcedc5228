"""Prints by how many MiB the engine's peak of memory grows over so many fiches, once it is warm."""

import resource
import sys
from itertools import islice

from benchmarks.peers.contents import fiches
from services.worker.stamping.fiche import FicheStamper

KIB = 1024


def main() -> None:
    full, many = map(int, sys.argv[1:])
    stamper, contents = FicheStamper(), fiches(0)
    peaks = []
    for count in (full, many):
        for content in islice(contents, count):
            stamper.stamp(content)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB)
    print(peaks[1] - peaks[0])


if __name__ == "__main__":
    main()
