"""Upserts from the staging tables to the stored tables by natural key, so that ids stay stable."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg

from shared.deliveries.manifest import Mode
from shared.deliveries.staging_tables import WRITTEN_ROWS

Parameters = dict[str, Any]
Changes = dict[str, int]


@dataclass(frozen=True, slots=True)
class Upsert:
    """The upsert of one table; `name` is its key in the report.

    `source` selects `key` and `values` of every delivered row. With `has_ordered_id` it also
    selects the `line`, and new rows get ids in that order.

    A full delivery sets `removed_at` of the rows that it does not contain. A table without that
    column removes them with the query `removal`, which has a row for each of them, or keeps them if
    that is None. An empty value
    of a column in `kept` does not replace the stored one. `school` and `student` are columns of the
    stored row with the ids for the audit log; a table without a school concerns all schools.
    """

    name: str
    table: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    source: str
    has_removed_at: bool = True
    removal: str | None = None
    has_ordered_id: bool = False
    kept: frozenset[str] = frozenset()
    school: str | None = None
    student: str | None = None


def ordered_uuid(number: str) -> str:
    """Return SQL of a new UUID (version 7) that sorts by `number`, an integer; 62 bits are random.

    Rows that are inserted in the order of their ids fill an index from one end; for half a million
    rows that takes half the time of random ids. The number is in the counter bits of version 7,
    and overflows into the milliseconds.
    """
    count = f"to_hex((extract(epoch from now()) * 1000)::bigint * 4096 + {number})"
    head = f"overlay(lpad({count}, 15, '0') placing '7' from 13 for 0)"
    return f"({head} || right(gen_random_uuid()::text, 17))::uuid"


def remove_items(source: str) -> str:
    """Return the query that removes item results; `source` selects from those, as `stored`.

    It returns their schools, students and components. A function removes them, since a login that
    may delete rows of a table may lock the table.
    """
    return f"""
        select removed.* from (
            select array_agg(stored.student_id) as students,
                   array_agg(stored.component_id) as components {source}
        ) found, remove_item_results(found.students, found.components) removed
    """


def run_upsert(
    connection: psycopg.Connection[Any], upsert: Upsert, mode: Mode, parameters: Parameters
) -> Changes:
    """Run the upsert and count the added, changed and removed rows.

    A full delivery does not write equal rows; a correction writes each row that it names.
    """

    def write(statement: str) -> int:
        return connection.execute(_recorded(upsert, statement), parameters).rowcount

    removal = _removal(upsert) if mode == "full" else None
    changed, added = write(_update(upsert)), write(_insert(upsert))
    return {"added": added, "changed": changed, "removed": write(removal) if removal else 0}


def _recorded(upsert: Upsert, statement: str) -> str:
    """Return the statement, with a row in the table of written rows for each row that it writes."""
    return f"""
        with written as ({statement})
        insert into {WRITTEN_ROWS} select '{upsert.name}', school_id, student_id from written
    """


def _returning(upsert: Upsert) -> str:
    school, student = (
        f"stored.{column}" if column else "null" for column in (upsert.school, upsert.student)
    )
    return f"returning {school} as school_id, {student}::uuid as student_id"


def _matches(upsert: Upsert) -> str:
    return " and ".join(f"stored.{name} = delivered.{name}" for name in upsert.key)


def _update(upsert: Upsert) -> str:
    names = (*upsert.values, *(("removed_at",) if upsert.has_removed_at else ()))
    new = [
        f"coalesce(delivered.{name}, stored.{name})" if name in upsert.kept else f"delivered.{name}"
        for name in upsert.values
    ]
    new += ["null::timestamptz"] if upsert.has_removed_at else []
    settings = ", ".join(f"{name} = {value}" for name, value in zip(names, new, strict=True))
    old = ", ".join(f"stored.{name}" for name in names)
    return f"""
        update {upsert.table} stored set {settings} from ({upsert.source}) delivered
        where {_matches(upsert)}
          and (%(is_correction)s or row({old}) is distinct from row({", ".join(new)}))
        {_returning(upsert)}
    """


def _insert(upsert: Upsert) -> str:
    names = values = ", ".join((*upsert.key, *upsert.values))
    if upsert.has_ordered_id:
        names, values = f"id, {names}", f"{ordered_uuid('line')}, {values}"
    return f"""
        insert into {upsert.table} as stored ({names})
        select {values} from ({upsert.source}) delivered
        where not exists (select from {upsert.table} stored where {_matches(upsert)})
        {_returning(upsert)}
    """


def _removal(upsert: Upsert) -> str | None:
    if not upsert.has_removed_at:
        return upsert.removal
    return f"""
        update {upsert.table} stored set removed_at = now()
        where stored.administration_id = %(administration)s and stored.removed_at is null
          and not exists (select from ({upsert.source}) delivered where {_matches(upsert)})
        {_returning(upsert)}
    """


_ADMINISTRATION: Final = "%(administration)s::varchar as administration_id"

CATALOGUE: Final = (
    Upsert(
        "targetGroups",
        "target_groups",
        ("administration_id", "code"),
        ("name", "education_level", "grade", "stream"),
        f"""select {_ADMINISTRATION}, target_group as code, name, education_level,
                   grade::int as grade, stream
            from staged_target_groups""",
    ),
    Upsert(
        "components",
        "components",
        ("administration_id", "code"),
        ("target_group_id", "subject", "name", "position", "is_calibration", "level_scale"),
        """select t.administration_id, s.component as code, t.id as target_group_id, s.subject,
                  s.name, s.position::int as position, s.calibration::boolean as is_calibration,
                  s.level_scale
           from staged_components s
           join target_groups t
             on t.administration_id = %(administration)s and t.code = s.target_group""",
    ),
    Upsert(
        "levels",
        "levels",
        ("administration_id", "level_scale", "code"),
        ("ordinal", "label", "attains_basic_literacy", "attains_final_objectives"),
        f"""select {_ADMINISTRATION}, level_scale, level as code, ordinal::int as ordinal, label,
                   attains_basic_literacy::boolean as attains_basic_literacy,
                   attains_final_objectives::boolean as attains_final_objectives
            from staged_levels""",
    ),
)

_DESCRIPTIONS: Final = """
    select c.id as component_id, l.id as level_id, s.text
    from staged_level_descriptions s
    join components c on c.administration_id = %(administration)s and c.code = s.component
    join levels l on l.administration_id = c.administration_id
      and l.level_scale = c.level_scale and l.code = s.level
"""

DESCRIPTIONS: Final = Upsert(
    "levelDescriptions",
    "level_descriptions",
    ("component_id", "level_id"),
    ("text",),
    _DESCRIPTIONS,
    has_removed_at=False,
    removal=f"""
        select null as school_id, null::uuid as student_id from (
            select array_agg(stored.component_id) as components,
                   array_agg(stored.level_id) as levels
            from level_descriptions stored join components c on c.id = stored.component_id
            where c.administration_id = %(administration)s
              and not exists (select from ({_DESCRIPTIONS}) delivered
                              where stored.component_id = delivered.component_id
                                and stored.level_id = delivered.level_id)
        ) missing, remove_level_descriptions(missing.components, missing.levels)""",
)

SCHOOLS: Final = (
    Upsert(
        "schools",
        "schools",
        ("id",),
        ("name", "municipality", "main_structure", "successor_of"),
        """select school as id, name, municipality, main_structure,
                  string_to_array(successor_of, '|')::varchar[] as successor_of
           from staged_schools""",
        has_removed_at=False,
        school="id",
    ),
    Upsert(
        "participations",
        "participations",
        ("administration_id", "school_id"),
        ("name", "municipality", "comparison_group"),
        f"""select {_ADMINISTRATION}, school as school_id, name, municipality, comparison_group
            from staged_schools""",
        school="school_id",
    ),
    Upsert(
        "classGroups",
        "class_groups",
        ("administration_id", "school_id", "name"),
        ("target_group_id", "site", "site_name", "sort_key"),
        """select t.administration_id, s.school as school_id, s.class_group as name,
                  t.id as target_group_id, s.site, s.site_name, s.sort_key, s.line
           from staged_class_groups s
           join target_groups t
             on t.administration_id = %(administration)s and t.code = s.target_group""",
        has_ordered_id=True,
        school="school_id",
    ),
)

STUDENTS: Final = Upsert(
    "students",
    "students",
    ("administration_id", "school_id", "delivered_as"),
    ("class_group_id", "family_name", "given_name", "stamnummer", "insz_hash", "sort_key"),
    """select g.administration_id, s.school as school_id, s.student as delivered_as,
              g.id as class_group_id, coalesce(s.family_name, '') as family_name,
              coalesce(s.given_name, '') as given_name, s.stamnummer, s.insz_hash, s.sort_key,
              s.line
       from staged_students s
       join class_groups g on g.administration_id = %(administration)s
         and g.school_id = s.school and g.name = s.class_group""",
    has_ordered_id=True,
    kept=frozenset({"insz_hash"}),
    school="school_id",
    student="id",
)

REFERENCES: Final = Upsert(
    "references",
    "delivered_references",
    ("administration_id", "school_id", "component_id", "reference", "level", "indicator"),
    ("value", "standard_error", "students"),
    """select c.administration_id, coalesce(s.school, '') as school_id, c.id as component_id,
              s.reference, coalesce(s.level, '') as level,
              coalesce(s.indicator, '') as indicator, s.value::numeric as value,
              s.standard_error::numeric as standard_error, s.students::int as students
       from staged_references s
       join components c on c.administration_id = %(administration)s and c.code = s.component""",
)

UPSERTS: Final = (*CATALOGUE, DESCRIPTIONS, *SCHOOLS, STUDENTS, REFERENCES)
"""The upserts in order of reference: each comes after the tables that it refers to."""
