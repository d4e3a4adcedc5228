"""What no program and no late change does to an opening."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.release_plans.checks import count_blocked_openings
from shared.releases.models import Opening, OpeningApproval, ReleaseWindow
from tests.api.approved_releases import (
    DAY,
    SOON,
    Release,
    change_a_student,
    planning,
    problem,
    window,
)
from tests.api.conftest import Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import SCHOOL, Seeded


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "planner", "first", "second", "third")


@pytest.fixture
def release(
    sessions: Sessions, persons: Sequence[Operator], settings: Settings
) -> Iterator[Release]:
    with planning(sessions, persons, settings) as release:
        yield release


@pytest.mark.parametrize("program", ["api", "worker", "importer", "operator"])
@pytest.mark.parametrize(
    "statement",
    [
        "insert into opening_approvals select from manifests",
        "update opening_approvals set voided_at = null",
        "update openings set epoch = 1",
        "delete from opening_planners",
        "update manifests set is_complete = true",
        "insert into manifests (number) values (1)",
        "update release_windows set before_plans = true",
        "update recalls set reason = 'x'",
        "delete from opening_changes",
        "select refresh_openings('2024')",
    ],
)
def test_no_program_writes_approvals_itself(
    settings_of: Callable[[str], Settings], program: str, statement: str
) -> None:
    login = settings_of(program).database_url.get_secret_value()
    with (
        psycopg.connect(login) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_seconds_before_it_the_plan_does_not_change_and_facts_wait(
    release: Release, sessions: Sessions
) -> None:
    opening = release.approved(SOON + timedelta(seconds=1))
    refused = release.plan(window(datetime.now(UTC) + DAY))
    assert (refused.status_code, problem(refused)) == (409, "openingImminent")
    with UnitOfWork(sessions) as unit:
        opens_at = unit.session.get_one(Opening, UUID(opening)).opens_at
    change = Thread(target=change_a_student, args=(sessions,))
    change.start()
    late = sessions()
    late.execute(select(func.now()))
    while datetime.now(UTC) < opens_at + timedelta(milliseconds=100):
        assert release.state(opening)[0] in {"ready", "open"}
    change.join()
    assert datetime.now(UTC) > opens_at
    with late:  # it began before the moment
        late.execute(update(ReleaseWindow).values(never=True, opens_at=None, closes_at=None))
        with pytest.raises(DBAPIError, match="about to open"):
            late.execute(text("select refresh_openings('2024')"))
    assert release.state(opening) == ("open", None)


def test_operators_see_counts_and_never_a_student(release: Release, seeded: Seeded) -> None:
    opening = release.approved()
    for path in ("", "/manifest", "/findings"):
        shown = release.persons[1].api.get(f"/v1/openings/{opening}{path}")
        assert shown.status_code == 200
        assert "Familie-" not in shown.text
    documents = f"/v1/schools/{SCHOOL}/documents"
    assert release.persons[1].api.get(documents).status_code == 403
    assert seeded.documents


def test_what_is_not_approved_stays_shut_until_the_plan_gives_a_later_moment(
    release: Release, sessions: Sessions
) -> None:
    opening = release.planned()
    release.pass_time(DAY)
    assert release.state(opening) == ("blocked", "notVerified")
    with UnitOfWork(sessions) as unit:
        blocked = count_blocked_openings(unit.session)
    planned = release.plan(window(datetime.now(UTC) + DAY))
    (later,) = planned.json()["changedOpenings"]
    assert later != opening
    assert release.state(opening)[0] == "withdrawn"
    with UnitOfWork(sessions) as unit:
        assert count_blocked_openings(unit.session) == blocked - 1
    manifest = release.verify(later)
    for person in (1, 2):
        assert release.approve(later, manifest, person).status_code == 200
    release.pass_time(DAY)
    assert release.state(later) == ("open", None)
    with UnitOfWork(sessions) as unit:
        approvals = select(OpeningApproval.manifest_hash).distinct()
        assert len(unit.session.scalars(approvals).all()) == 1
        query = text("select count(*) from released_components where product = :product")
        found = unit.session.execute(query, {"product": Product.STUDENT_FEEDBACK})
        assert found.scalar_one() == 3
