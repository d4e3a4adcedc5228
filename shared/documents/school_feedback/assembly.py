"""Assembly of the figures of a school into the content of one report and workbook per opening."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from shared.access.products import Product
from shared.documents.build_repository import SchoolRows
from shared.documents.content import AdministrationFacts, SchoolFacts
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.releases.rules import ComponentFacts, Window, deciding_windows, is_left_out
from shared.results.models import Component
from shared.school_feedback.figures import SchoolFeedback


@dataclass(frozen=True, slots=True)
class OpeningFeedback:
    """The school feedback of the components that open at the same moments."""

    component_ids: tuple[int, ...]
    content: SchoolFeedbackContent

    @property
    def first_component_id(self) -> int:
        return self.component_ids[0]


def feedback_of_openings(
    rows: SchoolRows, administration: AdministrationFacts, school: SchoolFacts
) -> tuple[OpeningFeedback, ...]:
    """Return the feedback by opening, so that no component waits for one that opens later.

    Components that no window opens yet are together. A component that is never released is left
    out, and so is one without figures.
    """
    together: dict[tuple[datetime, ...], list[Component]] = {}
    for component in rows.catalogue.components:
        facts = ComponentFacts(component.target_group_id, component.id, component.is_calibration)
        windows = rows.feedback_windows
        if component.id in rows.feedback and not is_left_out(
            windows, facts, Product.SCHOOL_FEEDBACK
        ):
            deciding = deciding_windows(windows, facts, Product.SCHOOL_FEEDBACK)
            together.setdefault(_moments(deciding), []).append(component)
    return tuple(
        OpeningFeedback(
            tuple(sorted(component.id for component in components)),
            SchoolFeedbackContent(administration, school, tuple(_target_groups(rows, components))),
        )
        for _, components in sorted(together.items())
    )


def _moments(windows: Iterable[Window]) -> tuple[datetime, ...]:
    return tuple(sorted(window.opens_at for window in windows if window.opens_at))


def _target_groups(rows: SchoolRows, components: Iterable[Component]) -> Iterator[SchoolFeedback]:
    ordered = sorted(components, key=attrgetter("position", "id"))
    participation = rows.participation
    for group in rows.catalogue.target_groups:
        figures = [rows.feedback[one.id] for one in ordered if one.target_group_id == group.id]
        if figures:
            yield SchoolFeedback(
                participation.administration_id,
                participation.school_id,
                group.code,
                group.name,
                tuple(figures),
            )
