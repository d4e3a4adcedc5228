"""Another key for the hashes of INSZ numbers is refused, with the remedy."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.core.errors import Conflict
from shared.deliveries.insz_key import is_stored_key, store_key
from shared.deliveries.models import Delivery, InszKey
from shared.deliveries.service import import_delivery
from shared.students.models import Student
from tests.deliveries.delivery_files import INSZ_KEY, full, run_import
from tests.deliveries.delivery_rows import import_applied

OTHER_KEY = b"another key, which is new, 32 b."


def test_another_key_is_refused_and_nothing_changes(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    hashes = select(Student.insz_hash).order_by(Student.id)
    before = session.scalars(hashes).all()
    path = full(2).write(tmp_path / "second")

    with pytest.raises(Conflict, match="TOETSFEEDBACK_INSZ_KEY_FILE") as refused:
        import_delivery(session, path, insz_key=OTHER_KEY, received_from="tests")

    assert refused.value.code == "otherInszKey"
    assert session.scalars(hashes).all() == before
    assert session.scalar(select(func.count()).select_from(Delivery)) == 1
    assert run_import(session, path).status == "applied"


def test_refused_delivery_stores_no_key(session: Session, tmp_path: Path) -> None:
    invalid = full()
    invalid.set("results.csv", 2, "level", "F")
    path = invalid.write(tmp_path)

    import_delivery(session, path, insz_key=OTHER_KEY, received_from="tests")

    assert is_stored_key(session, INSZ_KEY) is None
    assert import_applied(session, full(), tmp_path).status == "applied"
    assert is_stored_key(session, INSZ_KEY)
    assert is_stored_key(session, OTHER_KEY) is False


def test_check_value_tells_nothing_of_the_key(session: Session) -> None:
    store_key(session, INSZ_KEY)
    store_key(session, INSZ_KEY)

    stored = session.scalars(select(InszKey.check_value)).one()
    assert len(stored) == 32
    assert INSZ_KEY not in stored
    with pytest.raises(Conflict):
        store_key(session, OTHER_KEY)
