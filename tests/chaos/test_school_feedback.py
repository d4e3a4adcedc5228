"""Workers that are killed while they compute figures, and build the documents of them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from shared.access.products import Product
from shared.core.locks import lock_until_commit
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import ADMINISTRATION, Deployment
from tests.chaos.invariants import assert_consistent, stored_hashes, wait_for_jobs
from tests.releasing import add_window, remove_windows

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]

TABLES = (
    "school_feedback_members",
    "school_feedback_snapshots",
    "feedback_computations",
    "computed_references",
)
_FIGURES = text("""
    select school_id, component_id, version, reason, figures, audit, shows_school,
        array(select row (student, class_group, level)::text
            from unnest(students, class_groups, levels) as member (student, class_group, level)
            order by 1) as members,
        (select facts_revision || ' ' || reference_state from feedback_computations computed
            where computed.school_id = snapshot.school_id) as facts
    from school_feedback_snapshots snapshot
    join school_feedback_members on snapshot_id = snapshot.id
    order by school_id, component_id, version
""")
_SCHOOLS = text("select school_id from participations order by 1")


@pytest.fixture(name="without_figures")
def _without_figures(deployment: Deployment) -> Iterator[Deployment]:
    """Yield the deployment without figures, and remove what a test computes."""
    _remove_figures(deployment)
    yield deployment
    deployment.recover()
    wait_for_jobs(deployment)
    _remove_figures(deployment)
    with deployment.unit_of_work() as unit:
        remove_windows(unit.session, ADMINISTRATION, Product.SCHOOL_FEEDBACK)


def test_killed_workers_publish_the_same_school_feedback_once(
    without_figures: Deployment, intensity: Intensity, rng: Random
) -> None:
    deployment = without_figures
    for start in (deployment.compute, deployment.build):
        start()
        wait_for_jobs(deployment)
    figures, hashes = _figures(deployment), stored_hashes(deployment)
    kinds = {kind for _, kind, *_ in hashes}
    assert {"schoolFeedbackReport", "schoolFeedbackWorkbook"} < kinds
    _remove_figures(deployment)
    with deployment.unit_of_work() as unit:
        unit.session.execute(text("delete from documents"))
    _kill_in_the_middle(deployment, rng)
    for start in (deployment.compute, deployment.build):
        _kill_at_random(deployment, start, intensity.worker_kills, rng)
    assert _figures(deployment) == figures
    with deployment.unit_of_work() as unit:
        opened_at = datetime.now(UTC) - timedelta(days=1)
        add_window(unit.session, ADMINISTRATION, Product.SCHOOL_FEEDBACK, opens_at=opened_at)
    assert_consistent(deployment, hashes)


def _kill_in_the_middle(deployment: Deployment, rng: Random) -> None:
    """Kill both workers while one waits for the lock of a school."""
    with deployment.unit_of_work() as unit:
        school = rng.choice(unit.session.scalars(_SCHOOLS).all())
        lock_until_commit(unit.session, f"feedback {ADMINISTRATION} {school}")
        deployment.compute()
        deployment.wait_for_work()
        time.sleep(rng.uniform(0, 0.3))
        deployment.kill(*deployment.workers)
    assert deployment.items("running") > 0
    assert school not in {school_id for school_id, *_ in _figures(deployment)}
    deployment.start(*deployment.workers)


def _kill_at_random(
    deployment: Deployment, start: Callable[[], object], kills: int, rng: Random
) -> None:
    start()
    for _ in range(kills):
        deployment.wait_until(lambda: deployment.items("running") or not deployment.items("queued"))
        time.sleep(rng.uniform(0, 0.1))
        deployment.kill(killed := rng.choice(deployment.workers))
        deployment.start(killed)
    wait_for_jobs(deployment)


def _figures(deployment: Deployment) -> list[tuple[Any, ...]]:
    with deployment.unit_of_work() as unit:
        return [tuple(row) for row in unit.session.execute(_FIGURES)]


def _remove_figures(deployment: Deployment) -> None:
    with deployment.unit_of_work() as unit:
        for table in TABLES:
            unit.session.execute(text(f"delete from {table}"))  # names of this file
