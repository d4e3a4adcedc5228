"""SQL of released results, administrations, level scales and components."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.access.rules import PRODUCT_OF_SCOPE, Scope
from shared.core.paging import ListOrder, Page, PageSelection, counted_page, page_of_scalars
from shared.releases.repository import component_is_released
from shared.results.models import (
    Administration,
    Component,
    Level,
    LevelDescription,
    Result,
    TargetGroup,
)
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student
from shared.students.repository import (
    Cohort,
    student_is_present,
    takes_part_with,
)


class ComponentRow(NamedTuple):
    """A component with the code of its target group."""

    component: Component
    target_group: str


class LevelScale(NamedTuple):
    """The levels of a scale, from the lowest up."""

    code: str
    levels: list[Level]


class LevelReached(NamedTuple):
    """The level of a result; `ordinal` 1 is the lowest."""

    code: str
    label: str
    ordinal: int
    description: str | None


class ComponentResult(NamedTuple):
    """The result of one student for one component; it has a level if the status is `reported`."""

    student_id: UUID
    administration_id: str
    class_group: str
    component: str
    component_name: str
    subject: str
    status: str
    level: LevelReached | None


def page_of_results(
    session: Session, cohort: Cohort, selection: PageSelection
) -> Page[ComponentResult]:
    """Return a page of the released results of the cohort by student."""
    return _page(session, asdict(cohort), selection)


def page_of_student_results(
    session: Session, student_id: UUID, selection: PageSelection
) -> Page[ComponentResult]:
    return _page(session, {"student_id": student_id}, selection)


def _page(
    session: Session, wanted: dict[str, Any], selection: PageSelection
) -> Page[ComponentResult]:
    values = {name: value for name, value in wanted.items() if value is not None}
    released, order = _released_results(frozenset(values))
    return counted_page(session, released, order, selection, values).map(_result)


def _result(row: Sequence[Any]) -> ComponentResult:
    return ComponentResult._make((*row[:7], _level(*row[7:11])))


@lru_cache(maxsize=1024)
def _level(
    code: str | None, label: str, ordinal: int, description: str | None
) -> LevelReached | None:
    """Return a level; the cache lets many results share one object."""
    return None if code is None else LevelReached(code, label, ordinal, description)


_STUDENT_CONDITIONS = {
    "school_id": Student.school_id == bindparam("school_id"),
    "administration_id": Student.administration_id == bindparam("administration_id"),
    "class_group": ClassGroup.name == bindparam("class_group"),
    "student_id": Student.id == bindparam("student_id"),
}


@cache
def _released_results(wanted: frozenset[str]) -> tuple[Select[*tuple[Any, ...]], ListOrder]:
    """Return the query of the released results, filtered by the given parameters, and its order.

    `offset 0` prevents the planner from flattening the subquery of the results of a student, and
    so from scanning the whole table while it has no statistics. A calibration is never released.
    """
    student = (
        select(
            Student.id,
            Student.administration_id,
            ClassGroup.name.label("class_group"),
            Student.sort_key,
        )
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .where(student_is_present(), *(_STUDENT_CONDITIONS[name] for name in sorted(wanted)))
        .subquery("student")
    )
    own = (
        select(Result.component_id, Result.status, Result.level_id)
        .where(
            Result.student_id == student.c.id,
            Result.superseded_at.is_(None),
            component_is_released(
                Result.component_id,
                (Result.administration_id, Result.school_id),
                PRODUCT_OF_SCOPE[Scope.RESULTS_READ],
            ),
        )
        .offset(literal_column("0"))
        .lateral("own")
    )
    released = (
        select(
            student.c.id,
            student.c.administration_id,
            student.c.class_group,
            Component.code,
            Component.name,
            Component.subject,
            own.c.status,
            Level.code,
            Level.label,
            Level.ordinal,
            LevelDescription.text,
        )
        .join_from(student, own, true())
        .join(Component, Component.id == own.c.component_id)
        .outerjoin(Level, Level.id == own.c.level_id)
        .outerjoin(
            LevelDescription,
            and_(
                LevelDescription.component_id == own.c.component_id,
                LevelDescription.level_id == own.c.level_id,
            ),
        )
    )
    by_student = student.c.administration_id, student.c.sort_key
    return released, ListOrder(*by_student, Component.position, Component.id)


def page_of_administrations(
    session: Session, within: Collection[str] | None, selection: PageSelection
) -> Page[Administration]:
    """Return a page of the administrations of the schools within reach (None = all)."""
    query = select(Administration).where(_has_school(Administration.id, within))
    newest = ListOrder(Administration.tested_until_on, Administration.id, descending=True)
    return page_of_scalars(session, query, newest, selection)


def _has_school(
    administration_id: ColumnElement[str] | InstrumentedAttribute[str],
    within: Collection[str] | None,
) -> ColumnElement[bool]:
    if within is None:
        return true()
    return exists().where(
        Participation.administration_id == administration_id,
        Participation.school_id.in_(within),
        Participation.removed_at.is_(None),
    )


def level_scales(
    session: Session, administration_id: str, within: Collection[str] | None
) -> list[LevelScale]:
    """Return the level scales of an administration of the schools within reach, by code."""
    query = (
        select(Level)
        .where(Level.administration_id == administration_id, Level.removed_at.is_(None))
        .where(_has_school(Level.administration_id, within))
        .order_by(Level.level_scale, Level.ordinal, Level.id)
    )
    scales = groupby(session.scalars(query), key=lambda level: level.level_scale)
    return [LevelScale(scale, list(levels)) for scale, levels in scales]


def components(
    session: Session, administration_id: str, within: Collection[str] | None
) -> Sequence[ComponentRow]:
    """Return the components of an administration of the schools within reach: no calibrations."""
    query = (
        select(Component, TargetGroup.code)
        .join(TargetGroup, TargetGroup.id == Component.target_group_id)
        .where(
            Component.administration_id == administration_id,
            Component.removed_at.is_(None),
            Component.is_calibration.is_(False),
            _has_school(Component.administration_id, within),
        )
        .order_by(TargetGroup.code, Component.position, Component.id)
    )
    return [ComponentRow(*row) for row in session.execute(query)]
