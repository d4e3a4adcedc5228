"""Use cases of schools, and what every read of a school's data begins and ends with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from sqlalchemy.orm import Session

from shared.audit.service import Actor, Decision, record
from shared.core.errors import ResourceNotFound
from shared.schools import repository
from shared.schools.models import School


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One request for data of schools: who asks, what for, and which schools are within reach.

    `schools` is None for every one; `purposes` says what those among them that gave a mandate gave
    it for. `action` and `resource` are what the trail calls it: `resource` is a path with opaque
    ids only.
    """

    actor: Actor
    action: str
    resource: str
    schools: frozenset[str] | None
    purposes: Mapping[str, str] = field(default_factory=dict)

    def reaches(self, school_id: str) -> bool:
        return self.schools is None or school_id in self.schools


def grant(session: Session, inquiry: Inquiry, school_id: str | None) -> None:
    """Puts on the trail that the data of the school is answered with."""
    purpose = inquiry.purposes.get(school_id or "")
    record(
        session,
        inquiry.actor,
        Decision(inquiry.action, inquiry.resource, school_id, "allowed", "granted", purpose),
    )


def refuse(session: Session, inquiry: Inquiry, school_id: str | None, rule: str) -> NoReturn:
    """Puts the refusal on the trail; the caller learns no more than that nothing is there.

    Raises:
        ResourceNotFound: always.
    """
    record(
        session,
        inquiry.actor,
        Decision(inquiry.action, inquiry.resource, school_id, "refused", rule),
    )
    raise ResourceNotFound


def require_school(session: Session, inquiry: Inquiry, school_id: str) -> School:
    """The school; refuses unless the school takes part in something and is within reach.

    It is looked up either way, so that the two refusals cost the same.
    """
    school = repository.find_school(session, school_id)
    if school is None or not inquiry.reaches(school_id):
        known = school_id if repository.is_known(session, school_id) else None
        refuse(session, inquiry, known, "reach")
    return school


def list_schools(
    session: Session, inquiry: Inquiry, administration_id: str | None, offset: int, limit: int
) -> tuple[int, Sequence[School]]:
    """How many schools the caller can see, and a page of them by number.

    Who a school is, is public; the trail is kept for data about students only.
    """
    return repository.page_of_schools(session, inquiry.schools, administration_id, offset, limit)


def read_school(session: Session, inquiry: Inquiry, school_id: str) -> School:
    """Raises ResourceNotFound for a school that is not there or out of reach."""
    return require_school(session, inquiry, school_id)
