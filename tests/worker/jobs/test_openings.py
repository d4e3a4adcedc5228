"""Verification of openings by a worker with its own login, on a real store and real documents."""

from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from shared.access.products import Product
from shared.core.database import open_engine
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.releases.models import Manifest
from shared.storage.store import Storage
from shared.students.models import Student
from tests.worker.jobs.verified_deployment import FIRST, Deployment, document

pytestmark = pytest.mark.usefixtures("nothing_planned")


def test_a_complete_opening_has_a_signed_manifest_that_names_every_school(
    built: Deployment,
) -> None:
    opening = built.opening()
    outcome = built.verify(opening)
    assert outcome["faults"] == outcome["exceptions"] == 0
    assert (outcome["schools"], outcome["overviews"]) == (2, 2)
    assert outcome["fiches"] == outcome["students"]
    manifest = built.manifest()
    assert manifest.is_complete
    assert built.findings() == set()
    assert built.key.verifies(manifest.signature, opening, manifest.content_hash)
    assert not built.key.verifies(manifest.signature, uuid4(), manifest.content_hash)
    assert not built.key.verifies(manifest.signature, opening, b"?" * 32)


def test_a_second_verification_of_the_same_facts_is_the_same_manifest(built: Deployment) -> None:
    opening = built.opening()
    built.verify(opening)
    first = built.manifest()
    built.verify(opening)
    assert built.manifest().id == first.id


@pytest.mark.parametrize("kind", ["fiche", "overview", "ficheBundle", "fichePrint"])
def test_a_document_that_is_missing_is_a_fault_of_its_school(built: Deployment, kind: str) -> None:
    opening = built.opening()
    lost = document(built, kind)
    with UnitOfWork(built.owner) as unit:
        unit.session.delete(unit.session.get_one(Document, lost.id))
    built.verify(opening)
    assert not built.manifest().is_complete
    assert built.findings() == {("fault", f"{kind}Missing", FIRST)}
    built.build(FIRST)
    built.verify(opening)
    assert built.manifest().is_complete


def test_a_document_of_earlier_facts_is_a_fault(built: Deployment) -> None:
    opening = built.opening()
    built.verify(opening)
    assert built.is_current(opening)
    built.correct(results=[["s1", "LEZ4", "reported", "D", "1"]])
    assert not built.is_current(opening)
    built.verify(opening)
    assert {code for _, code, _ in built.findings()} >= {"ficheMissing", "overviewMissing"}
    assert {school for _, _, school in built.findings()} == {FIRST}
    built.build(FIRST)
    assert not built.is_current(opening)
    built.verify(opening)
    assert built.manifest().is_complete


def test_a_lost_object_and_a_flipped_byte_are_faults_of_their_school(built: Deployment) -> None:
    opening = built.opening()
    (key,) = document(built, "overview").storage_keys
    content = built.storage.read(key)
    built.storage.delete([key])
    built.verify(opening)
    assert built.findings() == {("fault", "objectMissing", FIRST)}
    built.storage.put(key, bytes([content[0] ^ 1]) + content[1:])
    built.verify(opening)
    assert built.findings() == {("fault", "bytesDiffer", FIRST)}
    built.storage.put(key, content)
    built.verify(opening)
    assert built.manifest().is_complete


def test_a_change_while_an_opening_is_verified_is_verified_too(built: Deployment) -> None:
    opening = built.opening()
    changes = iter([lambda: built.correct(results=[["s1", "LEZ4", "reported", "E", "1"]])])

    class ChangingStorage(Storage):
        def read(self, key: str) -> bytes:
            with suppress(StopIteration):
                next(changes)()
            return super().read(key)

    changing = Deployment(
        built.owner,
        built.worker,
        ChangingStorage(built.storage.backend, "file:///nowhere"),
        built.key,
        built.directory,
        built.sequence,
    )
    changing.verify(opening)
    built.sequence = built.sequence + 1
    assert built.is_current(opening)
    assert {school for _, _, school in built.findings()} == {FIRST}
    built.build(FIRST)


def test_a_manifest_of_another_product_is_its_plan(built: Deployment) -> None:
    opening = built.opening(Product.TEST_VIEWING)
    assert built.verify(opening) == {"exceptions": 0, "faults": 0, "schools": 0}
    assert built.manifest().is_complete


def test_numbers_of_students_are_compared_with_the_last_full_delivery(built: Deployment) -> None:
    opening = built.opening()
    assert built.verify(opening)["faults"] == 0
    with UnitOfWork(built.owner) as unit:
        unit.session.execute(
            text(
                "update deliveries set report = jsonb_set(report, '{rows,students.csv}', '99')"
                " where mode = 'full'"
            )
        )
        is_last = unit.session.execute(
            text("select mode from deliveries where status = 'applied' order by sequence desc")
        ).scalar()
    built.verify(opening)
    expected = {("fault", "studentsDifferFromDelivery", None)} if is_last == "full" else set()
    assert built.findings() == expected


def test_only_the_worker_writes_manifests(
    built: Deployment, settings_of: Callable[[str], Settings]
) -> None:
    opening = built.opening()
    for program in ("api", "operator", "importer"):
        engine = open_engine(settings_of(program), application_name="tests")
        with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text("select observe_opening(:id)"), {"id": opening})
        engine.dispose()


def test_a_fiche_that_cannot_be_drawn_is_a_named_exception(built: Deployment) -> None:
    opening = built.opening()
    with UnitOfWork(built.owner) as unit:
        student = unit.session.scalars(
            select(Student).where(Student.delivered_as == "s1", Student.school_id == FIRST)
        ).one()
        name, student.family_name = student.family_name, "\N{CJK UNIFIED IDEOGRAPH-738B}"
    built.build(FIRST)
    assert built.verify(opening)["exceptions"] == 1
    manifest = built.manifest()
    assert manifest.is_complete
    assert built.findings() == {("exception", "ficheCannotBeDrawn", FIRST)}
    with UnitOfWork(built.owner) as unit:
        content = unit.session.scalars(
            select(Manifest.content).where(Manifest.id == manifest.id)
        ).one()
        assert str(student.id) in content.decode()
        unit.session.get_one(Student, student.id).family_name = name
    built.build(FIRST)
