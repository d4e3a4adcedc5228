"""A refusal at a desk costs the same for a registration of another desk and for an unknown id."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from shared.access.requests import AccessRequest
from shared.access.rules import Reach
from shared.core.database import Sessions, open_engine
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings import desk
from shared.viewings.codes import ViewingKey
from shared.viewings.rules import AnnulmentReason
from tests.access.row_counts import PLANNED_AFTER
from tests.access.test_refusal_costs import Read, cost_of
from tests.api.matrix_callers import CALLERS
from tests.api.matrix_viewings import ViewingTargets
from tests.api.seeding import Seeded

ACCESS = AccessRequest(CALLERS["officer"], "read", "/v1/x", "trace", Reach(frozenset()))


def annul(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> object:
    return desk.annul(unit, access, registration_id, AnnulmentReason.NO_SHOW)


def show_items(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> object:
    return desk.show_items(unit, access, registration_id, "LO4-LEZ")


@pytest.fixture(scope="module")
def api_engine(api_settings: Settings) -> Iterator[Engine]:
    engine = open_engine(api_settings, application_name="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def elsewhere(sessions: Sessions, seeded: Seeded, key: ViewingKey) -> UUID:
    """A registration in ten days, at the location where the officer has a duty today."""
    targets = ViewingTargets(sessions, seeded, key)
    with UnitOfWork(sessions) as unit:
        return UUID(targets.ids(unit, "getViewingRegistration", 1)["registrationId"])


@pytest.mark.parametrize(
    "act", [desk.open_viewing, desk.close_viewing, annul, desk.show_components, show_items]
)
def test_refusals_by_id_read_the_same_rows(api_engine: Engine, elsewhere: UUID, act: Read) -> None:
    _require_same_cost(api_engine, act, elsewhere)


def test_refusals_by_code_read_the_same_rows(
    api_engine: Engine, elsewhere: UUID, key: ViewingKey
) -> None:
    def look_up(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> object:
        return desk.look_up(unit, access, key, key.code_of(registration_id))

    _require_same_cost(api_engine, look_up, elsewhere)


def _require_same_cost(engine: Engine, act: Read, elsewhere: UUID) -> None:
    for _ in range(PLANNED_AFTER):
        cost_of(engine, ACCESS, act, uuid4())
    other = cost_of(engine, ACCESS, act, elsewhere)
    assert any(other[1]["viewing_duties"])
    costs = [cost_of(engine, ACCESS, act, uuid4()) for _ in range(10)]
    assert costs == [other] * len(costs)
