"""Integrity checks of the references in a delivery."""

from typing import Final

from shared.deliveries.delivery_format import COMPONENTS, LEVELS, REFERENCES, SCHOOLS
from shared.deliveries.integrity_check import IntegrityCheck, foreign_key_check

_TABLE: Final = REFERENCES.table
_OF_SHARES: Final = "level is not null or indicator <> 'mean'"
_WHOLE: Final = "0.99 and 1.01"
"""Shares are rounded, so that their sum is not exactly 1."""

REFERENCE_CHECKS: Final = (
    IntegrityCheck(
        "duplicateKey",
        REFERENCES,
        "component",
        f"""select line, component as value, first_line as context from (
                select line, component, min(line) over (
                    partition by coalesce(school, ''), component, reference,
                        coalesce(level, ''), coalesce(indicator, '')
                ) as first_line from {_TABLE}
            ) x where line > first_line""",
        "The same school, component, reference, level and indicator is already on line {context}.",
        "Write each key once.",
    ),
    foreign_key_check(REFERENCES, "school", "effective_schools", SCHOOLS),
    foreign_key_check(REFERENCES, "component", "effective_components", COMPONENTS),
    IntegrityCheck(
        "unknownLevel",
        REFERENCES,
        "level",
        f"""select r.line, r.level as value, null as context
            from {_TABLE} r join effective_components c using (component)
            where r.level is not null and not exists (
                select from effective_levels l
                where l.level_scale = c.level_scale and l.level = r.level
            )""",
        "The level scale of the component does not have this level.",
        "Use a level of that scale in levels.csv.",
        (COMPONENTS, LEVELS),
    ),
    IntegrityCheck(
        "levelOrIndicator",
        REFERENCES,
        "indicator",
        f"""select line, indicator as value, null as context from {_TABLE}
            where (level is null) = (indicator is null)""",
        "The row has both a level and an indicator, or none of them.",
        "Give a level for a share of students at it, or an indicator.",
    ),
    IntegrityCheck(
        "referenceOfSchool",
        REFERENCES,
        "school",
        f"""select line, school as value, null as context from {_TABLE}
            where (reference = 'similar') = (school is null)""",
        "The reference flanders has a school, or the reference similar has none.",
        "Give the school for similar schools, and leave it empty for Flanders.",
    ),
)

VALUE_CHECKS: Final = (
    IntegrityCheck(
        "shareOutOfRange",
        REFERENCES,
        "value",
        f"""select line, value, null as context from {_TABLE}
            where ({_OF_SHARES}) and value::numeric not between 0 and 1""",
        "The value is a share, and not between 0 and 1.",
        "Give a share from 0 to 1, such as 0.235.",
    ),
    IntegrityCheck(
        "meanOutOfRange",
        REFERENCES,
        "value",
        f"""select line, value, null as context from {_TABLE}
            where greatest(abs(value::numeric), abs(standard_error::numeric)) >= 1e9
              or standard_error::numeric < 0""",
        "The mean or its standard error is no number of a scale.",
        "Give a value below 1,000,000,000, and a standard error of 0 or more.",
    ),
    IntegrityCheck(
        "sharesNotWhole",
        REFERENCES,
        "value",
        f"""select min(r.line) as line, null as value, null as context
            from {_TABLE} r join effective_components c using (component)
            where r.level is not null
            group by r.school, r.component, r.reference, c.level_scale
            having sum(r.value::numeric) not between {_WHOLE} or count(*) <> (
                select count(*) from effective_levels l where l.level_scale = c.level_scale
            )""",
        "The shares of the levels of this reference lack a level, or do not add up to 1.",
        "Give the shares of all levels of a reference in one delivery.",
        (COMPONENTS, LEVELS),
    ),
)
"""They read values as numbers, so that no value of the delivery can be invalid."""
