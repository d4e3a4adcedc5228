"""Checks of the person behind a student code: within a delivery, and against what is stored."""

from typing import Any, Final

import psycopg
from psycopg.rows import scalar_row

from shared.deliveries.delivery_format import STUDENTS
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.integrity_check import IntegrityCheck, has_nothing_in_common
from shared.deliveries.staging_tables import ENDED_ENROLMENTS

OTHER_STUDENT: Final = "otherStudent"
TOO_MANY_REFUSALS: Final = "tooManyRefusals"

MAX_REFUSALS: Final = 10
"""Refusals of a client in 24 hours, after which no INSZ of its deliveries is compared.

The same limit holds for the stamnummers of its corrections.
"""

_MAX_LOCATED: Final = 10
"""Lines that a refusal names: each tells that an INSZ is not the stored one."""

_NAMED: Final = f"""(
    select line, student, school, insz_hash, previous_insz_hash from {STUDENTS.table}
    union all
    select line, student, school, insz_hash, previous_insz_hash from {ENDED_ENROLMENTS}
)"""

_NAME: Final = "concat_ws(' ', {0}.family_name, {0}.given_name)"
_HAS_OTHER_NAME: Final = has_nothing_in_common(_NAME.format("s"), _NAME.format("k"))

IDENTITY_CHECKS: Final = (
    IntegrityCheck(
        "duplicateKey",
        STUDENTS,
        "enrolment",
        f"""select greatest(s.line, k.line) as line, s.student as value,
                   least(s.line, k.line) as context
            from {ENDED_ENROLMENTS} s join {_NAMED} k using (student, school)
            where s.line <> k.line group by 1, 2, 3""",
        "The same student and school is already on line {context}.",
        "An enrolment is active or ended: write it once.",
    ),
    IntegrityCheck(
        "codeOfTwoStudents",
        STUDENTS,
        "insz",
        f"""select s.line, s.student as value, k.first_line as context
            from {_NAMED} s join (
                select student, min(line) as first_line,
                       (array_agg(insz_hash order by line))[1] as first_hash
                from {_NAMED} named where insz_hash is not null
                group by student having count(distinct insz_hash) > 1
            ) k using (student) where s.insz_hash <> k.first_hash""",
        "The student code has another INSZ on line {context}: it stands for two students.",
        "Give each student one code (a spreadsheet rounds codes of more than 15 digits), and each "
        "code one INSZ.",
    ),
    IntegrityCheck(
        "previousInszAlone",
        STUDENTS,
        "previous_insz",
        f"""select line, null as value, null as context from {_NAMED} named
            where previous_insz_hash is not null and insz_hash is null""",
        "The row has a previous INSZ, and no INSZ.",
        "Give the INSZ of the student now, or leave the previous one empty.",
    ),
    IntegrityCheck(
        "previousInszEqual",
        STUDENTS,
        "previous_insz",
        f"""select line, null as value, null as context from {_NAMED} named
            where previous_insz_hash = insz_hash""",
        "The previous INSZ is the INSZ.",
        "Give the number that the student had before, or leave it empty.",
    ),
    IntegrityCheck(
        "otherName",
        STUDENTS,
        "family_name",
        f"""select s.line, null as value, k.line as context
            from {STUDENTS.table} s join (
                select student, min(line) as line from {STUDENTS.table}
                group by student having count(*) > 1
            ) first using (student) join {STUDENTS.table} k on k.line = first.line
            where s.line <> k.line and {_HAS_OTHER_NAME}""",
        "The name has nothing in common with that of the same student code on line {context}.",
        "Check whether both are the same student: each student has a code of its own.",
        is_warning=True,
    ),
    IntegrityCheck(
        "danglingReference",
        STUDENTS,
        "enrolment",
        f"""select s.line, s.student as value, null as context from {ENDED_ENROLMENTS} s
            where not exists (
                select from students p where p.administration_id = %(administration)s
                  and p.delivered_as = s.student and p.school_id = s.school
            )""",
        "The enrolment that ends is not stored.",
        "Correct the student or the school.",
        is_for_corrections=True,
        reads_stored=True,
    ),
)

# A stored row of the same enrolment counts also if it was removed: the delivery would make it a row
# of another person. Codes that were stored for two persons, before numbers were compared, can be
# separated by a full delivery.
_OTHER_STUDENTS: Final = f"""
    select distinct s.line from {_NAMED} s
    join students p on p.administration_id = %(administration)s and p.delivered_as = s.student
    where p.insz_hash <> s.insz_hash
      and p.insz_hash is distinct from s.previous_insz_hash
      and (p.school_id = s.school or p.removed_at is null and not exists (
          select from students own
          where own.administration_id = %(administration)s and own.delivered_as = s.student
            and own.removed_at is null and own.insz_hash in (s.insz_hash, s.previous_insz_hash)
      ))
    order by s.line limit {_MAX_LOCATED}
"""

_OTHER_NAMES: Final = f"""
    select distinct s.line from {STUDENTS.table} s
    join students k on k.administration_id = %(administration)s and k.delivered_as = s.student
      and (k.school_id = s.school or k.removed_at is null)
    where (k.family_name, k.given_name)
          is distinct from (coalesce(s.family_name, ''), coalesce(s.given_name, ''))
      and {_HAS_OTHER_NAME}
    order by s.line
"""

_HAS_INSZ: Final = f"select from {_NAMED} named where insz_hash is not null limit 1"


def check_other_students(
    connection: psycopg.Connection[Any], administration: str, refusals: int, findings: Findings
) -> None:
    """Add a fault for each of the first codes that stand for somebody else in stored rows.

    After too many `refusals` of the client, no number is compared: each comparison tells whether a
    number is the stored one. No other fault must be found already.
    """
    if refusals >= MAX_REFUSALS:
        if connection.execute(_HAS_INSZ).rowcount:
            findings.faults.add(
                too_many_refusals(
                    "insz",
                    "because codes of students stand for somebody else. Until then, its deliveries "
                    "with INSZ numbers are refused.",
                )
            )
        return
    for line in _lines(connection, _OTHER_STUDENTS, administration):
        findings.faults.add(
            Fault(
                OTHER_STUDENT,
                "The student code stands for somebody else.",
                "Give the student a code of its own. If the number of this student changed, give "
                'the stored one in previous_insz, with formatVersion "1.1".',
                STUDENTS.name,
                line,
                "insz",
            )
        )


def warn_of_other_names(
    connection: psycopg.Connection[Any], administration: str, findings: Findings
) -> None:
    """Add a warning for each name unlike the stored one; the delivery is about to be applied."""
    for line in _lines(connection, _OTHER_NAMES, administration):
        findings.warnings.add(
            Fault(
                "otherName",
                "The name has nothing in common with the one that was stored for this student.",
                "Check whether the code stands for the same student. If not, correct the delivery.",
                STUDENTS.name,
                line,
                "family_name",
            )
        )


def _lines(connection: psycopg.Connection[Any], query: str, administration: str) -> list[int]:
    cursor = connection.cursor(row_factory=scalar_row)
    return cursor.execute(query, {"administration": administration}).fetchall()


def too_many_refusals(column: str, reason: str) -> Fault:
    """Return the fault that no number in the column of students.csv is compared for now."""
    return Fault(
        TOO_MANY_REFUSALS,
        f"{MAX_REFUSALS} deliveries of this client were refused in 24 hours {reason}",
        "Compare the codes and numbers with their source, and submit the delivery later.",
        STUDENTS.name,
        column=column,
    )
