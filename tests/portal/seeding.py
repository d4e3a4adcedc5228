"""Rows of school feedback and of test viewing for the pages of the portal."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.school_feedback.figures import (
    ComponentFigures,
    FigureRow,
    MeanScore,
    Reference,
    ReferenceKind,
    ReferenceName,
    RowKind,
)
from shared.school_feedback.models import SchoolFeedbackSnapshot
from shared.school_feedback.stored_figures import figures_to_json
from shared.viewings.models import ViewingRegistration
from shared.viewings.rules import RegistrationState
from tests.api.seeding import ADMINISTRATION, LONG_AGO, SCHOOL, Seeded
from tests.releasing import add_window
from tests.viewings.seeding import Viewing, seed_viewing
from tests.worker.feedback import COMPUTED_AT, component, hidden

REGISTRATION = UUID("0195d2a4-7c1e-4b5a-9f00-abcdefabcdef")
HOSTILE_GROUP = "</td><script>4A</script>"
FIGURES = {
    "LO4-LEZ": component(
        component="LO4-LEZ",
        name="Lezen & <b>luisteren</b>",
        rows=(
            FigureRow(RowKind.SCHOOL, counts=(3, 12, 15, 10, 5), not_assigned=2),
            FigureRow(RowKind.CLASS_GROUP, HOSTILE_GROUP, "2", "=SUM(A1)", (1, 6, 8, 5, 2)),
            FigureRow(RowKind.CLASS_GROUP, "4B"),
        ),
        mean=MeanScore(501.25, 7.1),
        references=(
            Reference(
                ReferenceName.FLANDERS,
                ReferenceKind.DELIVERED,
                (0.08, 0.21, 0.34, 0.25, 0.12),
                0.92,
                0.71,
                MeanScore(502.5, 0.6),
            ),
            Reference(ReferenceName.SIMILAR, ReferenceKind.COMPUTED, basic_literacy=0.9),
        ),
    ),
    "LO4-WIS": hidden(),
}
"""A component with figures, and one without, as the school reads them."""


def seed_products(sessions: Sessions, seeded: Seeded) -> Viewing:
    """Add figures of school feedback, and slots for viewing with one registration."""
    with UnitOfWork(sessions) as unit:
        for code, figures in FIGURES.items():
            add_figures(unit.session, seeded.components[code], figures)
    viewing = seed_viewing(sessions, seeded)
    slot = viewing.slot(2)
    with UnitOfWork(sessions) as unit:
        values = {
            "id": REGISTRATION,
            "administration_id": ADMINISTRATION,
            "school_id": SCHOOL,
            "student_id": seeded.students["first"],
            "slot_id": slot,
            "state": RegistrationState.CONFIRMED,
            "companions": 1,
            "code_hash": b"of no code",
        }
        unit.session.execute(insert(ViewingRegistration).values(values))
    return viewing


def add_figures(session: Session, component_id: int, figures: ComponentFigures) -> None:
    values = {
        "administration_id": ADMINISTRATION,
        "school_id": SCHOOL,
        "component_id": component_id,
        "version": 1,
        "reason": "first",
        "figures": figures_to_json(figures),
        "audit": {"isPassed": True},
        "computed_at": COMPUTED_AT,
    }
    session.execute(insert(SchoolFeedbackSnapshot).values(values))


def open_products(session: Session, until: datetime | None = None) -> None:
    """Open school feedback and test viewing since long ago; `released` opens student feedback."""
    for product in (Product.SCHOOL_FEEDBACK, Product.TEST_VIEWING):
        add_window(session, ADMINISTRATION, product, opens_at=LONG_AGO, closes_at=until)


def count_registrations(sessions: Sessions, *states: RegistrationState) -> int:
    of_states = ViewingRegistration.state.in_(states)
    with UnitOfWork(sessions) as unit:
        query = select(func.count()).select_from(ViewingRegistration).where(of_states)
        return unit.session.scalar(query) or 0
