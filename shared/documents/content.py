"""Content of documents: immutable facts, from which a document is rendered and compared.

Content has no field for a score or a rank, and never includes a calibration. The names of fields,
of `FicheContent`, `HandOutListContent` and `OverviewContent` are part of a document's fingerprint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from shared.documents.content_checks import (
    LONE_SURROGATE,
    require,
    require_unique,
    require_valid_texts,
)
from shared.documents.viewing_periods import ViewingPeriod

REPORTED = "reported"
NOT_ASSIGNED = "notAssigned"
STATUSES = (
    REPORTED,
    "absent",
    "exempt",
    "notCompleted",
    NOT_ASSIGNED,
    "withheld",
    "withdrawn",
)


@dataclass(frozen=True, slots=True)
class Level:
    """A step on a proficiency scale; `ordinal` 1 is the lowest.

    The markers tell whether the level attains basic literacy (basisgeletterdheid) and the final
    objectives (eindtermen); None if the delivery does not say.
    """

    code: str
    label: str
    ordinal: int
    attains_basic_literacy: bool | None = None
    attains_final_objectives: bool | None = None

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("code", "label"))
        require(self.ordinal >= 1, f"level {self.code}: ordinals start at 1")


def _require_scale(scale: tuple[Level, ...], component: str) -> None:
    ordinals = [level.ordinal for level in scale]
    require(scale, f"component {component}: its scale has no levels")
    require(ordinals == sorted(set(ordinals)), f"component {component}: order levels lowest first")
    require_unique((level.code for level in scale), f"component {component}: level codes")


def _require_outcome(
    component: str, status: str, level: Level | None, scale: tuple[Level, ...]
) -> None:
    require(status in STATUSES, f"component {component}: unknown status {status!r}")
    require(
        (level is not None) == (status == REPORTED),
        f"component {component}: status {status!r} and level do not go together;"
        f" a level exactly when {REPORTED!r}",
    )
    require(level is None or level in scale, f"component {component}: level outside its scale")


@dataclass(frozen=True, slots=True)
class ComponentOutcome:
    """The outcome of one component for one student.

    `scale` is from the lowest level up. With a level, `descriptions` are what a student at each
    level of the scale can do; without one there are none.
    """

    component: str
    name: str
    position: int
    status: str
    scale: tuple[Level, ...]
    level: Level | None
    descriptions: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("component", "name"))
        _require_scale(self.scale, self.component)
        _require_outcome(self.component, self.status, self.level, self.scale)
        require(
            len(self.descriptions) == (len(self.scale) if self.level else 0),
            f"component {self.component}: give a description per level, and none without a level",
        )
        for description in self.descriptions:
            if description is not None and LONE_SURROGATE.search(description):
                raise ValueError(
                    f"component {self.component}: a description has a lone surrogate: correct it"
                )

    @property
    def description(self) -> str | None:
        """Return what a student at the level reached can do."""
        return self.descriptions[self.scale.index(self.level)] if self.level else None


@dataclass(frozen=True, slots=True)
class SubjectSection:
    """The components of one subject (`nederlands`, `wiskunde`, …), by position."""

    subject: str
    outcomes: tuple[ComponentOutcome, ...]

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("subject",))
        positions = [outcome.position for outcome in self.outcomes]
        require(positions, f"subject {self.subject}: leave out a subject without components")
        require(positions == sorted(positions), f"subject {self.subject}: order by position")


@dataclass(frozen=True, slots=True, eq=False)
class PossibleSections:
    """The sections of a fiche at other levels: each variant has another level per component.

    Together, the variants have every level of each component that has one. Compared by identity, so
    that a cache can use them as its key.
    """

    variants: tuple[tuple[SubjectSection, ...], ...]


@dataclass(frozen=True, slots=True)
class AdministrationFacts:
    """One round of tests; both dates are inclusive."""

    id: str
    name: str
    school_year: str
    tested_from_on: date
    tested_until_on: date

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("id", "name", "school_year"))
        require(
            self.tested_from_on <= self.tested_until_on,
            f"administration {self.id}: the tests end before they start",
        )


@dataclass(frozen=True, slots=True)
class SchoolFacts:
    """The facts of a school; `id` is its school number of six digits."""

    id: str
    name: str
    municipality: str

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("id", "name"))


@dataclass(frozen=True, slots=True)
class FicheContent:
    """The content of the fiche of one student in one school.

    `document_number` distinguishes two students of one name, as `stamnummer` does where it is
    known. `viewing_periods` are in order: empty as long as no days are planned, None if students
    can never view their test.
    """

    document_number: str
    stamnummer: str | None
    administration: AdministrationFacts
    school: SchoolFacts
    target_group_name: str
    class_group: str
    site_name: str | None
    given_name: str
    family_name: str
    sections: tuple[SubjectSection, ...]
    viewing_periods: tuple[ViewingPeriod, ...] | None

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("document_number", "target_group_name", "class_group"))
        require(self.student_name, "a fiche needs a name of its student")
        require(
            self.sections, "a fiche needs a component: build none for a student without results"
        )
        require_unique((section.subject for section in self.sections), "subjects of a fiche")
        require_unique(
            (outcome.component for section in self.sections for outcome in section.outcomes),
            "components of a fiche",
        )

    @property
    def student_name(self) -> str:
        """Given and family name, or the one that there is."""
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True, slots=True)
class OverviewColumn:
    """One component of a target group; `scale` is from the lowest level up.

    `descriptions` are what a student at each level of the scale can do, or None; empty without any.
    """

    component: str
    name: str
    subject: str
    scale: tuple[Level, ...]
    descriptions: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("component", "name", "subject"))
        _require_scale(self.scale, self.component)
        require(
            len(self.descriptions) in {0, len(self.scale)},
            f"component {self.component}: give a description, or None, for each level",
        )
        for description in self.descriptions:
            if description is not None and LONE_SURROGATE.search(description):
                raise ValueError(
                    f"component {self.component}: a description has a lone surrogate: correct it"
                )


@dataclass(frozen=True, slots=True)
class OverviewCell:
    status: str
    level: Level | None


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One student, with a cell per column; None where the student has no result.

    `document_number` is that of the student's fiche, if there is one.
    """

    class_group: str
    family_name: str
    given_name: str
    stamnummer: str | None
    cells: tuple[OverviewCell | None, ...]
    document_number: str | None = None
    site_name: str | None = None

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("class_group",))


@dataclass(frozen=True, slots=True)
class OverviewTargetGroup:
    """The students of one target group, in print order."""

    code: str
    name: str
    columns: tuple[OverviewColumn, ...]
    rows: tuple[OverviewRow, ...]

    def __post_init__(self) -> None:
        require_valid_texts(self, filled=("code", "name"))
        require_unique(
            (column.component for column in self.columns), f"columns of target group {self.code}"
        )
        for row in self.rows:
            require(
                len(row.cells) == len(self.columns),
                f"target group {self.code}: a row needs one cell per column",
            )
            for column, cell in zip(self.columns, row.cells, strict=True):
                if cell is not None:
                    _require_outcome(column.component, cell.status, cell.level, column.scale)


@dataclass(frozen=True, slots=True)
class OverviewContent:
    """The content of the overview of one school."""

    administration: AdministrationFacts
    school: SchoolFacts
    target_groups: tuple[OverviewTargetGroup, ...]

    def __post_init__(self) -> None:
        require(self.target_groups, f"school {self.school.id}: an overview needs a target group")
        require_unique((group.code for group in self.target_groups), "target groups of an overview")


def fiche_outcomes(content: FicheContent) -> Iterator[ComponentOutcome]:
    """Yield every outcome of a fiche, in reading order."""
    for section in content.sections:
        yield from section.outcomes
