"""SQL of reading documents, with the condition of the gate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, false, func, or_, select, union
from sqlalchemy.orm import Session, aliased

from shared.access.products import Product
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.documents.reading_guides.models import ReadingGuide
from shared.releases.repository import components_are_released
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student

_KINDS_OF_PRODUCT = {
    product: [kind for kind in DocumentKind if kind.product is product]
    for product in Product
    if any(kind.product is product for kind in DocumentKind)
}


class DocumentRow(NamedTuple):
    """A document, the name of its class group if it has one, and whether it is released."""

    document: Document
    class_group: str | None
    is_released: bool


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """The documents of one school that match the other fields, of any of these products."""

    school_id: str
    administration_id: str | None = None
    kind: DocumentKind | None = None
    class_group: str | None = None
    student_id: UUID | None = None
    products: Sequence[Product] = tuple(_KINDS_OF_PRODUCT)

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = [Document.school_id == self.school_id]
        if self.administration_id is not None:
            conditions.append(Document.administration_id == self.administration_id)
        if self.kind is not None:
            conditions.append(Document.kind == self.kind)
        if self.class_group is not None:
            conditions.append(ClassGroup.name == self.class_group)
        if self.student_id is not None:
            conditions.append(Document.student_id == self.student_id)
        return conditions


_BY_KIND_AND_CLASS_LIST = ListOrder(
    Document.administration_id,
    Document.kind,
    func.coalesce(ClassGroup.sort_key, ""),
    func.coalesce(Student.sort_key, ""),
    Document.id,
)


def page_of_documents(
    session: Session, wanted: DocumentFilter, selection: PageSelection
) -> Page[DocumentRow]:
    """Return a page of the released documents that match, by kind and as in class lists."""
    released = _documents().where(*wanted.conditions(), _is_released(wanted.products))
    page = page_of_rows(session, released, _BY_KIND_AND_CLASS_LIST, selection)
    return page.map(DocumentRow._make)


def find_document(session: Session, document_id: UUID) -> DocumentRow | None:
    """Return a released document within the reach of the transaction's caller.

    Reach and gate are computed for every id, so that the time tells nothing about a document that
    the caller may not read.
    """
    row = session.execute(_VISIBLE, {"document_id": document_id}).one_or_none()
    return None if row is None else DocumentRow(*row)


def school_of_document(session: Session, document_id: UUID) -> str | None:
    """Return the school of a document that the caller may not see, for the audit log only."""
    return session.scalar(select(func.school_of_document(document_id)))


def student_of_fiche(session: Session, document_id: UUID) -> UUID | None:
    """Return the student of a document that is about one student only."""
    return session.scalar(select(Document.student_id).where(Document.id == document_id))


def kind_of_document(session: Session, document_id: UUID) -> DocumentKind:
    """Return the kind of an existing document, also of one that the caller may not read."""
    return DocumentKind(session.execute(select(func.kind_of_document(document_id))).scalar_one())


def referenced_keys(session: Session, storage_keys: Sequence[str]) -> set[str]:
    """Return the keys to which a document or a reading guide refers; others are orphans."""
    keys = list(storage_keys)
    of_documents = select(func.unnest(Document.storage_keys)).where(
        Document.storage_keys.overlap(keys)
    )
    of_guides = select(ReadingGuide.storage_key).where(ReadingGuide.storage_key.in_(keys))
    return set(keys).intersection(session.scalars(union(of_documents, of_guides)))


def documents_with(
    session: Session, school_id: str, student_id: UUID | None, document_id: UUID | None
) -> Sequence[UUID]:
    """Return the document, or all fiches of the student, and the documents that contain them.

    Bundles and print files contain fiches; the overview contains every student of the school.
    """
    inner, outer = aliased(Document), aliased(Document)
    selected = [inner.school_id == school_id]
    kinds = [DocumentKind.FICHE_BUNDLE, DocumentKind.FICHE_PRINT]
    if document_id is not None:
        selected.append(inner.id == document_id)
    if student_id is not None:
        selected.append(inner.student_id == student_id)
        kinds.append(DocumentKind.OVERVIEW)
    contains = and_(
        outer.administration_id == inner.administration_id,
        outer.school_id == inner.school_id,
        outer.kind.in_(kinds),
        or_(outer.class_group_id.is_(None), outer.class_group_id == inner.class_group_id),
    )
    containers = select(outer.id).join(inner, contains).where(*selected)
    return session.scalars(union(select(inner.id).where(*selected), containers)).all()


def _is_released(products: Iterable[Product] = _KINDS_OF_PRODUCT) -> ColumnElement[bool]:
    """Return the condition of the gate: all components of the document are released."""
    return or_(false(), *(_is_released_of(product) for product in products))


def _is_released_of(product: Product) -> ColumnElement[bool]:
    is_of_product = Document.kind.in_(_KINDS_OF_PRODUCT[product])
    school = Document.administration_id, Document.school_id
    return and_(is_of_product, components_are_released(Document.component_ids, school, product))


def _documents() -> Select[Document, str | None, bool]:
    """Select up-to-date documents, without those of a removed student, class group or school."""
    return (
        select(Document, ClassGroup.name, _is_released())
        .join(
            Participation,
            and_(
                Participation.administration_id == Document.administration_id,
                Participation.school_id == Document.school_id,
            ),
        )
        .outerjoin(ClassGroup, ClassGroup.id == Document.class_group_id)
        .outerjoin(Student, Student.id == Document.student_id)
        .where(
            Participation.removed_at.is_(None),
            Participation.facts_revision == Document.facts_revision,
            ClassGroup.removed_at.is_(None),
            Student.removed_at.is_(None),
        )
    )


_VISIBLE = _documents().where(
    Document.id
    == select(
        func.visible_document(bindparam("document_id", type_=Uuid), type_=Uuid)
    ).scalar_subquery()
)
"""Built once: to build it and its key in caches takes 0.4 ms, at every download."""
