"""A class list of 30 pupils, read in pages of 10 while a delivery adds or removes pupils."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.removal_check import RemovalLimit
from shared.students.models import Student
from shared.students.repository import Cohort, page_of_students
from tests.deliveries.delivery_files import run_import

DELIVERIES = Path(__file__).parents[1] / "data" / "paging-while-corrected"
NAMES = ("full-1", "correction-2-one-more", "full-3-three-fewer")
ANY = RemovalLimit(max_share=1)


def present(unit: UnitOfWork) -> set[UUID]:
    return set(unit.session.scalars(select(Student.id).where(Student.removed_at.is_(None))))


@pytest.mark.parametrize("earlier", [1, 2])
def test_pupils_who_are_there_throughout_are_read_once(unit: UnitOfWork, earlier: int) -> None:
    for name in NAMES[:earlier]:
        assert run_import(unit.session, DELIVERIES / name).status == "applied"
    before = present(unit)
    school = unit.session.scalars(select(Student.school_id).distinct()).one()
    page = page_of_students(unit.session, Cohort(school), PageSelection(10))
    read = [student.id for student, _ in page.rows]
    during = DELIVERIES / NAMES[earlier]
    assert run_import(unit.session, during, removals=ANY).status == "applied"
    while page.last_key is not None:
        selection = PageSelection(10, after=page.last_key)
        page = page_of_students(unit.session, Cohort(school), selection)
        read += [student.id for student, _ in page.rows]
    assert len(read) == len(set(read))
    assert before & present(unit) <= set(read)
