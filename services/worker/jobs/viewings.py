"""The periodic tasks of test viewing: waiting lists, confirmations, and the end of registrations.

Each registration is settled in a transaction of its own, so that locks are taken in one order.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from services.worker.documents.viewing_confirmation import render_confirmation
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.errors import Conflict
from shared.core.locks import lock_until_commit
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage
from shared.viewings import confirmations
from shared.viewings.codes import ViewingKey
from shared.viewings.confirmations import StoredConfirmation, UnconfirmedRow
from shared.viewings.waiting_list import settle_next

MAX_ROUNDS = 500
"""The number of registrations that one run of a task settles at most."""

MIN_ORPHAN_AGE = timedelta(hours=1)
"""The row of a recent object may not be committed yet, or a download still reads it."""
_BATCH = 1000
_CONFIRMATIONS = 50
"""The number of PDFs that one transaction makes: each looks for registrations without one."""


def settle_waiting_lists(sessions: Sessions) -> int:
    """Expire offers and offer free places; return the number of changed registrations."""
    return _repeat(sessions, settle_next)


def make_confirmations(sessions: Sessions, storage: Storage, key: ViewingKey) -> int:
    """Make the PDF of each registration that has none; return their number."""
    made = 0
    while made < MAX_ROUNDS:
        with UnitOfWork(sessions) as unit:
            count = _make_some_confirmations(unit, storage, key)
        made += count
        if count < _CONFIRMATIONS:
            break
    return made


def remove_expired_viewings(unit: UnitOfWork, storage: Storage) -> int:
    """Remove registrations some time after their window, and PDFs without one.

    PDFs that are lost are made again. Return the number of removed registrations.
    """
    lock_until_commit(unit.session, "expired viewings")
    removed = confirmations.remove_expired_registrations(unit.session)
    confirmations.remake_lost(unit.session, storage.sizes(confirmations.PREFIX))
    written_before = database_now(unit.session) - MIN_ORPHAN_AGE
    keys = storage.keys(confirmations.PREFIX, written_before)
    while batch := list(islice(keys, _BATCH)):
        kept = confirmations.stored_keys(unit.session, batch)
        storage.delete(set(batch) - kept)
    return removed


def _make_some_confirmations(unit: UnitOfWork, storage: Storage, key: ViewingKey) -> int:
    """Make some PDFs; no transaction is open while they are rendered and stored."""
    rows = confirmations.unconfirmed(unit.session, _CONFIRMATIONS)
    unit.end_reading()
    made = [_store_confirmation(row, storage, key) for row in rows]
    for stored in made:
        confirmations.add_confirmation(unit.session, stored)
    return len(made)


def _store_confirmation(
    row: UnconfirmedRow, storage: Storage, key: ViewingKey
) -> StoredConfirmation:
    registration_id, version = row.registration.id, row.registration.version
    pdf = render_confirmation(row.content(key.code_of(registration_id)))
    storage.put(confirmations.object_key(registration_id, version), pdf.data)
    return StoredConfirmation(registration_id, version, len(pdf.data), pdf.sha256)


def _repeat(sessions: Sessions, settle: Callable[[UnitOfWork], bool]) -> int:
    for count in range(MAX_ROUNDS):
        try:
            with UnitOfWork(sessions) as unit:
                if not settle(unit):
                    return count
        except Conflict:  # another program took the place meanwhile
            return count
    return MAX_ROUNDS
