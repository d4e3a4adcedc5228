"""Deliveries that are imported and computed in one transaction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.results.models import Component
from shared.school_feedback.computation import Policies, compute_schools
from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.latest_figures import latest_figures
from shared.schools.repository import participating_schools
from tests.deliveries.delivery_files import DeliveryFiles, run_import
from tests.school_feedback.suppressing import KEY

ADMINISTRATION = "2024"


class Computed:
    """An administration whose figures are computed in one session."""

    def __init__(self, session: Session, directory: Path) -> None:
        self.session = session
        self._directory = directory

    def deliver(self, delivery: DeliveryFiles) -> None:
        path = delivery.write(self._directory / f"delivery-{uuid4()}")
        outcome = run_import(self.session, path)
        assert outcome.status == "applied", outcome.report
        self.session.expire_all()

    def compute(self, policies: Policies | None = None) -> dict[str, int]:
        """Compute all schools together; return what was done."""
        of = self.session, ADMINISTRATION, self._schools()
        computed = compute_schools(*of, policies or Policies(KEY))
        assert not computed.problems
        return computed.outcome

    def figures(self) -> dict[tuple[str, str], ComponentFigures]:
        """Return the latest figures by school and component code."""
        codes = {
            row.id: row.code for row in self.session.execute(select(Component.id, Component.code))
        }
        latest = latest_figures(self.session, ADMINISTRATION, self._schools())
        return {
            (school, codes[component_id]): figures
            for school, of_school in latest.items()
            for component_id, figures in of_school.items()
        }

    def _schools(self) -> list[str]:
        return participating_schools(self.session, ADMINISTRATION)

    def open(self, **values: Any) -> None:
        """Let the school feedback of all components be readable since yesterday."""
        self.session.execute(
            text(
                "insert into release_windows (administration_id, product, component_id, opens_at,"
                " before_plans) select administration_id, 'schoolFeedback', id,"
                " now() - interval '1 day', true from components"
            ),
            values,
        )


@pytest.fixture
def computed(session: Session, tmp_path: Path) -> Computed:
    return Computed(session, tmp_path)


@pytest.fixture
def new_computed(session: Session, tmp_path: Path) -> Callable[[], Computed]:
    return lambda: Computed(session, tmp_path)
