"""Rules of the catalogue, schools, class groups and students of a delivery."""

from typing import Final

from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    COMPONENTS,
    LEVEL_DESCRIPTIONS,
    LEVELS,
    SCHOOLS,
    STUDENTS,
    TARGET_GROUPS,
)
from shared.deliveries.integrity_check import Check, refers

_SIX_DIGITS: Final = "~ '^[0-9]{6}$'"


def _shared(columns: str) -> str:
    """Rows that have the same values as a row of another student before them; NULL is no value.

    Grouped, not joined row by row: one number that a whole country shares must not cost its square.
    """
    return f"""
        select s.line, null as value, k.first_line as context
        from staged_students s join (
            select {columns}, min(line) as first_line,
                   (array_agg(student order by line))[1] as first_student
            from known_enrolments group by {columns} having min(student) <> max(student)
        ) k using ({columns})
        where s.line > k.first_line and s.student <> k.first_student
    """


CATALOGUE: Final = (
    refers(COMPONENTS, "target_group", "known_target_groups", TARGET_GROUPS),
    refers(COMPONENTS, "level_scale", "known_levels", LEVELS),
    refers(LEVEL_DESCRIPTIONS, "component", "known_components", COMPONENTS),
    Check(
        "unknownLevel",
        LEVEL_DESCRIPTIONS,
        "level",
        """select d.line, d.level as value, null as context
           from staged_level_descriptions d join known_components c using (component)
           where d.level is not null and not exists (
               select from known_levels l where l.level_scale = c.level_scale and l.level = d.level
           )""",
        "The scale of the component has no such level.",
        "Use a level that levels.csv gives for the component's scale.",
        (COMPONENTS, LEVELS),
    ),
    Check(
        "ordinalsNotInOrder",
        LEVELS,
        "ordinal",
        """select min(s.line) as line, null as value, null as context
           from staged_levels s where s.level_scale in (
               select level_scale from known_levels group by level_scale
               having bool_and(ordinal ~ '^[1-9][0-9]{0,3}$') and (
                   count(distinct ordinal) <> count(*)
                   or max(case when ordinal ~ '^[1-9][0-9]{0,3}$' then ordinal::int end)
                      <> count(*)
               )
           ) group by s.level_scale""",
        "The ordinals of this scale do not run from 1 without a gap, each of them once.",
        "Number the levels of a scale 1, 2, 3, … from the lowest.",
        (LEVELS,),
    ),
)

SCHOOLS_AND_STUDENTS: Final = (
    Check(
        "successorOfItself",
        SCHOOLS,
        "successor_of",
        """select line, successor_of as value, null as context from staged_schools
           where successor_of = school""",
        "The school is named as its own successor.",
        "Name the number that the school had before, or leave it empty.",
    ),
    refers(CLASS_GROUPS, "school", "known_schools", SCHOOLS, only=f"s.school {_SIX_DIGITS}"),
    refers(CLASS_GROUPS, "target_group", "known_target_groups", TARGET_GROUPS),
    refers(STUDENTS, "school", "known_schools", SCHOOLS, only=f"s.school {_SIX_DIGITS}"),
    refers(
        STUDENTS,
        "class_group",
        "known_class_groups",
        CLASS_GROUPS,
        on="k.school = s.school and k.class_group = s.class_group",
        only="exists (select from known_schools k where k.school = s.school)",
    ),
    Check(
        "duplicateStamnummer",
        STUDENTS,
        "stamnummer",
        _shared("school, stamnummer"),
        "Another student of the same school has this stamnummer (line {context}; 0: stored).",
        "Correct one of the two.",
    ),
    Check(
        "inszShared",
        STUDENTS,
        "insz",
        _shared("insz_hash"),
        "Another student has the same INSZ (line {context}; 0: stored).",
        "Check whether it is one pupil; one who is enrolled twice has one student code.",
        is_warning=True,
    ),
)
