from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from shared.idempotency.models import StoredResponse
from shared.idempotency.service import (
    KeyedRequest,
    Response,
    find_response,
    hash_of,
    remove_old_responses,
    store_response,
)


def test_hashes_of_different_parts_differ() -> None:
    different = [("ab", "c"), ("a", "bc"), ("ab", "c", None), ("ab", "c", "None")]
    assert len({hash_of(*parts) for parts in different}) == len(different)


def test_a_response_is_stored_for_a_day(session: Session) -> None:
    request, response = KeyedRequest(hash_of("key"), hash_of("body")), Response(202, None, "{}")
    store_response(session, request, response)
    for age, is_stored in ((timedelta(hours=23, minutes=59), True), (timedelta(hours=25), False)):
        session.execute(update(StoredResponse).values(created_at=func.now() - age))
        assert remove_old_responses(session) == (0 if is_stored else 1)
        session.expire_all()
        assert find_response(session, request) == (response if is_stored else None)
