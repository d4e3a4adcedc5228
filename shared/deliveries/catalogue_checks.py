"""Integrity checks of the catalogue in a delivery."""

from typing import Final

from shared.deliveries.delivery_format import (
    COMPONENTS,
    LEVEL_DESCRIPTIONS,
    LEVELS,
    TARGET_GROUPS,
)
from shared.deliveries.integrity_check import IntegrityCheck, foreign_key_check

_ORDINAL: Final = "'^[1-9][0-9]{0,3}$'"


def _attainment_check(column: str) -> IntegrityCheck:
    """Return the check that no level attains less than a lower one; empty is not compared."""
    return IntegrityCheck(
        "attainsNotHigher",
        LEVELS,
        column,
        f"""select min(s.line) as line, null as value, null as context
            from staged_levels s where s.level_scale in (
                select level_scale from effective_levels where ordinal ~ {_ORDINAL}
                group by level_scale
                having min(case when {column} = 'true' then ordinal::int end)
                     < max(case when {column} = 'false' then ordinal::int end)
            ) group by s.level_scale""",
        "In this level scale, a level does not attain what a lower one attains.",
        "Check the direction of the ordinals: 1 is the lowest level. Otherwise correct the value.",
        (LEVELS,),
    )


CATALOGUE_CHECKS: Final = (
    foreign_key_check(COMPONENTS, "target_group", "effective_target_groups", TARGET_GROUPS),
    foreign_key_check(COMPONENTS, "level_scale", "effective_levels", LEVELS),
    foreign_key_check(LEVEL_DESCRIPTIONS, "component", "effective_components", COMPONENTS),
    IntegrityCheck(
        "unknownLevel",
        LEVEL_DESCRIPTIONS,
        "level",
        """select d.line, d.level as value, null as context
           from staged_level_descriptions d join effective_components c using (component)
           where d.level is not null and not exists (
               select from effective_levels l
               where l.level_scale = c.level_scale and l.level = d.level
           )""",
        "The level scale of the component does not have this level.",
        "Use a level of that scale in levels.csv.",
        (COMPONENTS, LEVELS),
    ),
    IntegrityCheck(
        "ordinalsNotInOrder",
        LEVELS,
        "ordinal",
        """select min(s.line) as line, null as value, null as context
           from staged_levels s where s.level_scale in (
               select level_scale from effective_levels group by level_scale
               having bool_and(ordinal ~ '^[1-9][0-9]{0,3}$') and (
                   count(distinct ordinal) <> count(*)
                   or max(case when ordinal ~ '^[1-9][0-9]{0,3}$' then ordinal::int end)
                      <> count(*)
               )
           ) group by s.level_scale""",
        "The ordinals of this level scale are not consecutive from 1.",
        "Number the levels of a scale 1, 2, 3, … from the lowest.",
        (LEVELS,),
    ),
    _attainment_check("attains_basic_literacy"),
    _attainment_check("attains_final_objectives"),
)
