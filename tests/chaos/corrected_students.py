"""Students whose level a correction changes, and the documents before and after it."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select, text

from shared.deliveries.repository import last_applied_sequence
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from tests.chaos.deployment import ADMINISTRATION, Deployment
from tests.deliveries.delivery_files import correction

# Of each school the students of that school alone with a level, and another level of its scale.
_STUDENTS = text("""
    select distinct on (student.school_id, student.id)
        student.school_id, student.id, student.class_group_id, student.delivered_as,
        component.code, level.label, other.code, other.label
    from results result
    join students student on student.id = result.student_id and student.removed_at is null
    join components component on component.id = result.component_id
        and not component.is_calibration
    join levels level on level.id = result.level_id
    join levels other on other.administration_id = level.administration_id
        and other.level_scale = level.level_scale and other.id <> level.id
    where result.superseded_at is null and not exists (
        select from students twin
        where twin.delivered_as = student.delivered_as and twin.id <> student.id
    )
    order by student.school_id, student.id, component.id, other.id
""")


class StoredDocument(NamedTuple):
    """A row of a document, without the columns that every build changes."""

    school_id: str
    kind: str
    class_group_id: UUID | None
    student_id: UUID | None
    version: int
    digest: str
    built_at: object
    storage_keys: tuple[str, ...]


Snapshot = dict[UUID, StoredDocument]


@dataclass(frozen=True, slots=True)
class CorrectedStudent:
    """A student with a result, its level, and the level after the correction."""

    school_id: str
    id: UUID
    class_group_id: UUID
    code: str
    component: str
    label: str
    new_level: str
    new_label: str

    def is_shown_in(self, document: StoredDocument) -> bool:
        if document.school_id != self.school_id:
            return False
        if document.kind == DocumentKind.FICHE:
            return document.student_id == self.id
        return document.class_group_id in {None, self.class_group_id}

    def is_classmate_of(self, document: StoredDocument) -> bool:
        """Return True for a fiche of the same class group, which is stored in its bundle."""
        is_fiche = document.kind == DocumentKind.FICHE
        return is_fiche and document.class_group_id == self.class_group_id


def draw_students(deployment: Deployment, rng: Random) -> list[CorrectedStudent]:
    """Draw a student of each school."""
    with deployment.unit_of_work() as unit:
        found = [CorrectedStudent(*row) for row in unit.session.execute(_STUDENTS)]
    schools = sorted({one.school_id for one in found})
    return [rng.choice([one for one in found if one.school_id == school]) for school in schools]


def correction_of(deployment: Deployment, students: list[CorrectedStudent]) -> Path:
    """Write the next correction, which changes the level of each student."""
    with deployment.unit_of_work() as unit:
        sequence = last_applied_sequence(unit.session, ADMINISTRATION) + 1
    rows = [[one.code, one.component, "reported", one.new_level, ""] for one in students]
    return correction(sequence, results=rows).write(deployment.data.path / uuid4().hex)


def snapshot(deployment: Deployment) -> Snapshot:
    with deployment.unit_of_work() as unit:
        documents = unit.session.scalars(select(Document)).all()
        return {
            one.id: StoredDocument(
                one.school_id,
                one.kind,
                one.class_group_id,
                one.student_id,
                one.version,
                one.sha256.hex(),
                one.built_at,
                tuple(one.storage_keys),
            )
            for one in documents
        }


def rebuilding(deployment: Deployment) -> int:
    """Return the number of schools that are still to be rebuilt."""
    with deployment.unit_of_work() as unit:
        found = unit.session.execute(text("select count(*) from rebuild_requests"))
        return int(found.scalar_one())
