"""An instance in a process of its own: import a delivery, build its schools, print all hashes.

`python -m tests.worker.jobs.instance [--other]`, with the settings in the environment. The other
instance has other row ids, another INSZ key and another order of the schools, and builds
everything twice.
"""

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.worker.documents.school_production import Renderers
from services.worker.jobs.documents import build_school
from services.worker.jobs.reading_guides import publish_bundled_guides
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import import_delivery
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.documents.reading_guides.models import ReadingGuide
from shared.jobs.models import Job
from shared.storage.store import Segment, Storage, open_storage
from shared.students.models import ClassGroup, Student
from tests.worker.jobs.building import KEY, PRIMARY, SAMPLE, SECONDARY, claimed
from tests.worker.jobs.computing import compute_school

OTHER_IDS = "select setval(oid::regclass, 1000) from pg_class where relkind = 'S'"


def hashes(session: Session, storage: Storage) -> Iterator[tuple[list[Any], str]]:
    """Yield what each document is about, and the SHA-256 of its stored bytes."""
    query = (
        select(Document, ClassGroup.name, Student.delivered_as)
        .outerjoin(ClassGroup, ClassGroup.id == Document.class_group_id)
        .outerjoin(Student, Student.id == Document.student_id)
    )
    for document, class_group, student in session.execute(query):
        about = [document.school_id, document.kind, class_group, student, document.file_name]
        yield about, _hash(storage, document.segments)
    for guide in session.scalars(select(ReadingGuide)):
        segment = Segment(guide.storage_key, guide.byte_offset, guide.byte_size)
        yield (
            [guide.language, "readingGuide", None, None, guide.file_name],
            _hash(storage, [segment]),
        )


def _hash(storage: Storage, segments: list[Segment]) -> str:
    return sha256(b"".join(storage.stream_segments(segments))).hexdigest()


def run(sessions: Sessions, storage: Storage, *, is_other: bool) -> list[tuple[list[Any], str]]:
    schools = [SECONDARY, PRIMARY] if is_other else [PRIMARY, SECONDARY]
    with UnitOfWork(sessions) as unit:
        if is_other:
            unit.session.execute(text(OTHER_IDS))
        key = KEY[::-1] + b"x" if is_other else KEY
        outcome = import_delivery(unit.session, SAMPLE, insz_key=key, received_from="tests")
        if outcome.status != "applied":
            raise ValueError(f"the delivery was not applied: {outcome.report}")
        job = Job(kind="documents.build", lane="bulk", subject="2024", requested_by="tests")
        unit.session.add(job)
        unit.session.flush()
        unit.session.expunge(job)
    for school in schools:
        compute_school(sessions, "2024", school)
    for is_forced in (False, True) if is_other else (False,):
        for school in schools:
            with UnitOfWork(sessions) as unit:
                claim = claimed(job, school, force=is_forced)
                build_school(unit, claim, storage, CatalogueCache(), Renderers())
    with UnitOfWork(sessions) as unit:
        publish_bundled_guides(unit, storage)
        return list(hashes(unit.session, storage))


def main() -> None:
    settings, is_other = Settings(), "--other" in sys.argv
    engine = open_engine(settings, application_name="tests-instance")
    found = run(session_factory(engine), open_storage(settings.storage_url), is_other=is_other)
    engine.dispose()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
