"""Two schools with students, results and documents, for a migrated and empty database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, inspect, select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.collation import class_list_key
from shared.core.database import Base, Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.documents.hand_out_lists.models import MissingFiche
from shared.documents.models import Document
from shared.jobs.models import Job
from shared.results.models import (
    Administration,
    Component,
    Level,
    LevelDescription,
    Result,
    ScaleScore,
    TargetGroup,
)
from shared.schools.models import Participation, School
from shared.storage.store import Storage
from shared.students.models import ClassGroup, Student
from tests.releasing import add_window, close_everything, remove_windows

ADMINISTRATION = "2024"
SCHOOL, OTHER, GONE = "000028", "007947", "111111"
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
BUNDLE = b"PK-bundle:" + bytes(range(256)) * 8
FICHE_OFFSET, FICHE_SIZE = 10, 1000
FICHE = BUNDLE[FICHE_OFFSET : FICHE_OFFSET + FICHE_SIZE]
OVERVIEW = b"the overview of a school"
OBJECTS = {"zip": "documents/bundle.zip", "xlsx": "documents/overview.xlsx"}
SCHOOL_BUNDLE = BUNDLE[:1500] + OVERVIEW


@dataclass
class Seeded:
    """The keys of the seeded rows, by a label that names what is special about them."""

    target_groups: dict[str, int] = field(default_factory=dict)
    components: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    class_groups: dict[str, UUID] = field(default_factory=dict)
    students: dict[str, UUID] = field(default_factory=dict)
    documents: dict[str, UUID] = field(default_factory=dict)
    delivery: UUID | None = None
    job: UUID | None = None


def seed_schools(session: Session, storage: Storage | None = None) -> Seeded:
    """Add the rows; documents only with a storage for their bytes."""
    seeded = Seeded()
    _seed_catalogue(session, seeded)
    _seed_schools(session, seeded)
    _seed_results(session, seeded)
    if storage is not None:
        _seed_documents(session, seeded, storage)
    return seeded


def _add(session: Session, model: type[Base], **values: Any) -> Any:
    return session.scalar(insert(model).values(**values).returning(*inspect(model).primary_key))


def _seed_catalogue(session: Session, seeded: Seeded) -> None:
    _add(
        session,
        Administration,
        id=ADMINISTRATION,
        school_year="2023-2024",
        name="Vlaamse toetsen 2024",
        tested_from_on=date(2024, 4, 22),
        tested_until_on=date(2024, 5, 17),
    )
    seeded.delivery = _add(session, Delivery, status="applied", received_from="tests")
    of = {"administration_id": ADMINISTRATION}
    for code, level in (("LO4", "lager"), ("SO2A", "secundair")):
        seeded.target_groups[code] = _add(
            session, TargetGroup, **of, code=code, name=code, education_level=level, grade=4
        )
    for code, group, position, is_calibration in (
        ("LO4-LEZ", "LO4", 1, False),
        ("LO4-WIS", "LO4", 2, False),
        ("SO2A-LEZ", "SO2A", 1, False),
        ("SO2A-KAL", "SO2A", 2, True),
    ):
        seeded.components[code] = _add(
            session,
            Component,
            **of,
            code=code,
            target_group_id=seeded.target_groups[group],
            subject="nederlands" if code.endswith("LEZ") else "wiskunde",
            name=f"Onderdeel {code}",
            position=position,
            is_calibration=is_calibration,
            level_scale=group[:2],
        )
    for ordinal, code in enumerate("EDCBA", start=1):
        for scale in ("LO", "SO"):
            seeded.levels[f"{scale}-{code}"] = _add(
                session,
                Level,
                **of,
                level_scale=scale,
                code=code,
                ordinal=ordinal,
                label=f"Niveau {code}",
            )
    ids = {"component_id": seeded.components["LO4-LEZ"], "level_id": seeded.levels["LO-C"]}
    _add(session, LevelDescription, **ids, text="Leest een gewone tekst.")


def _seed_schools(session: Session, seeded: Seeded) -> None:
    for number in (SCHOOL, OTHER, GONE):
        description = {"name": f"School {number}", "municipality": "Genk"}
        _add(session, School, id=number, main_structure="211", **description)
        removed_at = LONG_AGO if number == GONE else None
        participation = {"administration_id": ADMINISTRATION, "school_id": number}
        _add(session, Participation, **participation, **description, removed_at=removed_at)
    for name, school, group in (
        ("4A", SCHOOL, "LO4"),
        ("4B", SCHOOL, "LO4"),
        ("2A", OTHER, "SO2A"),
        ("4Z", GONE, "LO4"),
    ):
        seeded.class_groups[name] = _add(
            session,
            ClassGroup,
            administration_id=ADMINISTRATION,
            school_id=school,
            name=name,
            target_group_id=seeded.target_groups[group],
        )
    for label, school, group in (
        ("first", SCHOOL, "4A"),
        ("second", SCHOOL, "4A"),
        ("removed", SCHOOL, "4A"),
        ("third", SCHOOL, "4B"),
        ("other", OTHER, "2A"),
        ("gone", GONE, "4Z"),
    ):
        seeded.students[label] = _add(
            session,
            Student,
            administration_id=ADMINISTRATION,
            school_id=school,
            class_group_id=seeded.class_groups[group],
            delivered_as=label,
            family_name=f"Familie-{label}",
            given_name=f"Voornaam-{label}",
            insz_hash=b"\1" * 32,
            sort_key=class_list_key(group, f"Familie-{label}", f"Voornaam-{label}", label),
            removed_at=LONG_AGO if label == "removed" else None,
        )


def _seed_results(session: Session, seeded: Seeded) -> None:
    for label, component, status, level in (
        ("first", "LO4-LEZ", "reported", "LO-C"),
        ("first", "LO4-WIS", "absent", None),
        ("second", "LO4-LEZ", "reported", "LO-A"),
        ("removed", "LO4-LEZ", "reported", "LO-A"),
        ("third", "LO4-WIS", "exempt", None),
        ("other", "SO2A-LEZ", "reported", "SO-B"),
        ("other", "SO2A-KAL", "reported", "SO-E"),
        ("gone", "LO4-LEZ", "reported", "LO-A"),
    ):
        result = add_result(session, seeded, label, component, status, level)
        if status == "reported":
            school = session.scalar(select(Result.school_id).where(Result.id == result))
            _add(session, ScaleScore, result_id=result, school_id=school, score=Decimal("251.25"))
    add_result(session, seeded, "first", "LO4-LEZ", "reported", "LO-E", is_superseded=True)


def add_result(
    session: Session,
    seeded: Seeded,
    label: str,
    component: str,
    status: str,
    level: str | None,
    *,
    is_superseded: bool = False,
) -> UUID:
    student = session.get_one(Student, seeded.students[label])
    result: UUID = _add(
        session,
        Result,
        administration_id=ADMINISTRATION,
        school_id=student.school_id,
        student_id=student.id,
        component_id=seeded.components[component],
        status=status,
        level_id=seeded.levels[level] if level else None,
        delivery_id=seeded.delivery,
        superseded_at=LONG_AGO if is_superseded else None,
        superseded_by_delivery_id=seeded.delivery if is_superseded else None,
    )
    return result


def _seed_documents(session: Session, seeded: Seeded, storage: Storage) -> None:
    seeded.job = _add(
        session,
        Job,
        kind="documents.build",
        lane="bulk",
        subject="seeded",
        requested_by="tests",
        state="done",
        finished_at=func.now(),
    )
    storage.put(OBJECTS["zip"], BUNDLE)
    storage.put(OBJECTS["xlsx"], OVERVIEW)
    for label, kind, school, group, student, components in (
        ("fiche", "fiche", SCHOOL, "4A", "first", ["LO4-LEZ", "LO4-WIS"]),
        ("reading only", "fiche", SCHOOL, "4A", "second", ["LO4-LEZ"]),
        ("of removed", "fiche", SCHOOL, "4A", "removed", ["LO4-LEZ"]),
        ("bundle", "ficheBundle", SCHOOL, "4A", None, ["LO4-LEZ", "LO4-WIS"]),
        ("school bundle", "ficheBundle", SCHOOL, None, None, ["LO4-LEZ", "LO4-WIS"]),
        ("print", "fichePrint", SCHOOL, "4A", None, ["LO4-LEZ", "LO4-WIS"]),
        ("overview", "overview", SCHOOL, None, None, ["LO4-LEZ", "LO4-WIS"]),
        ("of other", "fiche", OTHER, "2A", "other", ["SO2A-LEZ"]),
        ("of gone", "fiche", GONE, "4Z", "gone", ["LO4-LEZ"]),
    ):
        seeded.documents[label] = _add(
            session,
            Document,
            kind=kind,
            administration_id=ADMINISTRATION,
            school_id=school,
            class_group_id=seeded.class_groups[group] if group else None,
            student_id=seeded.students[student] if student else None,
            component_ids=[seeded.components[code] for code in components],
            **_storage_of(label if label == "school bundle" else kind),
            template_version="1",
            content_sha256=b"\2" * 32,
            job_id=seeded.job,
        )
    of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL, "facts_revision": 1}
    missing = {"component_ids": [seeded.components["LO4-WIS"]], "reason": "undrawableText"}
    _add(session, MissingFiche, student_id=seeded.students["third"], **of, **missing)


def _storage_of(name: str) -> dict[str, Any]:
    keys, offsets, sizes, media_type, file_name = {
        "fiche": (["zip"], [FICHE_OFFSET], [FICHE_SIZE], "application/pdf", "Žofie O'Brien.pdf"),
        "ficheBundle": (["zip"], [0], [len(BUNDLE)], "application/zip", "4A.zip"),
        "school bundle": (["zip", "xlsx"], [0, 0], [1500, len(OVERVIEW)], "application/zip", "a"),
        "fichePrint": (["xlsx"], [0], [len(OVERVIEW)], "application/pdf", "4A.pdf"),
        "overview": (["xlsx"], [0], [len(OVERVIEW)], "application/vnd.x", 'over"view.xlsx'),
    }[name]
    stored = {"zip": BUNDLE, "xlsx": OVERVIEW}
    parts = zip(keys, offsets, sizes, strict=True)
    content = b"".join(stored[key][offset : offset + size] for key, offset, size in parts)
    return {
        "storage_keys": [OBJECTS[key] for key in keys],
        "byte_offsets": offsets,
        "byte_sizes": sizes,
        "sha256": sha256(content).digest(),
        "media_type": media_type,
        "file_name": file_name,
    }


def release(unit: UnitOfWork, opens_in: timedelta = timedelta(hours=-1), **scope: Any) -> None:
    """Open the administration, or the scope that is named, this long from now, and not else."""
    opens_at = datetime.now(UTC) + opens_in
    remove_windows(unit.session, ADMINISTRATION, **scope)
    add_window(unit.session, ADMINISTRATION, Product.STUDENT_FEEDBACK, opens_at=opens_at, **scope)


@contextmanager
def released(sessions: Sessions, opens_in: timedelta = timedelta(hours=-1)) -> Iterator[None]:
    """Give the administration just this window, and remove it at the end."""
    with UnitOfWork(sessions) as unit:
        release(unit, opens_in)
    try:
        yield
    finally:
        with UnitOfWork(sessions) as unit:
            close_everything(unit.session)
