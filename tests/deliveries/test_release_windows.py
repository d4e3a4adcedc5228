"""A delivery changes the meaning of no release window: it is refused, or the meaning is kept."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.releases.repository import released_components
from shared.results.models import Component
from tests.deliveries.delivery_changes import Place, add_row, remove_row, set_value
from tests.deliveries.delivery_files import (
    Change,
    DeliveryFiles,
    correction,
    full,
    places,
    run_import,
    table_contents,
)
from tests.deliveries.delivery_rows import current_results, import_applied
from tests.releasing import add_window, remove_window

KIND = "changesReleaseWindow"
MOVED: Place = (KIND, "components.csv", 3, "target_group")
COMPONENTS_GONE: Place = (KIND, "components.csv", None, "component")
GROUP_GONE: Place = (KIND, "target_groups.csv", None, "target_group")


@pytest.fixture(autouse=True)
def first_delivery(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)


@pytest.fixture
def open_all(unit: UnitOfWork, first_delivery: None) -> None:  # noqa: ARG001  # has the administration
    """Open the whole administration, in every product."""
    opens_at = database_now(unit.session) - timedelta(hours=1)
    for product in Product:
        add_window(unit.session, "2024", product, opens_at=opens_at)


def never(unit: UnitOfWork, **scope: str) -> UUID:
    return add_window(unit.session, "2024", **scope, never=True)  # type: ignore[arg-type]


def released(session: Session) -> set[str]:
    query = (
        select(Component.code)
        .join(released_components, released_components.c.component_id == Component.id)
        .where(released_components.c.product == Product.STUDENT_FEEDBACK)
    )
    return set(session.scalars(query))


def moved(delivery: DeliveryFiles) -> DeliveryFiles:
    """Move WIS4 from LO4 to SO2A, and leave out its result of a student of LO4."""
    delivery.set("components.csv", 3, "target_group", "SO2A")
    delivery.remove("results.csv", 3)
    return delivery


def without_component(delivery: DeliveryFiles) -> DeliveryFiles:
    delivery.remove("components.csv", 3)
    for line in (7, 6, 5):
        delivery.remove("level_descriptions.csv", line)
    delivery.remove("results.csv", 3)
    return delivery


def without_target_group(delivery: DeliveryFiles) -> DeliveryFiles:
    delivery.remove("target_groups.csv", 3)
    delivery.remove("components.csv", 5)
    for line in (9, 8):
        delivery.remove("level_descriptions.csv", line)
    delivery.remove("class_groups.csv", 4)
    delivery.remove("students.csv", 5)
    delivery.remove("results.csv", 7)
    delivery.remove("item_results.csv", 4)
    return delivery


def changed(change: Change) -> DeliveryFiles:
    delivery = full(2)
    change(delivery)
    return delivery


def refuse(session: Session, delivery: DeliveryFiles, directory: Path, *expected: Place) -> str:
    """Import a delivery that must be refused; return the first fault as text."""
    before = table_contents(session)
    outcome = run_import(session, delivery.write(directory / "refused"))
    assert (outcome.status, places(outcome)) == ("refused", list(expected))
    assert table_contents(session) == before
    fault = outcome.report["faults"][0]
    return f"{fault['detail']} {fault['remedy']}"


@pytest.mark.usefixtures("open_all")
def test_never_of_a_component_follows_it_to_another_target_group(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    never(unit, component="WIS4")
    assert released(unit.session) == {"LEZ4", "LEZ2"}

    import_applied(unit.session, moved(full(2)), tmp_path)

    assert released(unit.session) == {"LEZ4", "LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_moved_component_that_its_target_group_decides_about_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    window = never(unit, target_group="LO4")

    text = refuse(unit.session, moved(full(2)), tmp_path, MOVED)

    assert f"release window {window}" in text
    assert "Plan a release window of studentFeedback for component WIS4" in text
    never(unit, component="WIS4")
    import_applied(unit.session, moved(full(2)), tmp_path)
    assert released(unit.session) == {"LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_correction_that_moves_a_component_is_refused(unit: UnitOfWork, tmp_path: Path) -> None:
    import_applied(
        unit.session, correction(2, results=[["s1", "WIS4", "withdrawn", "", ""]]), tmp_path
    )
    window = never(unit, target_group="LO4")
    move = correction(3, components=[["WIS4", "SO2A", "wiskunde", "Rekenen", "2", "false", "LO"]])

    text = refuse(unit.session, move, tmp_path, (KIND, "components.csv", 2, "target_group"))

    assert f"release window {window}" in text


@pytest.mark.usefixtures("open_all")
def test_component_moved_into_an_open_target_group_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    window = add_window(unit.session, "2024", Product.SCHOOL_FEEDBACK, target_group="SO2A")

    text = refuse(unit.session, moved(full(2)), tmp_path, MOVED)

    assert f"release window {window}" in text
    assert Product.SCHOOL_FEEDBACK in text


@pytest.mark.usefixtures("open_all")
def test_moved_component_that_the_same_windows_decide_about_is_applied(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, moved(full(2)), tmp_path)

    assert released(session) == {"LEZ4", "WIS4", "LEZ2"}


def test_component_without_windows_is_moved(session: Session, tmp_path: Path) -> None:
    import_applied(session, moved(full(2)), tmp_path)

    assert released(session) == set()


@pytest.mark.usefixtures("open_all")
def test_calibration_that_a_wide_window_would_release_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    no_calibration = changed(set_value("components.csv", 4, "calibration", "false"))
    add_row("level_descriptions.csv", "KAL4", "E", "Meet.")(no_calibration)
    place: Place = (KIND, "components.csv", 4, "calibration")

    refuse(unit.session, no_calibration, tmp_path, *[place] * len(Product))

    for product in Product:
        add_window(unit.session, "2024", product, component="KAL4", never=True)
    import_applied(unit.session, no_calibration, tmp_path)
    assert released(unit.session) == {"LEZ4", "WIS4", "LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_component_that_becomes_a_calibration_is_closed(session: Session, tmp_path: Path) -> None:
    import_applied(
        session, changed(set_value("components.csv", 3, "calibration", "true")), tmp_path
    )

    assert released(session) == {"LEZ4", "LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_removed_component_with_a_window_is_refused_until_the_window_is_removed(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    window = never(unit, component="WIS4")

    text = refuse(unit.session, without_component(full(2)), tmp_path, COMPONENTS_GONE)

    assert f"release window {window}" in text
    remove_window(unit.session, window)
    import_applied(unit.session, without_component(full(2)), tmp_path)


@pytest.mark.usefixtures("open_all")
def test_removed_target_group_with_a_window_is_refused_until_the_window_is_removed(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    window = never(unit, target_group="SO2A")

    text = refuse(unit.session, without_target_group(full(2)), tmp_path, GROUP_GONE)

    assert f"release window {window}" in text
    remove_window(unit.session, window)
    import_applied(unit.session, without_target_group(full(2)), tmp_path)


@pytest.mark.usefixtures("open_all")
def test_component_added_again_to_another_target_group_is_refused(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    """A component that was away in between is not a new one."""
    never(unit, target_group="LO4")
    import_applied(unit.session, without_component(full(2)), tmp_path)

    refuse(unit.session, moved(full(3)), tmp_path, MOVED)

    never(unit, component="WIS4")
    import_applied(unit.session, moved(full(3)), tmp_path)
    assert released(unit.session) == {"LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_component_added_again_has_the_windows_it_had(unit: UnitOfWork, tmp_path: Path) -> None:
    import_applied(unit.session, without_component(full(2)), tmp_path)
    never(unit, component="WIS4")

    import_applied(unit.session, full(3), tmp_path)

    assert released(unit.session) == {"LEZ4", "LEZ2"}


@pytest.mark.usefixtures("open_all")
def test_renamed_levels_change_no_window(unit: UnitOfWork, tmp_path: Path) -> None:
    never(unit, component="WIS4")
    renamed = full(2)
    for file, column in (
        ("levels.csv", 1),
        ("level_descriptions.csv", 1),
        ("results.csv", 3),
    ):
        for row in renamed.rows[file][1:]:
            row[column] = {"E": "Z", "D": "Y", "C": "X"}.get(row[column], row[column])

    import_applied(unit.session, renamed, tmp_path)

    assert released(unit.session) == {"LEZ4", "LEZ2"}
    assert {row[4] for row in current_results(unit.session)} == {"X", "Y", "Z", "A", None}


@pytest.mark.usefixtures("open_all")
def test_school_with_a_successor_changes_no_window(unit: UnitOfWork, tmp_path: Path) -> None:
    never(unit, component="WIS4")
    succeeded = full(2)
    succeeded.set("schools.csv", 2, "school", "000111")
    succeeded.set("schools.csv", 2, "successor_of", "000028")
    for file, column in (("class_groups.csv", 0), ("students.csv", 1)):
        for row in succeeded.rows[file][1:]:
            row[column] = row[column].replace("000028", "000111")

    import_applied(unit.session, succeeded, tmp_path)

    assert released(unit.session) == {"LEZ4", "LEZ2"}
    assert {row[1] for row in current_results(unit.session)} == {"000111", "007947"}


@pytest.mark.usefixtures("open_all")
def test_student_who_moves_has_the_windows_of_the_new_components(
    unit: UnitOfWork, tmp_path: Path
) -> None:
    never(unit, target_group="SO2A")
    mover = full(2)
    mover.set("students.csv", 5, "class_group", "4C")
    mover.set("results.csv", 7, "component", "LEZ4")
    mover.set("results.csv", 7, "level", "C")
    remove_row("item_results.csv", 4)(mover)

    import_applied(unit.session, mover, tmp_path)

    assert released(unit.session) == {"LEZ4", "WIS4"}
    assert [row[2] for row in current_results(unit.session) if row[0] == "s4"] == ["LEZ4"]
