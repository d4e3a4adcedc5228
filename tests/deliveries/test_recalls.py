"""A delivery ends no recall: what is recalled stays so, or the delivery is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import Component, TargetGroup
from tests.deliveries import test_enrolments
from tests.deliveries.delivery_files import full
from tests.deliveries.delivery_rows import import_applied
from tests.deliveries.test_release_windows import moved, refuse, released, without_component
from tests.releasing import AddedManifest, add_opening, add_persons, add_recall, add_window

RECALLED_FROM, OTHER = test_enrolments.OLD, test_enrolments.NEW
MOVES = ("changesRecall", "students.csv", None, "school")


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


def open_now(session: Session, codes: set[str], **values: Any) -> None:
    """Open components through an opening that two persons approved, such as the end of a recall."""
    opens_at = database_now(session)
    times = {"approved_at": opens_at, "expires_at": opens_at + timedelta(hours=1)}
    persons = add_persons(session, f"first {codes} {values}", f"second {codes} {values}")
    approvals = [{"person_id": person} | times for person in persons]
    components = session.scalars(select(Component.id).where(Component.code.in_(codes)))
    manifest = AddedManifest(component_ids=components.all(), approvals=approvals)
    product = Product.STUDENT_FEEDBACK
    add_opening(session, "2024", product, opens_at, [manifest], **values)


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


def test_component_that_was_away_when_a_recall_ended_stays_recalled(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    """Nobody has approved that it opens again."""
    recalled = add_recall(unit.session, "2024", Product.STUDENT_FEEDBACK)
    import_applied(unit.session, without_component(full(2)), tmp_path)
    open_now(unit.session, {"LEZ4", "LEZ2"}, recall_id=recalled)
    unit.commit()
    assert released(unit.session) == {"LEZ4", "LEZ2"}

    import_applied(unit.session, full(3), tmp_path)
    assert released(unit.session) == {"LEZ4", "LEZ2"}
    open_now(unit.session, {"WIS4"})
    assert released(unit.session) == {"LEZ4", "WIS4", "LEZ2"}


def test_component_added_again_to_a_school_whose_recall_ended_without_it_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    product = Product.STUDENT_FEEDBACK
    recalled = add_recall(unit.session, "2024", product, school_id=RECALLED_FROM)
    import_applied(unit.session, without_component(full(2)), tmp_path)
    open_now(unit.session, {"LEZ4", "LEZ2"}, recall_id=recalled)
    unit.commit()

    place = ("changesRecall", "components.csv", 3, "target_group")
    text = refuse(unit.session, full(3), tmp_path, place)

    assert f"recall {recalled} of studentFeedback from school {RECALLED_FROM} ended" in text
    add_recall(unit.session, "2024", product, school_id=RECALLED_FROM)
    import_applied(unit.session, full(3), tmp_path)


@pytest.mark.parametrize("mode", ["correction", "full"])
def test_student_who_leaves_a_recalled_school_is_refused(
    unit: UnitOfWork, tmp_path: Path, mode: str
) -> None:
    """The results would be read at once in the other school, from which nothing is recalled."""
    product = Product.STUDENT_FEEDBACK
    recalled = add_recall(unit.session, "2024", product, school_id=RECALLED_FROM)
    move = test_enrolments.moved(2, mode=mode)

    text = refuse(unit.session, move, tmp_path, MOVES)

    assert f"Recall {recalled} of studentFeedback from school {RECALLED_FROM} would not" in text
    assert "cover 1 student any more" in text
    add_recall(unit.session, "2024", product, school_id=OTHER)
    import_applied(unit.session, move, tmp_path)


def test_student_whose_enrolment_in_a_recalled_school_ended_does_not_come_back_elsewhere(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    product = Product.STUDENT_FEEDBACK
    add_recall(unit.session, "2024", product, school_id=RECALLED_FROM)
    *_, ended, active = test_enrolments.moved(2).rows["students.csv"]
    import_applied(unit.session, test_enrolments.enrolments(2, ended), tmp_path)

    refuse(unit.session, test_enrolments.enrolments(3, active), tmp_path, MOVES)


def test_students_come_into_a_recalled_school(unit: UnitOfWork, tmp_path: Path) -> None:
    add_recall(unit.session, "2024", Product.STUDENT_FEEDBACK, school_id=OTHER)
    import_applied(unit.session, test_enrolments.moved(2), tmp_path)
