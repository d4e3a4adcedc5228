"""Use cases of builds: start a build, and publish the documents of one school."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.errors import Conflict, InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.documents import build_repository
from shared.documents.assembly import SchoolAssembler, SchoolContent, StudentWithoutFiche
from shared.documents.catalogues import CatalogueCache
from shared.documents.hand_out_lists.repository import replace_missing_fiches
from shared.documents.kinds import DocumentKind
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.schools.repository import participating_schools
from shared.storage.store import Segment

Identity = tuple[DocumentKind, UUID | None, UUID | None, int | None]
"""The identity of a document within a school: kind, class group, student and first component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltDocument:
    """A document to publish. Its bytes are its segments in order; a planned document has none."""

    kind: DocumentKind
    class_group_id: UUID | None
    student_id: UUID | None
    first_component_id: int | None = None
    component_ids: list[int]
    file_name: str
    media_type: str
    segments: tuple[Segment, ...] = ()
    sha256: bytes = b""
    content_sha256: bytes
    template_version: str

    @property
    def identity(self) -> Identity:
        return self.kind, self.class_group_id, self.student_id, self.first_component_id

    def as_row(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in _COLUMNS}
        return row | {
            "storage_keys": [segment.key for segment in self.segments],
            "byte_offsets": [segment.offset for segment in self.segments],
            "byte_sizes": [segment.size for segment in self.segments],
        }


_COLUMNS = tuple(item.name for item in fields(BuiltDocument) if item.name != "segments")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingDocument(BuiltDocument):
    """A document of an earlier build, with the id and the facts revision of its row.

    One that `is_moved` has the same bytes in another place: they are stored again for a bundle.
    """

    id: UUID
    facts_revision: int
    is_moved: bool = False

    def is_within(self, sizes: Mapping[str, int]) -> bool:
        """Return True if every segment is within the objects of these sizes."""
        return all(
            segment.offset + segment.size <= sizes.get(segment.key, 0) for segment in self.segments
        )

    def moved_to(self, segments: tuple[Segment, ...]) -> "ExistingDocument":
        return replace(self, segments=segments, is_moved=True)

    def matches(self, wanted: BuiltDocument) -> bool:
        """Return True if content, template, components and file name are those of `wanted`."""
        return (
            self.content_sha256 == wanted.content_sha256
            and self.template_version == wanted.template_version
            and self.component_ids == wanted.component_ids
            and self.file_name == wanted.file_name
        )


def start_build(
    unit: UnitOfWork,
    queue: WakeUpQueue,
    administration_id: str,
    school_id: str | None,
    requested_by: str,
    *,
    force: bool = False,
    trace_id: str | None = None,
) -> Job:
    """Start a job with an item per school, or return the active one for the same build.

    Documents whose content has not changed are rebuilt only with `force`. Builds with and without
    `force` are different jobs.

    Raises:
        InvalidInput: when the administration is unknown, or the school takes no part in it.
    """
    session = unit.session
    if not build_repository.administration_exists(session, administration_id):
        raise InvalidInput(
            "administration_id",
            detail="There is no such administration; import its delivery first, or correct the id.",
        )
    schools = participating_schools(session, administration_id, school_id)
    if school_id is not None and not schools:
        raise InvalidInput(
            "school_id",
            detail="No school with this number takes part; correct the number.",
        )
    subject = [
        administration_id,
        *([school_id] if school_id else []),
        *(["force"] if force else []),
    ]
    return jobs.start(
        unit,
        queue,
        jobs.NewJob(
            kind=BUILD_DOCUMENTS,
            lane=Lane.BULK if school_id is None else Lane.INTERACTIVE,
            subject="/".join(subject),
            items=schools,
            requested_by=requested_by,
            arguments={
                "administrationId": administration_id,
                "schoolId": school_id,
                "force": force,
            },
            trace_id=trace_id,
        ),
    )


@dataclass(frozen=True, slots=True)
class StoredDocuments:
    """The documents of a school when a build begins.

    `documents` are those that a build can keep. Those about a student that a later correction named
    are built again: otherwise an operator could tell from the outcome and the duration of a build
    whether the correction changed a level. `state` differs after any other build of the school.
    """

    documents: tuple[ExistingDocument, ...]
    state: str


def school_content(
    session: Session,
    catalogues: CatalogueCache,
    administration_id: str,
    school_id: str,
    *,
    is_forced: bool = False,
) -> tuple[SchoolContent, StoredDocuments]:
    """Return the current content of the documents of a school, and the documents that it has.

    A build that `is_forced` keeps none of them.

    Raises:
        Conflict: when the school no longer takes part; a retry would fail too.
    """
    state = build_repository.documents_state(session, administration_id, school_id)
    rows = build_repository.load_school(session, catalogues, administration_id, school_id)
    if rows is None:
        raise Conflict(
            "schoolNotTakingPart",
            "The school no longer takes part in the administration; start a new build.",
        )
    documents = () if is_forced else existing_documents(session, administration_id, school_id)
    return SchoolAssembler(rows).assemble(), StoredDocuments(documents, state)


def existing_documents(
    session: Session, administration_id: str, school_id: str
) -> tuple[ExistingDocument, ...]:
    """Return the documents of a school that no later correction concerns."""
    rows = build_repository.document_rows(session, administration_id, school_id)
    return tuple(
        ExistingDocument(
            id=row.id,
            facts_revision=row.facts_revision,
            kind=DocumentKind(row.kind),
            class_group_id=row.class_group_id,
            student_id=row.student_id,
            first_component_id=row.first_component_id,
            component_ids=row.component_ids,
            file_name=row.file_name,
            media_type=row.media_type,
            segments=tuple(map(Segment, row.storage_keys, row.byte_offsets, row.byte_sizes)),
            sha256=row.sha256,
            content_sha256=row.content_sha256,
            template_version=row.template_version,
        )
        for row in rows
    )


def publish(
    session: Session,
    job_id: UUID,
    content: SchoolContent,
    stored: StoredDocuments,
    documents: Sequence[BuiltDocument],
    missing: Sequence[StudentWithoutFiche],
) -> int | None:
    """Replace the documents of the school atomically; return the number of documents removed.

    The `missing` fiches replace those of the build before. Unchanged documents keep their row, with
    the new facts revision and job. Return None, and write nothing, if the facts or the documents
    have changed since `content` and `stored` were read. Until the transaction ends, other builds of
    the school and deliveries about it wait here.
    """
    school = {
        "administration_id": content.administration_id,
        "school_id": content.school_id,
    }
    build_repository.lock_school(session, **school)
    if (
        build_repository.locked_revision(session, **school) != content.facts_revision
        or build_repository.documents_state(session, **school) != stored.state
    ):
        return None
    build = {"job_id": job_id, "facts_revision": content.facts_revision}
    unchanged = [
        document.id
        for document in documents
        if isinstance(document, ExistingDocument) and not document.is_moved
    ]
    rows = [
        document.as_row() | build
        for document in documents
        if not isinstance(document, ExistingDocument) or document.is_moved
    ]
    build_repository.update_unchanged_documents(session, unchanged, build)
    replace_missing_fiches(
        session,
        school,
        content.facts_revision,
        [
            {
                "student_id": str(one.student_id),
                "component_ids": one.component_ids,
                "reason": one.reason,
            }
            for one in missing
        ],
    )
    return build_repository.replace_documents(session, school, rows, unchanged)
