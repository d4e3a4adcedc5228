"""Integrity checks of the schools, class groups and students in a delivery."""

from typing import Final

from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    SCHOOLS,
    STUDENTS,
    TARGET_GROUPS,
)
from shared.deliveries.file_format import FORMAT_1_1
from shared.deliveries.integrity_check import IntegrityCheck, foreign_key_check

_SIX_DIGITS: Final = "~ '^[0-9]{6}$'"


def _shared_values(columns: str, table: str) -> str:
    """Return SQL of the rows with the same values as an earlier row of another student.

    The earlier row is in the table or view. NULL does not count as a value. Rows are grouped, not
    joined with each other: the cost of one number that a whole country shares must not be
    quadratic.
    """
    return f"""
        select s.line, null as value, k.first_line as context
        from staged_students s join (
            select {columns}, min(line) as first_line,
                   (array_agg(student order by line))[1] as first_student
            from {table} group by {columns} having min(student) <> max(student)
        ) k using ({columns})
        where s.line > k.first_line and s.student <> k.first_student
    """


ENROLMENT_CHECKS: Final = (
    IntegrityCheck(
        "newerFormat",
        SCHOOLS,
        "successor_of",
        f"""select line, successor_of as value, null as context from staged_schools
            where position('|' in successor_of) > 0 and %(version)s < '{FORMAT_1_1}'""",
        "Format 1.0 has one predecessor.",
        f"Set formatVersion in delivery.json to {FORMAT_1_1}, or give one school number.",
    ),
    foreign_key_check(
        CLASS_GROUPS, "school", "effective_schools", SCHOOLS, only=f"s.school {_SIX_DIGITS}"
    ),
    foreign_key_check(CLASS_GROUPS, "target_group", "effective_target_groups", TARGET_GROUPS),
    foreign_key_check(
        STUDENTS, "school", "effective_schools", SCHOOLS, only=f"s.school {_SIX_DIGITS}"
    ),
    foreign_key_check(
        STUDENTS,
        "class_group",
        "effective_class_groups",
        CLASS_GROUPS,
        on="k.school = s.school and k.class_group = s.class_group",
        only="exists (select from effective_schools k where k.school = s.school)",
        reads_stored=True,
    ),
    IntegrityCheck(
        "missingValue",
        STUDENTS,
        "family_name",
        """select line, null as value, null as context from staged_students
           where family_name is null and given_name is null""",
        "The student has no name.",
        "Give a family name, a given name, or both.",
    ),
    IntegrityCheck(
        "duplicateStamnummer",
        STUDENTS,
        "stamnummer",
        _shared_values("school, stamnummer", STUDENTS.table),
        "Another student of the same school has this stamnummer (line {context}).",
        "Correct one of the two.",
    ),
    IntegrityCheck(
        "duplicateStamnummer",
        STUDENTS,
        "stamnummer",
        _shared_values("school, stamnummer", "effective_enrolments"),
        "A stored student of the same school has this stamnummer.",
        "Correct one of the two.",
        is_for_corrections=True,
        reads_stored=True,
    ),
    IntegrityCheck(
        "inszShared",
        STUDENTS,
        "insz",
        _shared_values("insz_hash", STUDENTS.table),
        "Another student has the same INSZ (line {context}).",
        "Check whether both are the same student: one student has one code in every school.",
        is_warning=True,
    ),
)
