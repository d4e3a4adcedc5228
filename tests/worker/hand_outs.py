"""Hand-out lists of sample students, and print files of sample fiches."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.hand_out_list import HandOutListRenderer
from services.worker.documents.print_file import PrintedClassGroup, render_print_file
from shared.documents.content import FicheContent, SchoolFacts
from shared.documents.hand_out_lists.content import (
    HandOutEntry,
    HandOutListContent,
    MissingReason,
)
from tests.worker.contents import ADMINISTRATION, SCHOOL
from tests.worker.random_fiches import NAMES

SUBJECT = "4A, Vlaamse toetsen 2024"


def entry(number: int = 0, missing: MissingReason | None = None, **changes: Any) -> HandOutEntry:
    facts: dict[str, Any] = {
        "family_name": "Jacobs",
        "given_name": f"Žofie {number}",
        "stamnummer": f"{2300000 + number}",
        "document_number": f"7QX2M{number:05}",
        "missing": missing,
    }
    return HandOutEntry(**{**facts, **changes})


def hand_out_list(entries: Sequence[HandOutEntry], **changes: Any) -> HandOutListContent:
    facts: dict[str, Any] = {
        "administration": ADMINISTRATION,
        "school": SCHOOL,
        "target_group_name": "4de leerjaar lager onderwijs",
        "class_group": "4A",
        "site_name": "Hoofdvestiging",
        "entries": tuple(entries),
    }
    return HandOutListContent(**{**facts, **changes})


LONG_NAME = "Jean-Baptiste de la Croix van Steenbergen-Vanderhaeghe tot Oudenaarde"
EVERY_REASON = [entry(number, reason) for number, reason in enumerate(MissingReason)]
HAND_OUT_LISTS = {
    "of one": hand_out_list([entry()]),
    "of a class": hand_out_list([*map(entry, range(20)), entry(20, MissingReason.WITHHELD)]),
    "of long names": hand_out_list(
        [*map(entry, range(20)), *(entry(n, family_name=LONG_NAME) for n in range(20, 40))]
    ),
    "without any fiche": hand_out_list(EVERY_REASON),
    "of any names": hand_out_list(
        [
            entry(number, family_name=family, given_name=given, stamnummer=None)
            for number, (family, given) in enumerate(pairwise((*NAMES, "王", "\u0905\u092e")))
        ],
        class_group="Ω-klas \u738b",
        school=SchoolFacts("000028", "W" * 90, "\u0639"),
        site_name=None,
    ),
}
"""Lists of every kind: the last has names that no face covers."""


def hand_out_list_of(fiches: Sequence[FicheContent]) -> HandOutListContent:
    """Return the list of a class group of which everyone has a fiche."""
    entries = [
        entry(
            number,
            family_name=fiche.family_name,
            given_name=fiche.given_name,
            stamnummer=fiche.stamnummer,
        )
        for number, fiche in enumerate(fiches)
    ]
    first = fiches[0]
    return hand_out_list(
        entries,
        administration=first.administration,
        school=first.school,
        target_group_name=first.target_group_name,
        class_group=first.class_group,
        site_name=first.site_name,
    )


def printed(renderer: FicheRenderer, fiches: Sequence[FicheContent]) -> PrintedClassGroup:
    """Lay out the fiches of a class group with its hand-out list."""
    hand_outs = HandOutListRenderer(renderer).lay_out(hand_out_list_of(fiches))
    return PrintedClassGroup(hand_outs, [renderer.lay_out(fiche) for fiche in fiches])


def print_file(renderer: FicheRenderer, *class_groups: Sequence[FicheContent]) -> bytes:
    return render_print_file(renderer, [printed(renderer, one) for one in class_groups], SUBJECT)
