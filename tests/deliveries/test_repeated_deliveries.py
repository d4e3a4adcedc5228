"""A delivery that is submitted again by another client than the one that submitted it."""

from pathlib import Path

from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import correction, full, run_import
from tests.deliveries.delivery_rows import import_applied


def test_correction_of_another_client_is_refused_whether_or_not_it_is_the_same(
    session: Session, tmp_path: Path
) -> None:
    """Otherwise an operator could try the levels of a colleague's correction."""
    import_applied(session, full(), tmp_path / "full")
    right, wrong = (
        correction(2, results=[["s1", "LEZ4", "reported", level, ""]]).write(tmp_path / level)
        for level in "DE"
    )
    assert run_import(session, right).status == "applied"
    guesses = [run_import(session, guess, received_from="other") for guess in (right, wrong)]
    assert [guess.status for guess in guesses] == ["refused", "refused"]
    assert guesses[0].report == guesses[1].report
    assert guesses[0].report["faultCounts"] == {"deliveryIdReused": 1, "sequenceNotNext": 1}
    assert run_import(session, right).status == "unchanged"


def test_full_delivery_is_repeated_by_any_client(session: Session, tmp_path: Path) -> None:
    delivery = full().write(tmp_path / "full")
    assert run_import(session, delivery).status == "applied"
    assert run_import(session, delivery, received_from="other").status == "unchanged"
