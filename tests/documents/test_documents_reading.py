from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.audit.service import Actor
from shared.core.errors import ResourceNotFound
from shared.documents.kinds import DocumentKind
from shared.documents.repository import Shelf, referenced
from shared.documents.service import list_documents, read_document
from shared.schools.models import Participation
from shared.schools.service import Inquiry
from shared.storage.store import Storage
from shared.students.models import ClassGroup
from tests.api.seeding import (
    LONG_AGO,
    OBJECTS,
    OTHER,
    SCHOOL,
    Seeded,
    release,
    seed_schools,
)

INQUIRY = Inquiry(Actor("client", "school", SCHOOL, None), "read", "/v1/x", frozenset({SCHOOL}))


@pytest.fixture
def seeded(session: Session, storage: Storage) -> Seeded:
    return seed_schools(session, storage)


def shelved(session: Session, seeded: Seeded, shelf: Shelf) -> list[str]:
    words = {document: word for word, document in seeded.documents.items()}
    total, rows = list_documents(session, INQUIRY, shelf, 0, 50)
    assert total == len(rows)
    return [words[document.id] for document, _, _ in rows]


def test_a_document_is_there_while_all_it_shows_is_released(
    session: Session, seeded: Seeded
) -> None:
    shelf = Shelf(SCHOOL)
    assert shelved(session, seeded, shelf) == []
    release(session, component="LO4-LEZ")
    assert shelved(session, seeded, shelf) == ["reading only"]
    release(session, timedelta(hours=1), component="LO4-WIS")
    assert shelved(session, seeded, shelf) == ["reading only"]
    release(session, component="LO4-WIS")
    everything = ["fiche", "reading only", "school bundle", "bundle", "print", "overview"]
    assert shelved(session, seeded, shelf) == everything
    assert shelved(session, seeded, Shelf(SCHOOL, kind=DocumentKind.OVERVIEW)) == ["overview"]


@pytest.mark.parametrize("word", ["fiche", "bundle", "school bundle", "print", "overview"])
def test_one_component_that_closes_closes_the_document(
    session: Session, seeded: Seeded, word: str
) -> None:
    release(session)
    document, _, _ = read_document(session, INQUIRY, seeded.documents[word])
    assert document.school_id == SCHOOL
    release(session, timedelta(hours=1), component="LO4-WIS")
    with pytest.raises(ResourceNotFound):
        read_document(session, INQUIRY, seeded.documents[word])


@pytest.mark.parametrize("word", ["of other", "of removed", "of gone"])
def test_documents_of_others_and_of_who_was_removed_are_not_there(
    session: Session, seeded: Seeded, word: str
) -> None:
    release(session)
    with pytest.raises(ResourceNotFound):
        read_document(session, INQUIRY, seeded.documents[word])


@pytest.mark.parametrize("removed", [ClassGroup, Participation])
def test_documents_go_with_their_class_group_and_school(
    session: Session, seeded: Seeded, removed: type[ClassGroup | Participation]
) -> None:
    release(session)
    session.execute(update(removed).values(removed_at=LONG_AGO))
    with pytest.raises(ResourceNotFound):
        read_document(session, INQUIRY, seeded.documents["bundle"])


@pytest.mark.usefixtures("seeded")
def test_neither_another_shelf_nor_an_unknown_document_is_there(session: Session) -> None:
    release(session)
    with pytest.raises(ResourceNotFound):
        list_documents(session, INQUIRY, Shelf(OTHER), 0, 50)
    with pytest.raises(ResourceNotFound):
        read_document(session, INQUIRY, uuid4())


@pytest.mark.usefixtures("seeded")
def test_objects_that_a_document_has_bytes_in_are_told_from_strays(session: Session) -> None:
    stored = [*OBJECTS.values(), "documents/stray.zip"]
    assert referenced(session, stored) == set(OBJECTS.values())
    assert referenced(session, stored[1:]) == set(stored[1:2])
    assert referenced(session, []) == set()
