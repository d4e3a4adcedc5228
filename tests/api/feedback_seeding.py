"""A document of school feedback, for tests of what serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import delete, select

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from tests.api.seeding import Seeded

_OWN = {"id", "kind", "version", "built_at", "component_ids", "first_component_id"}


@contextmanager
def with_report(sessions: Sessions, seeded: Seeded) -> Iterator[UUID]:
    """Add a report of school feedback with the bytes of the overview, and remove it at the end."""
    with UnitOfWork(sessions) as unit:
        query = select(Document).where(Document.id == seeded.documents["overview"])
        overview = unit.session.scalars(query).one()
        names = [one.name for one in Document.__table__.columns if one.name not in _OWN]
        reading = seeded.components["LO4-LEZ"]
        document = Document(
            kind="schoolFeedbackReport",
            first_component_id=reading,
            component_ids=[reading],
            **{name: getattr(overview, name) for name in names},
        )
        unit.session.add(document)
        unit.session.flush()
        report = document.id
    yield report
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(Document).where(Document.id == report))
