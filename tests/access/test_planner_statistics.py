"""EXPLAIN tells the login of the API nothing about values that row policies hide."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import Seeded, seed_schools

STUDENTS = 3000
ADD_STUDENTS = """
    insert into students (administration_id, school_id, class_group_id, delivered_as, family_name,
                          given_name, insz_hash, sort_key)
    select administration_id, school_id, class_group_id, 'more ' || number,
           case when number %% 10 = 0 then 'Peeters' else 'Maes' end, given_name, insz_hash,
           sort_key || number
    from students, generate_series(1, %(students)s) number where id = %(student)s
"""
ADD_RESULTS = """
    insert into results (administration_id, school_id, student_id, component_id, status, level_id,
                         delivery_id)
    select administration_id, school_id, id, %(component)s, 'reported',
           case when family_name = 'Peeters' then %(lowest)s else %(highest)s end, %(delivery)s
    from students where delivered_as like 'more %%'
"""


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, settings: Settings) -> Seeded:
    """Nine in ten of the students have the highest level."""
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session)
    values = {
        "students": STUDENTS,
        "student": seeded.students["first"],
        "component": seeded.components["LO4-LEZ"],
        "lowest": seeded.levels["LO-E"],
        "highest": seeded.levels["LO-A"],
        "delivery": seeded.delivery,
    }
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as owner:
        owner.execute(ADD_STUDENTS, values)
        owner.execute(ADD_RESULTS, values)
        owner.execute("analyze students, results")
    return seeded


def estimates(settings: Settings, table: str, column: str, *values: Any) -> list[int]:
    """Return the rows that the planner expects for each value, for a school before the release."""
    login = settings.database_url.get_secret_value()
    found = []
    with psycopg.connect(login) as api:
        for name, value in (("kind", "school"), ("school", "000028")):
            api.execute("select set_config(%s, %s, true)", [f"toetsfeedback.{name}", value])
        for value in values:
            query = f"explain (format json) select id from {table} where {column} = %s"
            ((plan,),) = psycopg.ClientCursor(api).execute(query, [value]).fetchall()
            found.append(_scanned(plan[0]["Plan"]))
    return found


def _scanned(plan: dict[str, Any]) -> int:
    """Return the largest estimate in a plan."""
    return max([int(plan["Plan Rows"]), *map(_scanned, plan.get("Plans", ()))])


def test_estimates_are_the_same_for_each_level(
    seeded: Seeded, settings_of: Callable[[str], Settings]
) -> None:
    levels = [seeded.levels["LO-E"], seeded.levels["LO-A"]]
    assert len(set(estimates(settings_of("api"), "results", "level_id", *levels))) == 1


@pytest.mark.usefixtures("seeded")
def test_estimates_are_the_same_for_each_name_and_status(
    settings_of: Callable[[str], Settings],
) -> None:
    api = settings_of("api")
    names = "Maes", "Peeters", "Nobody"
    assert len(set(estimates(api, "students", "family_name", *names))) == 1
    assert len(set(estimates(api, "results", "status", "reported", "absent"))) == 1
