"""SQL of builds: read the facts of one school in a fixed number of queries, write its documents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Uuid,
    bindparam,
    case,
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
from shared.releases.rules import Window
from shared.results.models import Administration
from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.latest_figures import latest_figures
from shared.schools.models import Participation
from shared.students.models import Student


class ParticipationRow(NamedTuple):
    """A school in an administration, under the name it had then."""

    administration_id: str
    school_id: str
    name: str
    municipality: str
    facts_revision: int


class StudentRow(NamedTuple):
    """A student with the class group, whose columns follow `class_group_id`."""

    id: UUID
    delivered_as: str
    family_name: str
    given_name: str
    stamnummer: str | None
    sort_key: str
    class_group_id: UUID
    class_group: str
    site_name: str | None
    target_group_id: int


class ResultRow(NamedTuple):
    """The current result of a student in a component."""

    student_id: UUID
    component_id: int
    status: str
    level_id: int | None


@dataclass(frozen=True, slots=True)
class SchoolRows:
    """The facts of one school in one administration; `feedback` are its figures by component."""

    participation: ParticipationRow
    catalogue: Catalogue
    windows: Sequence[Window]
    viewing_windows: Sequence[Window]
    feedback_windows: Sequence[Window]
    students: Sequence[StudentRow]
    results: Sequence[ResultRow]
    feedback: Mapping[int, ComponentFigures]


BUILT_PRODUCT = DocumentKind.FICHE.product
"""The product of the documents that are built for a school."""

_PARTICIPATION = text("""
    select administration_id, school_id, name, municipality, facts_revision
    from participations
    where administration_id = :administration_id and school_id = :school_id
        and removed_at is null
""")
_WINDOWS = text("""
    select product, target_group_id, component_id, opens_at, closes_at, never
    from release_windows
    where administration_id = :administration_id and product = any(:products)
""")
_STUDENTS = text("""
    select students.id, delivered_as, family_name, given_name, stamnummer, students.sort_key,
        class_group_id, class_groups.name, site_name, target_group_id
    from students join class_groups on class_groups.id = class_group_id
    where students.administration_id = :administration_id and students.school_id = :school_id
        and students.removed_at is null
""")
_RESULTS = text("""
    select student_id, component_id, status, level_id from results
    where administration_id = :administration_id and school_id = :school_id
        and superseded_at is null
""")
_LOCKED_REVISION = text("""
    select facts_revision from participations
    where administration_id = :administration_id and school_id = :school_id for share
""")


def _last_correction() -> ColumnElement[int]:
    """Build the revision of the last correction of a student whose result a document can show."""
    latest = select(func.max(Student.corrected_revision)).where(
        Student.administration_id == Document.administration_id,
        Student.school_id == Document.school_id,
    )
    return case(
        (
            Document.student_id.is_not(None),
            latest.where(Student.id == Document.student_id).scalar_subquery(),
        ),
        (
            Document.class_group_id.is_not(None),
            latest.where(Student.class_group_id == Document.class_group_id).scalar_subquery(),
        ),
        else_=latest.scalar_subquery(),
    )


_DOCUMENTS = (
    select(*Document.__table__.columns)
    .join(Participation.__table__)
    .where(
        Document.administration_id == bindparam("administration_id"),
        Document.school_id == bindparam("school_id"),
        Document.facts_revision >= Participation.corrected_revision,
        Document.facts_revision >= func.coalesce(_last_correction(), 0),
    )
)


def lock_school(session: Session, administration_id: str, school_id: str) -> None:
    """Lock the documents of a school for this build; another build waits until the commit."""
    lock_until_commit(session, f"documents {administration_id} {school_id}")


def locked_revision(session: Session, administration_id: str, school_id: str) -> int | None:
    """Return the facts revision of a school, which no delivery changes until the commit."""
    school = {"administration_id": administration_id, "school_id": school_id}
    revision: int | None = session.scalar(_LOCKED_REVISION, school)
    return revision


_STATE = text("""
    select count(*) || '/' || coalesce(
        sum(hashtextextended(concat_ws('/', id, version, storage_keys::text), 0)), 0
    ) || '/' || (
        select count(*) from school_feedback_snapshots
        where administration_id = :administration_id and school_id = :school_id
    )
    from documents where administration_id = :administration_id and school_id = :school_id
""")


def documents_state(session: Session, administration_id: str, school_id: str) -> str:
    """Return a text that differs after each build that stored a document of the school.

    It differs after each new version of the school's figures, too.
    """
    school = {"administration_id": administration_id, "school_id": school_id}
    return str(session.execute(_STATE, school).scalar_one())


def load_school(
    session: Session, catalogues: CatalogueCache, administration_id: str, school_id: str
) -> SchoolRows | None:
    """Load the current facts of a school; None if it does not take part.

    The participation is read first, so that the other facts are at least as new as its revision.
    """
    school = {"administration_id": administration_id, "school_id": school_id}
    found = session.execute(_PARTICIPATION, school).one_or_none()
    if found is None:
        return None
    windows = _windows(session, administration_id)
    return SchoolRows(
        participation=ParticipationRow._make(found),
        catalogue=catalogues.current(session, administration_id),
        windows=windows[BUILT_PRODUCT],
        viewing_windows=windows[Product.TEST_VIEWING],
        feedback_windows=windows[Product.SCHOOL_FEEDBACK],
        students=list(map(StudentRow._make, session.execute(_STUDENTS, school))),
        results=list(map(ResultRow._make, session.execute(_RESULTS, school))),
        feedback=latest_figures(session, administration_id, [school_id])[school_id],
    )


def _windows(session: Session, administration_id: str) -> dict[Product, list[Window]]:
    windows: dict[Product, list[Window]] = {product: [] for product in Product}
    selection = {"administration_id": administration_id, "products": list(windows)}
    for product, *columns in session.execute(_WINDOWS, selection):
        windows[Product(product)].append(Window(*columns))
    return windows


def administration_exists(session: Session, administration_id: str) -> bool:
    return session.get(Administration, administration_id) is not None


def _replacement() -> Select[int]:
    """Build the statement that upserts rows from one JSON value and removes the others."""
    identity = {
        "administration_id",
        "school_id",
        "kind",
        "class_group_id",
        "student_id",
        "first_component_id",
    }
    names = [c.name for c in Document.__table__.c if c.name not in {"id", "version", "built_at"}]
    rows = cast(bindparam("rows", type_=String), JSONB)
    built = func.jsonb_populate_recordset(text("null::documents"), rows).table_valued(*names)
    added = insert(Document).from_select(names, select(*built.c))
    changed = {name: added.excluded[name] for name in names if name not in identity}
    is_new = Document.sha256 != added.excluded.sha256
    kept = added.on_conflict_do_update(
        index_elements=sorted(identity),
        set_={
            **changed,
            "version": Document.version + cast(is_new, Integer),
            "built_at": case((is_new, func.now()), else_=Document.built_at),
        },
    ).returning(Document.id)
    kept_ids = func.array(select(kept.cte("kept").c.id).scalar_subquery())
    unchanged = bindparam("unchanged", type_=ARRAY(Uuid))
    school: tuple[BindParameter[Any], ...] = bindparam("administration_id"), bindparam("school_id")
    return select(func.remove_documents(*school, func.array_cat(kept_ids, unchanged)))


_REPLACEMENT = _replacement()


def document_rows(session: Session, administration_id: str, school_id: str) -> Sequence[Any]:
    """Return the document rows of a school that no later correction concerns, as columns."""
    school = {"administration_id": administration_id, "school_id": school_id}
    return session.execute(_DOCUMENTS, school).all()


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
    id. With other bytes it gets the next version number; with the same it has the same version, and
    only the place of its bytes is new.
    """
    values = json.dumps([row | school for row in rows], default=_in_json)
    parameters = {"rows": values, "unchanged": unchanged, **school}
    return int(session.execute(_REPLACEMENT, parameters).scalar_one())


def _in_json(value: UUID | bytes) -> str:
    """Return a value as a JSON string that PostgreSQL casts to its type."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
