"""The content of a hand-out list: which students of a class group have a fiche, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.documents.content import AdministrationFacts, SchoolFacts
from shared.documents.content_checks import require, require_unique, require_valid_texts


class MissingReason(StrEnum):
    """The reason for which there is no fiche of a student."""

    WITHHELD = "withheld"
    NOT_ASSIGNED = "notAssigned"
    NO_RESULT = "noResult"
    UNDRAWABLE_TEXT = "undrawableText"
    OVERFULL_FICHE = "overfullFiche"


@dataclass(frozen=True, slots=True)
class HandOutEntry:
    """A student; `missing` is None for one with a fiche.

    `document_number` is that of the fiche, also of one that could not be rendered: with it, the
    overview and the list are about the same student.
    """

    family_name: str
    given_name: str
    stamnummer: str | None
    document_number: str | None
    missing: MissingReason | None

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=())
        require(
            self.document_number or self.missing,
            "a student without a fiche needs a reason: give it",
        )


@dataclass(frozen=True, slots=True)
class HandOutListContent:
    """The content of the hand-out list of one class group, in the order of the class list."""

    administration: AdministrationFacts
    school: SchoolFacts
    target_group_name: str
    class_group: str
    site_name: str | None
    entries: tuple[HandOutEntry, ...]

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("target_group_name", "class_group"))
        require(self.entries, "a hand-out list needs a student: make none for an empty class group")
        require_unique(
            (entry.document_number for entry in self.entries if entry.document_number),
            "document numbers of a hand-out list",
        )

    @property
    def fiche_count(self) -> int:
        return sum(entry.missing is None for entry in self.entries)

    def without_fiches(self, failed: Mapping[str, MissingReason]) -> "HandOutListContent":
        """Return the list in which the fiches with these document numbers are missing."""
        entries = (
            replace(entry, missing=failed.get(entry.document_number or "", entry.missing))
            for entry in self.entries
        )
        return replace(self, entries=tuple(entries))
