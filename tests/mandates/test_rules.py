"""The state of a mandate exists twice, as a rule and in SQL; both always agree."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from shared.access.products import MANDATE_PRODUCTS, Product
from shared.core.clock import database_now, database_today
from shared.mandates.models import Mandate
from shared.mandates.repository import mandated_schools
from shared.mandates.rules import MandateState, Term, state_of

SCHOOL = "000028"
DAYS = st.sampled_from([-400, -1, 0, 1, 400])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    begins=DAYS,
    lasts=st.sampled_from([0, 1, 400]),
    is_revoked=st.booleans(),
    products=st.sets(st.sampled_from(MANDATE_PRODUCTS), min_size=1),
)
def test_view_and_rule_have_the_same_mandates_in_force(
    engine: Engine, *, begins: int, lasts: int, is_revoked: bool, products: set[Product]
) -> None:
    with Session(engine) as session:
        today = database_today(session)
        begin = today + timedelta(days=begins)
        revoked_at = database_now(session) if is_revoked else None
        term = Term(begin, begin + timedelta(days=lasts), revoked_at)
        session.execute(
            insert(Mandate).values(
                school_id=SCHOOL,
                client="vendor",
                products=sorted(products),
                from_on=term.from_on,
                until_on=term.until_on,
                revoked_at=revoked_at,
                purpose="tests",
                decided_by="tests",
            )
        )
        is_in_force = state_of(term, today) is MandateState.IN_FORCE
        for product in Product:
            shared = mandated_schools(session, "vendor", product, None).keys()
            assert shared == ({SCHOOL} if is_in_force and product in products else set())
        assert mandated_schools(session, "vendor", None, SCHOOL).keys() == (
            {SCHOOL} if is_in_force else set()
        )
        assert mandated_schools(session, "another", None, None) == {}


@pytest.mark.parametrize("state", MandateState)
def test_expired_and_revoked_mandates_are_over(state: MandateState) -> None:
    assert state.is_over == (state in {MandateState.EXPIRED, MandateState.REVOKED})
