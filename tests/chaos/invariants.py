"""Invariants that are true after every fault."""

from collections import Counter
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.core.paging import PageSelection
from shared.documents.models import Document
from shared.documents.repository import DocumentFilter, page_of_documents
from shared.jobs.models import Job
from shared.jobs.rules import ENDED
from shared.storage.store import open_storage
from tests.chaos.deployment import Deployment

Identity = tuple[str, str, UUID | None, UUID | None]
DocumentHashes = dict[Identity, str]
"""The SHA-256 of the stored bytes of each document."""


def wait_for_jobs(deployment: Deployment) -> None:
    """Wait until every job has ended."""
    active = select(Job.id).where(Job.state.not_in(ENDED))

    def has_ended() -> bool:
        with deployment.unit_of_work() as unit:
            return unit.session.scalar(active) is None

    deployment.wait_until(has_ended)


def stored_hashes(deployment: Deployment) -> DocumentHashes:
    """Read every document from the object store, compare it with its row, and return its hash."""
    storage = open_storage(deployment.settings.storage_url)
    found: DocumentHashes = {}
    with deployment.unit_of_work() as unit:
        documents = unit.session.scalars(select(Document)).all()
    keys = {segment.key for document in documents for segment in document.segments}
    objects = {key: storage.read(key) for key in keys}
    for document in documents:
        content = b"".join(
            objects[segment.key][segment.offset :][: segment.size] for segment in document.segments
        )
        assert len(content) == document.byte_size
        assert sha256(content).digest() == document.sha256
        found[_identity(document)] = document.sha256.hex()
    assert len(found) == len(documents)
    return found


def assert_consistent(deployment: Deployment, reference: DocumentHashes) -> None:
    """Assert that each item succeeded once, and that the documents are those of the reference."""
    wait_for_jobs(deployment)
    with deployment.unit_of_work() as unit:
        _assert_completed_once(unit.session)
        _assert_listed_once(unit.session)
    assert stored_hashes(deployment) == reference


def _assert_completed_once(session: Session) -> None:
    states = Counter(session.scalars(text("select state from job_items")))
    completions = Counter(session.scalars(text("select item_id from completions")))
    problems = session.scalars(text("select problem from job_items where state = 'failed'")).all()
    assert set(states) == {"done"}, (states, problems)
    assert len(completions) == states["done"]
    assert set(completions.values()) == {1}


def _assert_listed_once(session: Session) -> None:
    documents = session.scalars(select(Document)).all()
    for school in {document.school_id for document in documents}:
        page = page_of_documents(session, DocumentFilter(school), PageSelection(len(documents)))
        listed = [document.id for document, *_ in page.rows]
        assert page.total == len(listed) == len(set(listed))
        assert set(listed) == {d.id for d in documents if d.school_id == school}


def _identity(document: Document) -> Identity:
    return document.school_id, document.kind, document.class_group_id, document.student_id
