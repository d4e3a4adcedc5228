"""A read looks at as many rows after ten administrations as after one."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import Engine, insert, text

from shared.access.decisions import act_for
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.repository import DocumentFilter
from shared.documents.service import list_documents, read_document
from shared.mandates.models import Mandate
from shared.results.service import (
    list_components,
    list_level_scales,
    list_results,
    list_student_results,
)
from shared.schools.service import list_schools
from shared.storage.store import Storage
from shared.students.repository import Cohort
from shared.students.service import list_students, read_student
from tests.access.row_counts import PLANNED_AFTER, difference, rows_read
from tests.access.years import YEARS, add_schools, add_years
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded, release, seed_schools
from tests.callers import IN_A_YEAR, OPERATOR, integrator_request, school_request

Read = Callable[[UnitOfWork, AccessRequest, Seeded], object]

PAGE = PageSelection(limit=50)
CLASS_GROUP = Cohort(SCHOOL, ADMINISTRATION, "4A")
DOCUMENTS = DocumentFilter(SCHOOL, ADMINISTRATION, class_group="4A")
READS_OF_STUDENTS: dict[str, Read] = {
    "results of a class group": lambda unit, access, _: list_results(
        unit, access, CLASS_GROUP, PAGE
    ),
    "results of a student": lambda unit, access, seeded: list_student_results(
        unit, access, seeded.students["first"], PAGE
    ),
    "students": lambda unit, access, _: list_students(unit, access, CLASS_GROUP, PAGE),
    "student": lambda unit, access, seeded: read_student(unit, access, seeded.students["first"]),
    "documents": lambda unit, access, _: list_documents(unit, access, DOCUMENTS, PAGE),
    "document": lambda unit, access, seeded: read_document(unit, access, seeded.documents["fiche"]),
}
READS_OF_ANYONE: dict[str, Read] = {
    "schools": lambda unit, access, _: list_schools(unit.session, access, ADMINISTRATION, PAGE),
    "level scales": lambda unit, access, _: list_level_scales(unit.session, access, ADMINISTRATION),
    "components": lambda unit, access, _: list_components(unit.session, access, ADMINISTRATION),
}
READS: dict[str, tuple[AccessRequest, Mapping[str, Read]]] = {
    "school": (school_request(SCHOOL), READS_OF_STUDENTS | READS_OF_ANYONE),
    "integrator": (
        integrator_request("mandated", {SCHOOL: "p"}),
        READS_OF_STUDENTS | READS_OF_ANYONE,
    ),
    "operator": (OPERATOR, READS_OF_ANYONE),
}
CASES = [(caller, name) for caller, (_, reads) in READS.items() for name in reads]

TABLES_OF_SCHOOLS = {"participations", "class_groups", "students", "results", "documents"}
"""The tables that grow by each school, and so by thousands of rows a year."""

Counted = dict[int, dict[tuple[str, str], dict[str, list[int]]]]
"""Scans and rows per number of administrations, read and table."""


@pytest.fixture(scope="module")
def api_engine(api_settings: Settings) -> Iterator[Engine]:
    engine = open_engine(api_settings, application_name="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def counted(sessions: Sessions, storage: Storage, api_engine: Engine) -> Counted:
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session, storage)
        release(unit)
        mandate = {
            "school_id": SCHOOL,
            "client": "mandated",
            "products": [Product.STUDENT_FEEDBACK],
            "purpose": "p",
            "decided_by": "portal",
            "from_on": text("current_date"),
            "until_on": IN_A_YEAR,
        }
        unit.session.execute(insert(Mandate).values(mandate))
        add_schools(unit.session, SCHOOL)
    single = {case: _rows_of(api_engine, seeded, case) for case in CASES}
    with UnitOfWork(sessions) as unit:
        add_years(unit.session, ADMINISTRATION)
    return {1: single, YEARS: {case: _rows_of(api_engine, seeded, case) for case in CASES}}


def _rows_of(engine: Engine, seeded: Seeded, case: tuple[str, str]) -> dict[str, list[int]]:
    """Return the scans and rows per table of a read, once its plans do not change any more."""
    caller, name = case
    access, reads = READS[caller]
    for _ in range(PLANNED_AFTER):
        with UnitOfWork(session_factory(engine)) as unit:
            act_for(unit, access.caller)
            before = rows_read(unit.session)
            reads[name](unit, access, seeded)
            read = difference(rows_read(unit.session), before)
    return read


@pytest.mark.parametrize("case", CASES, ids=" of ".join)
def test_reads_scan_no_table_of_schools(counted: Counted, case: tuple[str, str]) -> None:
    scanned = {table for table, (scans, *_) in counted[YEARS][case].items() if scans}
    assert not scanned & TABLES_OF_SCHOOLS


@pytest.mark.parametrize("case", CASES, ids=" of ".join)
def test_reads_look_at_as_many_rows_after_years(counted: Counted, case: tuple[str, str]) -> None:
    single, several = (_rows_per_table(counted[years][case]) for years in (1, YEARS))
    assert not {
        table: (single[table], several[table])
        for table in TABLES_OF_SCHOOLS
        if several[table] > single[table]
    }


def _rows_per_table(counts: dict[str, list[int]]) -> Counter[str]:
    """Add the rows that were read one after the other to those that an index found."""
    return Counter({table: read + found for table, (_, read, _, found, *_) in counts.items()})
