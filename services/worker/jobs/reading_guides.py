"""The periodic task that stores and publishes the reading guides of this version."""

from services.worker.documents.reading_guides import bundled_guides
from shared.core.unit_of_work import UnitOfWork
from shared.documents.reading_guides.service import publish_guides
from shared.storage.store import Storage


def publish_bundled_guides(unit: UnitOfWork, storage: Storage) -> int:
    """Store the guides if they are not in the store; return the number of rows that changed."""
    guides = bundled_guides()
    guides.require_stored(storage)
    return publish_guides(unit.session, guides.guides)
