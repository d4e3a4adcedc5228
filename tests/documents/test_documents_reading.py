from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.access.decisions import act_for
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
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


def listed(unit: UnitOfWork, seeded: Seeded, document_filter: DocumentFilter) -> list[str]:
    labels = {document: label for label, document in seeded.documents.items()}
    page = list_documents(unit, ACCESS, document_filter, PageSelection(50))
    assert page.total == len(page.rows)
    return [labels[document.id] for document, _, _ in page.rows]


def test_a_document_is_listed_while_all_its_components_are_released(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    document_filter = DocumentFilter(SCHOOL)
    assert listed(unit, seeded, document_filter) == []
    release(unit, component="LO4-LEZ")
    assert listed(unit, seeded, document_filter) == ["reading only"]
    release(unit, timedelta(hours=1), component="LO4-WIS")
    assert listed(unit, seeded, document_filter) == ["reading only"]
    release(unit, component="LO4-WIS")
    everything = ["fiche", "reading only", "school bundle", "bundle", "print", "overview"]
    assert listed(unit, seeded, document_filter) == everything
    assert listed(unit, seeded, DocumentFilter(SCHOOL, kind=DocumentKind.OVERVIEW)) == ["overview"]


@pytest.mark.parametrize("label", ["fiche", "bundle", "school bundle", "print", "overview"])
def test_a_document_with_an_unreleased_component_is_not_found(
    unit: UnitOfWork, seeded: Seeded, label: str
) -> None:
    release(unit)
    document, _, _ = read_document(unit, ACCESS, seeded.documents[label])
    assert document.school_id == SCHOOL
    release(unit, timedelta(hours=1), component="LO4-WIS")
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents[label])


@pytest.mark.parametrize("label", ["of other", "of removed", "of gone"])
def test_documents_of_other_schools_and_removed_students_are_not_found(
    unit: UnitOfWork, seeded: Seeded, label: str
) -> None:
    release(unit)
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents[label])


@pytest.mark.parametrize("removed", [ClassGroup, Participation])
def test_documents_of_a_removed_class_group_or_school_are_not_found(
    unit: UnitOfWork, seeded: Seeded, removed: type[ClassGroup | Participation]
) -> None:
    release(unit)
    unit.session.execute(update(removed).values(removed_at=LONG_AGO))
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, seeded.documents["bundle"])


@pytest.mark.usefixtures("seeded")
def test_documents_out_of_reach_and_unknown_ones_are_not_found(unit: UnitOfWork) -> None:
    release(unit)
    with pytest.raises(ResourceNotFound):
        list_documents(unit, ACCESS, DocumentFilter(OTHER), PageSelection(50))
    with pytest.raises(ResourceNotFound):
        read_document(unit, ACCESS, uuid4())


@pytest.mark.usefixtures("seeded")
def test_referenced_objects_are_distinguished_from_orphans(session: Session) -> None:
    stored = [*OBJECTS.values(), "documents/orphan.zip"]
    assert referenced_keys(session, stored) == set(OBJECTS.values())
    assert referenced_keys(session, stored[1:]) == set(stored[1:2])
    assert referenced_keys(session, []) == set()
