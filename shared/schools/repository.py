"""SQL of schools that take part in an administration, within the reach of a caller."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, bindparam, exists, select
from sqlalchemy.orm import Session

from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.schools.models import Participation, School


def _takes_part(administration_id: str | None = None) -> ColumnElement[bool]:
    """Build the condition that a school takes part now, in this administration or in any."""
    condition = exists().where(
        Participation.school_id == School.id, Participation.removed_at.is_(None)
    )
    if administration_id is not None:
        condition = condition.where(Participation.administration_id == administration_id)
    return condition


_SCHOOL = select(School).where(School.id == bindparam("school_id"), _takes_part())
_BY_NUMBER = ListOrder(School.id)


def find_school(session: Session, school_id: str) -> School | None:
    return session.scalar(_SCHOOL, {"school_id": school_id})


def is_known(session: Session, school_id: str) -> bool:
    """Return True when the school exists, even if it takes part in no administration."""
    return bool(session.scalar(select(exists().where(School.id == school_id))))


def participating_schools(
    session: Session, administration_id: str, school_id: str | None = None
) -> list[str]:
    """Return the participating schools by number, or only `school_id` if it is given."""
    query = select(Participation.school_id).where(
        Participation.administration_id == administration_id,
        Participation.removed_at.is_(None),
    )
    if school_id is not None:
        query = query.where(Participation.school_id == school_id)
    return list(session.scalars(query.order_by(Participation.school_id)))


def participating_between(
    session: Session, administration_id: str, first: str, last: str
) -> list[str]:
    """Return the participating schools from one number to another, both included."""
    query = select(Participation.school_id).where(
        Participation.administration_id == administration_id,
        Participation.removed_at.is_(None),
        Participation.school_id.between(first, last),
    )
    return list(session.scalars(query.order_by(Participation.school_id)))


def page_of_schools(
    session: Session,
    within: Collection[str] | None,
    administration_id: str | None,
    selection: PageSelection,
) -> Page[School]:
    """Return a page of the schools within reach (None = all) by number."""
    schools = select(School).where(_takes_part(administration_id))
    if within is not None:
        schools = schools.where(School.id.in_(within))
    return page_of_scalars(session, schools, _BY_NUMBER, selection)
