"""Rules of hand-overs: what was handed over, and what has to be handed over again."""

from enum import StrEnum


class Means(StrEnum):
    DIGITAL = "digital"
    PRINTED = "printed"


class HandOverState(StrEnum):
    OPEN = "open"  # the family has no fiche yet
    DONE = "done"  # the family has the current fiche
    AGAIN = "again"  # the family has an earlier fiche, with another content


def state_of(content: bytes, handed_over: bytes | None) -> HandOverState:
    """Return the state of a fiche; both arguments are hashes of content.

    `handed_over` is that of the last hand-over that was not withdrawn. The last one alone counts:
    after two corrections of which the second undoes the first, a family that got both fiches in
    between has the wrong one.
    """
    if handed_over is None:
        return HandOverState.OPEN
    return HandOverState.DONE if handed_over == content else HandOverState.AGAIN
