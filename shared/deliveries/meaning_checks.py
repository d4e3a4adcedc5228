"""Checks of codes that keep their stored rows and get another meaning.

A correction leaves results under such a code, so that it is refused. A full delivery contains all
rows; there it is a warning. Catalogue and schools are no data about students, so that the report
tells the place.
"""

from typing import Final

from shared.deliveries.delivery_format import (
    COMPONENTS,
    ITEM_RESULTS,
    LEVELS,
    SCHOOLS,
    TARGET_GROUPS,
)
from shared.deliveries.file_format import FileFormat
from shared.deliveries.integrity_check import IntegrityCheck, has_nothing_in_common

_CODE_REMEDY: Final = "Give what is new a code of its own. A full delivery can change the meaning."


def _other_name_check(
    file: FileFormat, table: str, on: str, name: str = "name", stored: str = "k.name"
) -> IntegrityCheck:
    """Return the warning for a name that has nothing in common with the one of the stored row."""
    delivered = stored.replace("k.", "s.")
    return IntegrityCheck(
        "otherName",
        file,
        name,
        f"""select s.line, null as value, null as context from {file.table} s
            join {table} k on {on} where {has_nothing_in_common(delivered, stored)}""",
        "The name has nothing in common with the one that is stored for this code.",
        "Check whether the code stands for the same as before.",
        is_warning=True,
    )


_IN_ADMINISTRATION: Final = "k.administration_id = %(administration)s"

MEANING_CHECKS: Final = (
    IntegrityCheck(
        "changedMeaning",
        TARGET_GROUPS,
        "target_group",
        f"""select s.line, s.target_group as value, null as context from staged_target_groups s
            join target_groups k on {_IN_ADMINISTRATION} and k.code = s.target_group
            where k.education_level <> s.education_level or k.grade::text <> s.grade
               or k.stream <> s.stream""",
        "The target group is stored with another education level, grade or stream.",
        _CODE_REMEDY,
        is_warning_in_full=True,
    ),
    IntegrityCheck(
        "changedMeaning",
        COMPONENTS,
        "component",
        f"""select s.line, s.component as value, null as context from staged_components s
            join components k on {_IN_ADMINISTRATION} and k.code = s.component
            where k.subject <> s.subject""",
        "The component is stored with another subject.",
        _CODE_REMEDY,
        is_warning_in_full=True,
    ),
    IntegrityCheck(
        "changedMeaning",
        LEVELS,
        "ordinal",
        f"""with compared as (
                select e.line, e.level_scale, e.ordinal::int as new, k.ordinal as old
                from effective_levels e join levels k on {_IN_ADMINISTRATION}
                  and k.level_scale = e.level_scale and k.code = e.level
                where e.ordinal ~ '^[1-9][0-9]{{0,3}}$'
            )
            select max(greatest(a.line, b.line)) as line, null as value, null as context
            from compared a join compared b using (level_scale)
            where a.old < b.old and a.new > b.new group by a.level_scale""",
        "Two levels of this level scale are stored in the opposite order.",
        "Keep the order of the levels. A full delivery can change it.",
        is_warning_in_full=True,
    ),
    _other_name_check(
        TARGET_GROUPS, "target_groups", f"{_IN_ADMINISTRATION} and k.code = s.target_group"
    ),
    _other_name_check(COMPONENTS, "components", f"{_IN_ADMINISTRATION} and k.code = s.component"),
    _other_name_check(
        LEVELS,
        "levels",
        f"{_IN_ADMINISTRATION} and k.level_scale = s.level_scale and k.code = s.level",
        "label",
        "k.label",
    ),
    _other_name_check(
        SCHOOLS,
        "schools",
        "k.id = s.school",
        stored="concat_ws(' ', k.name, k.municipality)",
    ),
    IntegrityCheck(
        "unknownItem",
        ITEM_RESULTS,
        "item",
        """select min(s.line + u.n - 1) as line, u.item as value, null as context
           from staged_item_results s
           join components c on c.administration_id = %(administration)s and c.code = s.component
           cross join lateral unnest(s.items) with ordinality as u (item, n)
           cross join lateral (
               select bool_or(u.item = any(sample.items::text[])) as is_known
               from (select items from item_results i where i.component_id = c.id limit 100) sample
           ) known
           where not known.is_known group by c.id, u.item""",
        "The item is added to the stored ones, which have no item with this id.",
        "Check whether the ids of the items are those of the earlier deliveries.",
        is_warning=True,
        is_for_corrections=True,
    ),
)
