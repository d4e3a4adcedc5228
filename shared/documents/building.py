"""Use cases of building: ask for a build, and make one school's documents the current ones."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.errors import Problem, invalid_input
from shared.documents import build_repository
from shared.documents.assembly import SchoolAssembler, SchoolContent
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.storage.store import Segment

FICHE = "fiche"
OVERVIEW = "overview"
FICHE_BUNDLE = "ficheBundle"
FICHE_PRINT = "fichePrint"


@dataclass(frozen=True, slots=True)
class BuiltDocument:
    """A document whose bytes are stored: the segments put end to end."""

    kind: str
    class_group_id: UUID | None
    student_id: UUID | None
    component_ids: list[int]
    file_name: str
    media_type: str
    segments: tuple[Segment, ...]
    sha256: bytes
    content_sha256: bytes
    template_version: str

    def as_row(self) -> dict[str, Any]:
        row = {item.name: getattr(self, item.name) for item in fields(self)}
        del row["segments"]
        return row | {
            "storage_keys": [segment.key for segment in self.segments],
            "byte_offsets": [segment.offset for segment in self.segments],
            "byte_sizes": [segment.size for segment in self.segments],
        }


def start_build(
    session: Session,
    queue: WakeUpQueue,
    administration_id: str,
    school_id: str | None,
    requested_by: str,
) -> Job:
    """A job with an item per school; the active one when the same is being built already.

    Raises:
        Problem: 400 when the administration is unknown, or the school takes no part in it.
    """
    if not build_repository.administration_exists(session, administration_id):
        raise invalid_input("body", "/administrationId", "There is no such administration.")
    schools = build_repository.participating_schools(session, administration_id, school_id)
    if school_id is not None and not schools:
        raise invalid_input("body", "/schoolId", "The school takes no part in it.")
    return jobs.start(
        session,
        queue,
        jobs.Order(
            kind=BUILD_DOCUMENTS,
            lane=Lane.BULK if school_id is None else Lane.INTERACTIVE,
            subject=administration_id if school_id is None else f"{administration_id}/{school_id}",
            items=schools,
            requested_by=requested_by,
            arguments={"administrationId": administration_id, "schoolId": school_id},
        ),
    )


def school_content(session: Session, administration_id: str, school_id: str) -> SchoolContent:
    """What the documents of the school say at this moment.

    Until the transaction ends, another build of the same school waits here, so that an older
    content never replaces a newer one.

    Raises:
        Problem: when the school no longer takes part; building again would not help.
    """
    build_repository.hold_school(session, administration_id, school_id)
    rows = build_repository.load_school(session, administration_id, school_id)
    if rows is None:
        raise Problem(
            "urn:problem-type:toetsfeedback:api:schoolNotTakingPart",
            "School Not Taking Part",
            409,
            "The school takes no part in the administration any more; start a new build.",
        )
    return SchoolAssembler(rows).assemble()


def publish(
    session: Session,
    job_id: UUID,
    administration_id: str,
    school_id: str,
    facts_revision: int,
    documents: Sequence[BuiltDocument],
) -> int:
    """Makes these the documents of the school in one step; how many older ones went away."""
    rows = [
        document.as_row()
        | {"administration_id": administration_id, "school_id": school_id, "job_id": job_id}
        | {"facts_revision": facts_revision}
        for document in documents
    ]
    return build_repository.replace_documents(session, administration_id, school_id, rows)
