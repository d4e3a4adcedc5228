"""Openings of school feedback: every school has the figures of the present facts, or is a fault."""

from uuid import UUID

import pytest
from sqlalchemy import text

from shared.access.products import Product
from shared.core.unit_of_work import UnitOfWork
from tests.worker.jobs.computing import compute_school
from tests.worker.jobs.verified_deployment import ADMINISTRATION, FIRST, SECOND, Deployment

pytestmark = pytest.mark.usefixtures("nothing_planned")
OUTDATED = {("fault", "feedbackOutdated", school) for school in (FIRST, SECOND)}


def compute(built: Deployment, *schools: str) -> None:
    """Compute the feedback of schools with the login of the worker, and build its documents."""
    for school in schools or (FIRST, SECOND):
        compute_school(built.worker, ADMINISTRATION, school)
    built.build(*schools)


def outdated(built: Deployment) -> set[tuple[str, str, str | None]]:
    """Return the findings about figures, without those about documents."""
    return {found for found in built.findings() if found[1] == "feedbackOutdated"}


def verified(built: Deployment) -> UUID:
    opening = built.opening(Product.SCHOOL_FEEDBACK)
    built.verify(opening)
    return opening


def test_an_opening_needs_the_present_figures_of_every_school(built: Deployment) -> None:
    opening = verified(built)
    assert outdated(built) == OUTDATED
    assert not built.manifest().is_complete
    compute(built, FIRST)
    built.verify(opening)
    assert outdated(built) == {("fault", "feedbackOutdated", SECOND)}
    compute(built, SECOND)
    built.verify(opening)
    assert built.manifest().is_complete
    assert built.manifest().counts["schools"] == 2
    assert built.manifest().counts["snapshots"] > 0


def test_a_correction_of_one_school_changes_the_references_of_all(built: Deployment) -> None:
    compute(built)
    opening = verified(built)
    assert built.is_current(opening)
    built.correct(results=[["s1", "LEZ4", "reported", "D", "1"]])
    assert not built.is_current(opening)
    built.verify(opening)
    assert outdated(built) == OUTDATED
    compute(built)
    built.verify(opening)
    assert built.manifest().is_complete


def test_new_figures_void_a_manifest_and_the_same_figures_do_not(built: Deployment) -> None:
    compute(built)
    opening = verified(built)
    compute(built)
    assert built.is_current(opening)
    with UnitOfWork(built.owner) as unit:
        unit.session.execute(text("delete from school_feedback_members"))
        unit.session.execute(text("delete from school_feedback_snapshots"))
    compute(built)
    assert not built.is_current(opening)
