from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from shared.idempotency.models import KeptAnswer
from shared.idempotency.service import (
    Answer,
    KeyedRequest,
    hash_of,
    keep,
    recall,
    remove_old_answers,
)


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    told_apart = [("ab", "c"), ("a", "bc"), ("ab", "c", None), ("ab", "c", "None")]
    assert len({hash_of(*parts) for parts in told_apart}) == len(told_apart)


def test_an_answer_is_kept_for_a_day(session: Session) -> None:
    request, answer = KeyedRequest(hash_of("key"), hash_of("asked")), Answer(202, None, "{}")
    keep(session, request, answer)
    for age, is_kept in ((timedelta(hours=23, minutes=59), True), (timedelta(hours=25), False)):
        session.execute(update(KeptAnswer).values(created_at=func.now() - age))
        assert remove_old_answers(session) == (0 if is_kept else 1)
        session.expire_all()
        assert recall(session, request) == (answer if is_kept else None)
