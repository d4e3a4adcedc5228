"""Verify a build: each document against its row, byte by byte, and the rows against results."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cli.target import sessions_of
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.assembly import TOOK_PART
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.storage.store import Storage, open_storage

# A student who took part in a component other than a calibration has a fiche. A school with any
# result of such a component has an overview; the school and each of its class groups have a bundle
# and a print file.
_EXPECTED = text("""
    with shown as (
        select student.id, student.administration_id, student.school_id, result.status
        from results result
        join components component on component.id = result.component_id
        join students student on student.id = result.student_id
        where result.superseded_at is null and student.removed_at is null
          and not component.is_calibration
    ), schools_with_results as (
        select distinct administration_id, school_id from shown
    )
    select (select count(distinct id) from shown where status = any(:took_part)),
           (select count(distinct class_group_id)
            from students join schools_with_results using (administration_id, school_id)
            where removed_at is null),
           (select count(*) from schools_with_results)
""")


@dataclass(slots=True)
class Verified:
    """The number of verified documents per kind, and the size of their objects in bytes."""

    documents: Counter[str] = field(default_factory=Counter)
    object_bytes: int = 0


def verify(settings: Settings) -> Verified:
    """Read every byte that a row refers to and compare it with the row.

    Raises:
        SystemExit: a document differs from its row, or their number differs from the results.
    """
    storage = open_storage(settings.storage_url)
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        verified = _read_back(unit.session, storage)
        parameters = {"took_part": sorted(TOOK_PART)}
        fiches, classes, schools = unit.session.execute(_EXPECTED, parameters).one()
    expected = {
        DocumentKind.FICHE: fiches,
        DocumentKind.FICHE_BUNDLE: classes + schools,
        DocumentKind.FICHE_PRINT: classes + schools,
        DocumentKind.OVERVIEW: schools,
    }
    if verified.documents != expected:
        raise SystemExit(f"there are {dict(verified.documents)} documents, expected {expected}")
    return verified


def _read_back(session: Session, storage: Storage) -> Verified:
    verified = Verified()
    rows = session.query(Document).order_by(Document.school_id)
    for _, documents in groupby(rows.yield_per(1_000), lambda document: document.school_id):
        objects: dict[str, memoryview] = {}
        for document in documents:
            hasher = sha256()
            for segment in document.segments:
                if segment.key not in objects:
                    objects[segment.key] = memoryview(storage.read(segment.key))
                hasher.update(objects[segment.key][segment.offset :][: segment.size])
            if hasher.digest() != document.sha256:
                raise SystemExit(f"document {document.id} differs from its row")
            verified.documents[document.kind] += 1
        verified.object_bytes += sum(map(len, objects.values()))
    return verified
