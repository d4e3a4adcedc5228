"""A delivery ends no recall: it is refused if a component would leave the scope of one."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import Component, TargetGroup
from tests.deliveries.delivery_files import full
from tests.deliveries.delivery_rows import import_applied
from tests.deliveries.test_release_windows import moved, refuse, released
from tests.releasing import add_recall, add_window


@pytest.fixture(autouse=True)
def _open_all(session: Session, tmp_path: Path) -> None:
    """Open the whole administration of a delivery, in every product."""
    import_applied(session, full(), tmp_path)
    opens_at = database_now(session) - timedelta(hours=1)
    for product in Product:
        add_window(session, "2024", product, opens_at=opens_at)


def recall(session: Session, **scope: str) -> UUID:
    """Recall student feedback from a target group or a component, by its code."""
    [(kind, code)] = scope.items()
    groups = select(TargetGroup.id).where(TargetGroup.code == code)
    components = select(Component.id).where(Component.code == code)
    found = session.scalars(groups if kind == "target_group" else components).one()
    return add_recall(session, "2024", Product.STUDENT_FEEDBACK, **{f"{kind}_id": found})


def test_component_that_leaves_a_recalled_target_group_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    """The windows are the same after it, so that it would be released with the import."""
    recalled = recall(unit.session, target_group="LO4")
    assert released(unit.session) == {"LEZ2"}

    place = ("changesRecall", "components.csv", 3, "target_group")
    text = refuse(unit.session, moved(full(2)), tmp_path, place)

    assert f"recall {recalled} would not cover the component any more in studentFeedback" in text
    assert "Recall component WIS4 itself first" in text
    recall(unit.session, component="WIS4")
    import_applied(unit.session, moved(full(2)), tmp_path)
    assert released(unit.session) == {"LEZ2"}


def test_component_that_joins_a_recalled_target_group_is_recalled(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    recall(unit.session, target_group="SO2A")

    import_applied(unit.session, moved(full(2)), tmp_path)

    assert released(unit.session) == {"LEZ4"}
