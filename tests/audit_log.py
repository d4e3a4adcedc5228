"""Append what waits for the audit log, as a worker does."""

from shared.audit import service
from shared.core.unit_of_work import UnitOfWork


def append_pending(unit: UnitOfWork) -> None:
    """Append all stored events to their chains, some in each transaction.

    A second call in one transaction would lock rows after chains, and could deadlock.
    """
    while service.append_pending(unit.session):
        unit.commit()
