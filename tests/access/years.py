"""Rows of more schools and of more years: copies of those of one seeded school and year."""

from sqlalchemy import text
from sqlalchemy.orm import Session

SCHOOLS, YEARS = 300, 10
"""Numbers with which PostgreSQL prefers an index to a scan of a whole table."""

_SCHOOLS_TO_ADD = "generate_series(200001, 200000 + :schools) number"
_ADD_SCHOOLS = {
    "schools": f"""
        insert into schools (id, name, municipality, main_structure)
        select number::text, name, municipality, main_structure
        from schools, {_SCHOOLS_TO_ADD} where id = :school""",
    "participations": f"""
        insert into participations (administration_id, school_id, name, municipality)
        select administration_id, number::text, name, municipality
        from participations, {_SCHOOLS_TO_ADD} where school_id = :school""",
    "class_groups": f"""
        insert into class_groups (administration_id, school_id, name, target_group_id, sort_key)
        select administration_id, number::text, name, target_group_id, sort_key
        from class_groups, {_SCHOOLS_TO_ADD} where school_id = :school""",
    "students": """
        insert into students (administration_id, school_id, class_group_id, delivered_as,
                              family_name, given_name, sort_key)
        select student.administration_id, own.school_id, own.id, delivered_as, family_name,
               given_name, student.sort_key
        from students student join class_groups class_group on class_group.id = class_group_id
        join class_groups own on own.name = class_group.name and own.school_id >= '200001'
        where student.school_id = :school and student.removed_at is null""",
    "results": """
        insert into results (administration_id, school_id, student_id, component_id, status,
                             level_id, delivery_id)
        select result.administration_id, own.school_id, own.id, component_id, status, level_id,
               delivery_id
        from results result join students student on student.id = student_id
        join students own on own.delivered_as = student.delivered_as and own.school_id >= '200001'
        where result.school_id = :school and superseded_at is null""",
    "documents": f"""
        insert into documents (kind, administration_id, school_id, class_group_id, student_id,
                               component_ids, storage_keys, byte_offsets, byte_sizes, sha256,
                               media_type, file_name, template_version, content_sha256, job_id)
        select kind, document.administration_id, number::text, class_group.id, student.id,
               component_ids, storage_keys, byte_offsets, byte_sizes, sha256, media_type,
               file_name, template_version, content_sha256, job_id
        from documents document cross join {_SCHOOLS_TO_ADD}
        left join class_groups former_group on former_group.id = document.class_group_id
        left join class_groups class_group
            on class_group.name = former_group.name and class_group.school_id = number::text
        left join students former_student on former_student.id = document.student_id
        left join students student on student.delivered_as = former_student.delivered_as
            and student.school_id = number::text
        where document.school_id = :school and former_student.removed_at is null""",
}

_ADD_YEAR = {
    "administrations": """
        insert into administrations (id, school_year, name, tested_from_on, tested_until_on)
        select :year, school_year, name, tested_from_on, tested_until_on
        from administrations where id = :seeded""",
    "target_groups": """
        insert into target_groups (administration_id, code, name, education_level, grade)
        select :year, code, name, education_level, grade
        from target_groups where administration_id = :seeded""",
    "components": """
        insert into components (administration_id, code, target_group_id, subject, name, position,
                                is_calibration, level_scale)
        select :year, component.code, own.id, subject, component.name, position, is_calibration,
               level_scale
        from components component join target_groups former on former.id = target_group_id
        join target_groups own on own.code = former.code and own.administration_id = :year
        where component.administration_id = :seeded""",
    "levels": """
        insert into levels (administration_id, level_scale, code, ordinal, label)
        select :year, level_scale, code, ordinal, label
        from levels where administration_id = :seeded""",
    "participations": """
        insert into participations (administration_id, school_id, name, municipality, removed_at)
        select :year, school_id, name, municipality, removed_at
        from participations where administration_id = :seeded""",
    "class_groups": """
        insert into class_groups (administration_id, school_id, name, target_group_id, sort_key)
        select :year, school_id, class_group.name, own.id, sort_key
        from class_groups class_group join target_groups former on former.id = target_group_id
        join target_groups own on own.code = former.code and own.administration_id = :year
        where class_group.administration_id = :seeded""",
    "students": """
        insert into students (administration_id, school_id, class_group_id, delivered_as,
                              family_name, given_name, sort_key, removed_at)
        select :year, student.school_id, own.id, delivered_as, family_name, given_name,
               student.sort_key, student.removed_at
        from students student join class_groups former on former.id = class_group_id
        join class_groups own on own.name = former.name and own.school_id = former.school_id
            and own.administration_id = :year
        where student.administration_id = :seeded""",
    "results": """
        insert into results (administration_id, school_id, student_id, component_id, status,
                             level_id, delivery_id)
        select :year, result.school_id, own.id, component.id, status, level.id, delivery_id
        from results result join students student on student.id = student_id
        join students own on own.delivered_as = student.delivered_as
            and own.school_id = student.school_id and own.administration_id = :year
        join components former on former.id = component_id
        join components component
            on component.code = former.code and component.administration_id = :year
        left join levels former_level on former_level.id = level_id
        left join levels level on level.code = former_level.code
            and level.level_scale = former_level.level_scale and level.administration_id = :year
        where result.administration_id = :seeded and superseded_at is null""",
    "documents": """
        insert into documents (kind, administration_id, school_id, class_group_id, student_id,
                               component_ids, storage_keys, byte_offsets, byte_sizes, sha256,
                               media_type, file_name, template_version, content_sha256, job_id)
        select kind, :year, document.school_id, class_group.id, student.id,
               array(select own.id from components own join components former using (code)
                     where former.id = any(component_ids) and own.administration_id = :year),
               storage_keys, byte_offsets, byte_sizes, sha256, media_type, file_name,
               template_version, content_sha256, job_id
        from documents document
        left join class_groups former_group on former_group.id = document.class_group_id
        left join class_groups class_group on class_group.name = former_group.name
            and class_group.school_id = former_group.school_id
            and class_group.administration_id = :year
        left join students former_student on former_student.id = document.student_id
        left join students student on student.delivered_as = former_student.delivered_as
            and student.school_id = former_student.school_id and student.administration_id = :year
        where document.administration_id = :seeded""",
    "release_windows": """
        insert into release_windows (administration_id, product, opens_at, never)
        select :year, product, opens_at, never
        from release_windows where administration_id = :seeded""",
}


def add_schools(session: Session, school_id: str) -> None:
    """Add schools with the same class groups, students, results and documents as this one."""
    _add(session, _ADD_SCHOOLS, school=school_id, schools=SCHOOLS)


def add_years(session: Session, seeded: str) -> None:
    """Add administrations with the same rows as the seeded one, up to `YEARS`."""
    for number in range(1, YEARS):
        _add(session, _ADD_YEAR, seeded=seeded, year=str(int(seeded) + number))


def _add(session: Session, statements: dict[str, str], **values: str | int) -> None:
    """Execute the statements, and take the statistics that an import and autovacuum take."""
    for statement in statements.values():
        names = text(statement).compile().params
        session.execute(text(statement), {name: values[name] for name in names})
    session.execute(text("select analyze_imported_tables()"))
    session.execute(text("analyze documents"))
