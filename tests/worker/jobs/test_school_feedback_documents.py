"""Documents of school feedback, from computed figures: a report and a workbook per opening."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.database import open_engine, session_factory, set_local_settings
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.releases.models import Opening
from shared.results.models import Component
from tests.releasing import add_window, close_everything
from tests.worker.contents import page_texts
from tests.worker.jobs.computing import compute_school
from tests.worker.jobs.verified_deployment import ADMINISTRATION, FIRST, SECOND, Deployment

REPORT, WORKBOOK = "schoolFeedbackReport", "schoolFeedbackWorkbook"
KINDS = [REPORT, WORKBOOK]
HOUR = timedelta(hours=1)


@pytest.fixture(name="computed")
def _computed(built: Deployment) -> Iterator[Deployment]:
    """Plan reading for now and everything else for tomorrow, compute the figures, and build."""
    with UnitOfWork(built.owner) as unit:
        now = database_now(unit.session)
        plan = {None: now + 24 * HOUR, "LEZ4": now - HOUR, "KAL4": now + 48 * HOUR}
        for component, opens_at in plan.items():
            add_window(
                unit.session,
                ADMINISTRATION,
                Product.SCHOOL_FEEDBACK,
                component=component,
                before_plans=component == "LEZ4",
                opens_at=opens_at,
            )
    for school in (FIRST, SECOND):
        compute_school(built.worker, ADMINISTRATION, school)
    built.build()
    yield built
    with UnitOfWork(built.owner) as unit:
        close_everything(unit.session)


def documents(built: Deployment, kind: str, school: str = FIRST) -> list[Document]:
    with UnitOfWork(built.owner) as unit:
        query = select(Document).where(Document.kind == kind, Document.school_id == school)
        return list(unit.session.scalars(query.order_by(Document.first_component_id)))


def document_of(built: Deployment, kind: str, component: str) -> Document:
    with UnitOfWork(built.owner) as unit:
        query = select(Component.id).where(Component.code == component)
        wanted = unit.session.scalars(query).one()
    [found] = [one for one in documents(built, kind) if wanted in one.component_ids]
    return found


def test_a_school_has_a_report_and_a_workbook_per_opening(computed: Deployment) -> None:
    for kind in KINDS:
        found = documents(computed, kind)
        assert len(found) > 1
        components = [one for document in found for one in document.component_ids]
        assert len(components) == len(set(components))
        assert all(one.first_component_id == one.component_ids[0] for one in found)
        assert len({one.file_name for one in found}) == len(found)
    reading = document_of(computed, REPORT, "LEZ4")
    text = " ".join(page_texts(computed.storage.read(reading.storage_keys[0])))
    assert "Lezen" in text
    assert "Rekenen" not in text


def test_a_second_build_keeps_what_has_not_changed(computed: Deployment) -> None:
    before = [documents(computed, kind) for kind in KINDS]
    computed.build(FIRST)
    after = [documents(computed, kind) for kind in KINDS]
    assert [[(one.id, one.version) for one in some] for some in before] == [
        [(one.id, one.version) for one in some] for some in after
    ]


@pytest.mark.usefixtures("computed")
def test_only_the_documents_of_what_has_opened_are_seen(
    settings_of: Callable[[str], Settings],
) -> None:
    engine = open_engine(settings_of("api"), application_name="tests")
    for school, expected in ((FIRST, {*KINDS}), (SECOND, set())):
        with UnitOfWork(session_factory(engine)) as unit:
            caller = {"kind": "school", "client": "tests", "school": school}
            settings = {f"toetsfeedback.{name}": value for name, value in caller.items()}
            set_local_settings(unit.session, settings)
            seen = unit.session.scalars(
                select(Document).where(Document.kind.in_(KINDS), Document.school_id == FIRST)
            ).all()
            assert {one.kind for one in seen} == expected
            assert len(seen) == len(expected)
    engine.dispose()


def test_an_opening_without_its_report_is_at_fault(computed: Deployment) -> None:
    with UnitOfWork(computed.owner) as unit:
        query = select(Opening.id).where(Opening.product == Product.SCHOOL_FEEDBACK)
        opening = unit.session.scalars(query.order_by(Opening.opens_at).limit(1)).one()
    computed.verify(opening)
    assert computed.findings() == set()
    lost = document_of(computed, REPORT, "WIS4")
    with UnitOfWork(computed.owner) as unit:
        unit.session.delete(unit.session.get_one(Document, lost.id))
    computed.verify(opening)
    assert not computed.manifest().is_complete
    computed.build(FIRST)
    computed.verify(opening)
    assert computed.manifest().is_complete
    assert computed.manifest().counts["schoolFeedbackReports"] >= 2
