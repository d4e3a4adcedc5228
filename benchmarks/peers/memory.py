"""Print the growth of peak memory in MiB over a number of fiches, after a warm-up."""

import resource
import sys
from itertools import islice

from benchmarks.peers.contents import fiches
from services.worker.documents.fiche import FicheRenderer

KIB = 1024


def main() -> None:
    warm_up, measured = map(int, sys.argv[1:])
    renderer, contents = FicheRenderer(), fiches(0)
    peaks = []
    for count in (warm_up, measured):
        for content in islice(contents, count):
            renderer.render(content)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB)
    print(peaks[1] - peaks[0])


if __name__ == "__main__":
    main()
