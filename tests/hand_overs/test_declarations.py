from datetime import date, timedelta

import pytest

from shared.core.clock import database_today
from shared.core.errors import Conflict, InvalidInput, MissingPermission, ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations.rules import open_school_years
from shared.hand_overs.declarations.service import (
    declare,
    list_declarations,
    read_declaration,
    withdraw_declaration,
)
from tests.callers import OPERATOR, integrator_request, school_request

ACCESS, OTHER_ACCESS = school_request("000028"), school_request("007947")
ALL = PageSelection(10)


@pytest.fixture
def today(unit: UnitOfWork) -> date:
    return database_today(unit.session)


@pytest.fixture
def school_years(today: date) -> tuple[str, str]:
    return open_school_years(today)


def test_a_school_declares_once_per_school_year(
    unit: UnitOfWork, today: date, school_years: tuple[str, str]
) -> None:
    current, following = school_years
    declaration = declare(unit, ACCESS, current, None).declaration
    assert (declaration.school_id, declaration.declared_on) == ("000028", today)
    with pytest.raises(Conflict, match="withdraw it"):
        declare(unit, ACCESS, current, None)
    declare(unit, ACCESS, following, None)
    declare(unit, OTHER_ACCESS, current, None)
    listed = list_declarations(unit.session, ACCESS, None, ALL)
    assert [row.declaration.school_year for row in listed.rows] == [following, current]
    of_current = list_declarations(unit.session, ACCESS, current, ALL)
    assert [row.declaration.id for row in of_current.rows] == [declaration.id]


def test_a_withdrawn_declaration_stays_and_gives_way_to_another(
    unit: UnitOfWork, school_years: tuple[str, str]
) -> None:
    first = declare(unit, ACCESS, school_years[0], None)
    withdrawn = withdraw_declaration(unit, ACCESS, first.declaration.id)
    assert withdrawn.withdrawn_at is not None
    assert withdraw_declaration(unit, ACCESS, first.declaration.id) == withdrawn
    second = declare(unit, ACCESS, school_years[0], None)
    listed = list_declarations(unit.session, ACCESS, None, ALL).rows
    assert [row.declaration.id for row in listed] == [second.declaration.id, first.declaration.id]
    assert [row.withdrawn_at for row in listed] == [None, withdrawn.withdrawn_at]


def test_a_declaration_is_dated_in_the_last_year_and_about_an_open_school_year(
    unit: UnitOfWork, today: date, school_years: tuple[str, str]
) -> None:
    for day in (today + timedelta(days=1), today - timedelta(days=400)):
        with pytest.raises(InvalidInput, match="last year"):
            declare(unit, ACCESS, school_years[0], day)
    for school_year in ("2019-2020", "2024-2026", "2999-3000"):
        with pytest.raises(InvalidInput, match=" or ".join(school_years)):
            declare(unit, ACCESS, school_year, None)
    last_month = today - timedelta(days=30)
    assert declare(unit, ACCESS, school_years[0], last_month).declaration.declared_on == last_month


def test_a_declaration_belongs_to_its_school(
    unit: UnitOfWork, school_years: tuple[str, str]
) -> None:
    declaration_id = declare(unit, ACCESS, school_years[0], None).declaration.id
    assert list_declarations(unit.session, OTHER_ACCESS, None, ALL).rows == []
    for act in (read_declaration, withdraw_declaration):
        with pytest.raises(ResourceNotFound):
            act(unit, OTHER_ACCESS, declaration_id)
    for access in (OPERATOR, integrator_request("vendor", {"000028": "Report book"})):
        with pytest.raises(MissingPermission):
            declare(unit, access, school_years[1], None)
