from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.access.decisions import act_for
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.documents.kinds import DocumentKind
from shared.documents.repository import DocumentFilter, referenced_keys
from shared.documents.service import list_documents, read_document
from shared.schools.models import Participation
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
from tests.callers import school_request

ACCESS = school_request(SCHOOL)


@pytest.fixture
def seeded(unit: UnitOfWork, storage: Storage) -> Seeded:
    act_for(unit, ACCESS.caller)
    return seed_schools(unit.session, storage)


def shelved(unit: UnitOfWork, seeded: Seeded, shelf: DocumentFilter) -> list[str]:
    words = {document: word for word, document in seeded.documents.items()}
    total, rows = list_documents(unit, ACCESS, shelf, 0, 50)
    assert total == len(rows)
    return [words[document.id] for document, _, _ in rows]


def test_a_document_is_there_while_all_it_shows_is_released(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    shelf = DocumentFilter(SCHOOL)
    assert shelved(unit, seeded, shelf) == []
    release(unit, component="LO4-LEZ")
    assert shelved(unit, seeded, shelf) == ["reading only"]
    release(unit, timedelta(hours=1), component="LO4-WIS")
    assert shelved(unit, seeded, shelf) == ["reading only"]
    release(unit, component="LO4-WIS")
    everything = ["fiche", "reading only", "school bundle", "bundle", "print", "overview"]
    assert shelved(unit, seeded, shelf) == everything
    assert shelved(unit, seeded, DocumentFilter(SCHOOL, kind=DocumentKind.OVERVIEW)) == ["overview"]


@pytest.mark.parametrize("word", ["fiche", "bundle", "school bundle", "print", "overview"])
def test_one_component_that_closes_closes_the_document(
    unit: UnitOfWork, seeded: Seeded, word: str
) -> None:
    release(unit)
    document, _, _ = read_document(unit, ACCESS, seeded.documents[word])
    assert document.school_id == SCHOOL
    release(unit, timedelta(hours=1), component="LO4-WIS")
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents[word])


@pytest.mark.parametrize("word", ["of other", "of removed", "of gone"])
def test_documents_of_others_and_of_who_was_removed_are_not_there(
    unit: UnitOfWork, seeded: Seeded, word: str
) -> None:
    release(unit)
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents[word])


@pytest.mark.parametrize("removed", [ClassGroup, Participation])
def test_documents_go_with_their_class_group_and_school(
    unit: UnitOfWork, seeded: Seeded, removed: type[ClassGroup | Participation]
) -> None:
    release(unit)
    unit.session.execute(update(removed).values(removed_at=LONG_AGO))
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents["bundle"])


@pytest.mark.usefixtures("seeded")
def test_neither_another_shelf_nor_an_unknown_document_is_there(unit: UnitOfWork) -> None:
    release(unit)
    with pytest.raises(ResourceNotFound):
        list_documents(unit, ACCESS, DocumentFilter(OTHER), 0, 50)
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, uuid4())


@pytest.mark.usefixtures("seeded")
def test_objects_that_a_document_has_bytes_in_are_told_from_strays(session: Session) -> None:
    stored = [*OBJECTS.values(), "documents/stray.zip"]
    assert referenced_keys(session, stored) == set(OBJECTS.values())
    assert referenced_keys(session, stored[1:]) == set(stored[1:2])
    assert referenced_keys(session, []) == set()
