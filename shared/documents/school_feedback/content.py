"""The content of the documents of school feedback: the figures of one opening for one school."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.documents.content import AdministrationFacts, SchoolFacts
from shared.documents.content_checks import require, require_unique
from shared.school_feedback.figures import ComponentFigures, SchoolFeedback


@dataclass(frozen=True, slots=True)
class SchoolFeedbackContent:
    """The figures of the components that open together, by target group.

    The workbook and the report have the same content.
    """

    administration: AdministrationFacts
    school: SchoolFacts
    target_groups: tuple[SchoolFeedback, ...]

    def __post_init__(self) -> None:
        require(
            self.target_groups and all(group.components for group in self.target_groups),
            f"school {self.school.id}: leave out a target group without components",
        )
        require_unique(
            (group.target_group for group in self.target_groups), "target groups of school feedback"
        )
        for component in self.components():
            require(
                all(
                    row.counts is None or len(row.counts) == len(component.levels)
                    for row in component.rows
                ),
                f"component {component.component}: give a count for each level",
            )

    def components(self) -> Iterator[ComponentFigures]:
        for group in self.target_groups:
            yield from group.components
