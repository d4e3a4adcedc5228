"""SQL of building: the facts of one school in a constant number of queries, and its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.documents.models import Document
from shared.releases.models import ReleaseWindow
from shared.releases.rules import Window
from shared.results.models import (
    Administration,
    Component,
    Level,
    LevelDescription,
    Result,
    TargetGroup,
)
from shared.schools.models import Participation
from shared.schools.products import STUDENT_FEEDBACK
from shared.students.models import ClassGroup, Student


@dataclass(frozen=True, slots=True)
class SchoolRows:
    """What the database knows of one school in one administration; catalogue in print order."""

    administration: Administration
    participation: Participation
    target_groups: Sequence[TargetGroup]
    components: Sequence[Component]
    levels: Sequence[Level]
    descriptions: Sequence[LevelDescription]
    windows: Sequence[Window]
    students: Sequence[Row[Student, ClassGroup]]
    results: Sequence[Row[UUID, int, str, int | None]]


def hold_school(session: Session, administration_id: str, school_id: str) -> None:
    """Waits for, and then takes, the one place there is for building this school's documents."""
    key = f"documents/{administration_id}/{school_id}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def load_school(session: Session, administration_id: str, school_id: str) -> SchoolRows | None:
    """Everything that is current for the school; None when it does not take part."""
    participation = session.get(Participation, (administration_id, school_id))
    if participation is None or participation.removed_at is not None:
        return None
    return SchoolRows(
        administration=session.get_one(Administration, administration_id),
        participation=participation,
        target_groups=_current(session, TargetGroup, administration_id, TargetGroup.code),
        components=_current(session, Component, administration_id, Component.position),
        levels=_current(session, Level, administration_id, Level.ordinal),
        descriptions=_descriptions(session, administration_id),
        windows=_windows(session, administration_id),
        students=_students(session, administration_id, school_id),
        results=_results(session, administration_id, school_id),
    )


def _current(session: Session, table: Any, administration_id: str, order: Any) -> Sequence[Any]:
    query = select(table).where(
        table.administration_id == administration_id, table.removed_at.is_(None)
    )
    return session.scalars(query.order_by(order, table.id)).all()


def _descriptions(session: Session, administration_id: str) -> Sequence[LevelDescription]:
    query = (
        select(LevelDescription)
        .join(Component, Component.id == LevelDescription.component_id)
        .where(Component.administration_id == administration_id)
    )
    return session.scalars(query).all()


def _windows(session: Session, administration_id: str) -> list[Window]:
    query = select(ReleaseWindow).where(
        ReleaseWindow.administration_id == administration_id,
        ReleaseWindow.product == STUDENT_FEEDBACK,
    )
    return [
        Window(row.target_group_id, row.component_id, row.opens_at, row.closes_at, row.never)
        for row in session.scalars(query)
    ]


def _students(session: Session, administration_id: str, school_id: str) -> Sequence[Any]:
    query = (
        select(Student, ClassGroup)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .where(
            Student.administration_id == administration_id,
            Student.school_id == school_id,
            Student.removed_at.is_(None),
        )
    )
    return session.execute(query).all()


def _results(session: Session, administration_id: str, school_id: str) -> Sequence[Any]:
    query = select(Result.student_id, Result.component_id, Result.status, Result.level_id).where(
        Result.school_id == school_id,
        Result.administration_id == administration_id,
        Result.superseded_at.is_(None),
    )
    return session.execute(query).all()


def administration_exists(session: Session, administration_id: str) -> bool:
    return session.get(Administration, administration_id) is not None


def participating_schools(
    session: Session, administration_id: str, school_id: str | None
) -> list[str]:
    """The instellingsnummers that take part, in order; just the one that is named, if it does."""
    query = select(Participation.school_id).where(
        Participation.administration_id == administration_id,
        Participation.removed_at.is_(None),
    )
    if school_id is not None:
        query = query.where(Participation.school_id == school_id)
    return list(session.scalars(query.order_by(Participation.school_id)))


def replace_documents(
    session: Session, administration_id: str, school_id: str, rows: Sequence[dict[str, Any]]
) -> int:
    """Makes `rows` the documents of the school in this administration; how many went away.

    A document that stays keeps its id and gets the next version.
    """
    kept: list[UUID] = []
    if rows:
        statement = insert(Document)
        identity = {"administration_id", "school_id", "kind", "class_group_id", "student_id"}
        changed = {name: statement.excluded[name] for name in rows[0].keys() - identity}
        upserted = statement.on_conflict_do_update(
            index_elements=sorted(identity),
            set_={**changed, "version": Document.version + 1, "built_at": func.now()},
        ).returning(Document.id)
        kept = list(session.scalars(upserted, rows))
    gone = delete(Document).where(
        Document.administration_id == administration_id,
        Document.school_id == school_id,
        Document.id.not_in(kept),
    )
    return len(session.scalars(gone.returning(Document.id)).all())
