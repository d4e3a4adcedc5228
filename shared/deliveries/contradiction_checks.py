"""Checks of columns of a delivery that contradict each other."""

from typing import Final

from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    COMPONENTS,
    ITEM_RESULTS,
    LEVELS,
    RESULTS,
    TARGET_GROUPS,
)
from shared.deliveries.integrity_check import IntegrityCheck, equal_values_check

_NOT_TESTED: Final = "('absent', 'exempt', 'notAssigned')"

CONTRADICTION_CHECKS: Final = (
    IntegrityCheck(
        "gradeNotInLevel",
        TARGET_GROUPS,
        "grade",
        """select line, grade as value, null as context from staged_target_groups
           where grade > case education_level when 'lager' then '6' when 'secundair' then '7' end
             and grade ~ '^[1-9]$'""",
        "The education level does not have this grade.",
        "Give a grade of 1 to 6 in lager, or of 1 to 7 in secundair.",
    ),
    IntegrityCheck(
        "objectivesWithoutLiteracy",
        LEVELS,
        "attains_final_objectives",
        """select line, null as value, null as context from staged_levels
           where attains_final_objectives = 'true' and attains_basic_literacy = 'false'""",
        "The level attains the final objectives, and not basic literacy, which is less.",
        "Correct one of the two.",
    ),
    equal_values_check(
        "sameLabel", LEVELS, ("level_scale", "label"), "Another level of this level scale has"
    ),
    equal_values_check(
        "sameName",
        COMPONENTS,
        ("target_group", "subject", "name"),
        "Another component of this target group and subject has",
        is_warning=True,
    ),
    equal_values_check(
        "samePosition",
        COMPONENTS,
        ("target_group", "position"),
        "Another component of this target group has",
        is_warning=True,
    ),
    IntegrityCheck(
        "otherSiteName",
        CLASS_GROUPS,
        "site_name",
        """select s.line, s.site_name as value, k.first_line as context
           from staged_class_groups s join (
               select school, site, min(line) as first_line,
                      (array_agg(site_name order by line))[1] as first_name
               from staged_class_groups where site is not null and site_name is not null
               group by school, site having min(site_name) <> max(site_name)
           ) k using (school, site) where s.site_name <> k.first_name""",
        "The site of this school has another name on line {context}.",
        "Give each site one name.",
        is_warning=True,
    ),
    IntegrityCheck(
        "scoreWithoutTest",
        RESULTS,
        "scale_score",
        f"""select line, scale_score as value, null as context from staged_results
            where scale_score is not null and status in {_NOT_TESTED}""",
        "The student did not take this component, and the result has a scale score.",
        "Leave the scale score empty, or correct the status.",
    ),
    IntegrityCheck(
        "itemsWithoutTest",
        ITEM_RESULTS,
        "component",
        f"""select s.line, s.component as value, r.line as context from staged_item_results s
            join staged_results r using (student, component) where r.status in {_NOT_TESTED}""",
        "The student did not take this component (line {context} of results.csv).",
        "Remove the items, or correct the status of the result.",
    ),
)

LEVELS_AGAINST_SCORES: Final = IntegrityCheck(
    "levelsAgainstScores",
    RESULTS,
    "level",
    """with means as (
           select r.component, l.ordinal::int as ordinal, min(r.line) as line,
                  avg(r.scale_score::numeric) as score
           from staged_results r join effective_components c using (component)
           join effective_levels l on l.level_scale = c.level_scale and l.level = r.level
           where r.scale_score is not null group by r.component, l.ordinal
       )
       select min(greatest(low.line, high.line)) as line, low.component as value, null as context
       from means low join means high using (component)
       where low.ordinal < high.ordinal and low.score > high.score group by low.component""",
    "Students at a lower level of this component have the higher scale scores, on average.",
    "Check the direction of the ordinals in levels.csv: 1 is the lowest level.",
    is_warning=True,
)
"""It reads scale scores as numbers, so that no value of the delivery can be invalid."""
