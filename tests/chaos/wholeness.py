"""What has to hold after every disturbance, whatever it was."""

from collections import Counter
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.documents.models import Document
from shared.documents.repository import DocumentFilter, page_of_documents
from shared.jobs.models import Job
from shared.jobs.rules import ENDED
from shared.storage.store import open_storage
from tests.chaos.plant import Plant

Identity = tuple[str, str, UUID | None, UUID | None]
Bytes = dict[Identity, str]
"""The SHA-256 of the stored bytes of each document."""


def await_end(plant: Plant) -> None:
    """Until no job waits or is under way."""
    active = select(Job.id).where(Job.state.not_in(ENDED))

    def has_ended() -> bool:
        with plant.unit_of_work() as unit:
            return unit.session.scalar(active) is None

    plant.await_(has_ended)


def stored_bytes(plant: Plant) -> Bytes:
    """Reads every document from the store, and holds it against its row."""
    storage = open_storage(plant.settings.storage_url)
    found: Bytes = {}
    with plant.unit_of_work() as unit:
        documents = unit.session.scalars(select(Document)).all()
    for document in documents:
        content = b"".join(storage.stream_segments(document.segments))
        assert len(content) == document.byte_size
        assert sha256(content).digest() == document.sha256
        found[_identity(document)] = document.sha256.hex()
    assert len(found) == len(documents)
    return found


def assert_whole(plant: Plant, undisturbed: Bytes) -> None:
    """All jobs end; each item has ended well, once; what is stored and shown is as undisturbed."""
    await_end(plant)
    with plant.unit_of_work() as unit:
        _assert_settled_once(unit.session)
        _assert_shown_once(unit.session)
    assert stored_bytes(plant) == undisturbed


def _assert_settled_once(session: Session) -> None:
    states = Counter(session.scalars(text("select state from job_items")))
    settlements = Counter(session.scalars(text("select item_id from settlements")))
    problems = session.scalars(text("select problem from job_items where state = 'failed'")).all()
    assert set(states) == {"done"}, (states, problems)
    assert len(settlements) == states["done"]
    assert set(settlements.values()) == {1}


def _assert_shown_once(session: Session) -> None:
    documents = session.scalars(select(Document)).all()
    for school in {document.school_id for document in documents}:
        total, rows = page_of_documents(session, DocumentFilter(school), 0, len(documents))
        shown = [document.id for document, *_ in rows]
        assert total == len(shown) == len(set(shown))
        assert set(shown) == {d.id for d in documents if d.school_id == school}


def _identity(document: Document) -> Identity:
    return document.school_id, document.kind, document.class_group_id, document.student_id
