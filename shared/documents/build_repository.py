"""SQL of builds: read the facts of one school in a fixed number of queries, write its documents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Row,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.locks import lock_until_commit
from shared.documents.catalogues import Catalogue, CatalogueCache
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.releases.models import ReleaseWindow
from shared.releases.rules import Window
from shared.results.models import Administration, Result
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student


@dataclass(frozen=True, slots=True)
class SchoolRows:
    """The facts of one school in one administration."""

    participation: Participation
    catalogue: Catalogue
    windows: Sequence[Window]
    viewing_windows: Sequence[Window]
    students: Sequence[Row[Student, ClassGroup]]
    results: Sequence[Row[UUID, int, str, int | None]]


BUILT_PRODUCT = DocumentKind.FICHE.product
"""The product of the documents that are built for a school."""

# Constructed once: that can take longer than the execution.
_ADMINISTRATION: BindParameter[str] = bindparam("administration_id")
_SCHOOL: BindParameter[str] = bindparam("school_id")
_WINDOWS = select(
    ReleaseWindow.product,
    ReleaseWindow.target_group_id,
    ReleaseWindow.component_id,
    ReleaseWindow.opens_at,
    ReleaseWindow.closes_at,
    ReleaseWindow.never,
).where(
    ReleaseWindow.administration_id == _ADMINISTRATION,
    ReleaseWindow.product.in_((BUILT_PRODUCT, Product.TEST_VIEWING)),
)
_STUDENTS = (
    select(Student, ClassGroup)
    .join(ClassGroup, ClassGroup.id == Student.class_group_id)
    .where(
        Student.administration_id == _ADMINISTRATION,
        Student.school_id == _SCHOOL,
        Student.removed_at.is_(None),
    )
)
_RESULTS = select(Result.student_id, Result.component_id, Result.status, Result.level_id).where(
    Result.school_id == _SCHOOL,
    Result.administration_id == _ADMINISTRATION,
    Result.superseded_at.is_(None),
)


def lock_school(session: Session, administration_id: str, school_id: str) -> None:
    """Lock the documents of a school for this build; another build waits until the commit."""
    lock_until_commit(session, f"documents {administration_id} {school_id}")


def locked_revision(session: Session, administration_id: str, school_id: str) -> int | None:
    """Return the facts revision of a school, which no delivery changes until the commit."""
    query = select(Participation.facts_revision).where(
        Participation.administration_id == administration_id,
        Participation.school_id == school_id,
    )
    return session.scalar(query.with_for_update(read=True))


_STATE = text("""
    select count(*) || '/' || coalesce(sum(hashtextextended(concat(id, '/', version), 0)), 0)
    from documents where administration_id = :administration_id and school_id = :school_id
""")


def documents_state(session: Session, administration_id: str, school_id: str) -> str:
    """Return a text that differs after each build that changed a document of the school."""
    school = {"administration_id": administration_id, "school_id": school_id}
    return str(session.execute(_STATE, school).scalar_one())


def load_school(
    session: Session, catalogues: CatalogueCache, administration_id: str, school_id: str
) -> SchoolRows | None:
    """Load the current facts of a school; None if it does not take part.

    The participation is read first, so that the other facts are at least as new as its revision.
    """
    participation = session.get(Participation, (administration_id, school_id))
    if participation is None or participation.removed_at is not None:
        return None
    school = {"administration_id": administration_id, "school_id": school_id}
    windows: dict[str, list[Window]] = {}
    for row in session.execute(_WINDOWS, school):
        windows.setdefault(row[0], []).append(Window(*row[1:]))
    return SchoolRows(
        participation=participation,
        catalogue=catalogues.current(session, administration_id),
        windows=windows.get(BUILT_PRODUCT, []),
        viewing_windows=windows.get(Product.TEST_VIEWING, []),
        students=session.execute(_STUDENTS, school).all(),
        results=session.execute(_RESULTS, school).all(),
    )


def administration_exists(session: Session, administration_id: str) -> bool:
    return session.get(Administration, administration_id) is not None


def participating_schools(
    session: Session, administration_id: str, school_id: str | None
) -> list[str]:
    """Return the participating schools by number, or only `school_id` if it is given."""
    query = select(Participation.school_id).where(
        Participation.administration_id == administration_id,
        Participation.removed_at.is_(None),
    )
    if school_id is not None:
        query = query.where(Participation.school_id == school_id)
    return list(session.scalars(query.order_by(Participation.school_id)))


def _replacement() -> Select[int]:
    """Build the statement that upserts rows from one JSON value and removes the others."""
    identity = {"administration_id", "school_id", "kind", "class_group_id", "student_id"}
    names = [c.name for c in Document.__table__.c if c.name not in {"id", "version", "built_at"}]
    rows = cast(bindparam("rows", type_=String), JSONB)
    built = func.jsonb_populate_recordset(text("null::documents"), rows).table_valued(*names)
    added = insert(Document).from_select(names, select(*built.c))
    changed = {name: added.excluded[name] for name in names if name not in identity}
    kept = added.on_conflict_do_update(
        index_elements=sorted(identity),
        set_={**changed, "version": Document.version + 1, "built_at": func.now()},
    ).returning(Document.id)
    kept_ids = func.array(select(kept.cte("kept").c.id).scalar_subquery())
    unchanged = bindparam("unchanged", type_=ARRAY(Uuid))
    school: tuple[BindParameter[Any], ...] = bindparam("administration_id"), bindparam("school_id")
    return select(func.remove_documents(*school, func.array_cat(kept_ids, unchanged)))


_REPLACEMENT = _replacement()


def document_rows(session: Session, administration_id: str, school_id: str) -> Sequence[Any]:
    """Return the document rows of a school from after its last correction, as columns."""
    query = (
        select(*Document.__table__.columns)
        .join(Participation)
        .where(
            Document.administration_id == administration_id,
            Document.school_id == school_id,
            Document.facts_revision >= Participation.corrected_revision,
        )
    )
    return session.execute(query).all()


def update_unchanged_documents(
    session: Session, ids: Sequence[UUID], build: dict[str, Any]
) -> None:
    """Set the facts revision and the job of documents that a build did not change."""
    if ids:
        session.execute(update(Document).where(Document.id.in_(ids)).values(build))


def replace_documents(
    session: Session,
    school: dict[str, str],
    rows: Sequence[dict[str, Any]],
    unchanged: Sequence[UUID],
) -> int:
    """Upsert `rows`, and delete all but these and the unchanged; return the number deleted.

    `school` has the ids of the administration and the school. A document that is rebuilt keeps its
    id and gets the next version number.
    """
    values = json.dumps([row | school for row in rows], default=_in_json)
    parameters = {"rows": values, "unchanged": unchanged, **school}
    return int(session.execute(_REPLACEMENT, parameters).scalar_one())


def _in_json(value: UUID | bytes) -> str:
    """Return a value as a JSON string that PostgreSQL casts to its type."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
