"""Brings the database to what a sound delivery says, in sets, in the caller's transaction."""

from typing import Any, Final
from uuid import UUID

import psycopg

from shared.deliveries.apply_results import apply_item_results, apply_results
from shared.deliveries.manifest import AdministrationFacts, Manifest
from shared.deliveries.upserts import UPSERTS, Changes, Parameters, run_upsert

_ANALYZE_FROM: Final = 1_000
"""So many new rows make the planner's figures wrong enough to renew them at once."""

_TABLES: Final = "class_groups, students, results, scale_scores, item_results"

_ADMINISTRATION: Final = """
    insert into administrations (id, school_year, name, tested_from_on, tested_until_on)
    values (%(id)s, %(school_year)s, %(name)s, %(tested_from_on)s, %(tested_until_on)s)
    on conflict (id) do update set
        school_year = excluded.school_year, name = excluded.name,
        tested_from_on = excluded.tested_from_on, tested_until_on = excluded.tested_until_on
    where row(administrations.*) is distinct from row(excluded.*)
"""


_NEW_FACTS: Final = """
    update participations set facts_revision = facts_revision + 1
    where administration_id = %(administration)s and (
        %(all)s
        or exists (select from staged_target_groups) or exists (select from staged_components)
        or exists (select from staged_levels) or exists (select from staged_level_descriptions)
        or school_id in (
            select school from staged_schools union select school from staged_class_groups
            union select school from staged_students
            union select p.school_id from staged_results s
                join students p on p.administration_id = %(administration)s
                    and p.delivered_as = s.student
        )
    )
"""
"""What was made of a school's older facts is no longer shown from the moment this is committed."""


def apply_delivery(
    connection: psycopg.Connection[Any],
    manifest: Manifest,
    facts: AdministrationFacts | None,
    delivery_id: UUID,
) -> dict[str, Changes]:
    """Counts of what changed, by kind of row; the delivery's own row must be there already."""
    parameters: Parameters = {
        "administration": manifest.administration_id,
        "delivery": delivery_id,
    }
    is_renamed = False
    if facts is not None:
        administration = connection.execute(
            _ADMINISTRATION,
            {
                "id": facts.id,
                "school_year": facts.school_year,
                "name": facts.name,
                "tested_from_on": facts.tested_from_on,
                "tested_until_on": facts.tested_until_on,
            },
        )
        is_renamed = administration.rowcount > 0
    changes = {
        upsert.name: run_upsert(connection, upsert, manifest.mode, parameters) for upsert in UPSERTS
    }
    changes["results"] = apply_results(connection, manifest.mode, parameters)
    changes["itemResults"] = apply_item_results(connection, manifest.mode, parameters)
    if is_renamed or _says_something_new(changes):
        is_full = manifest.mode == "full"
        connection.execute(_NEW_FACTS, parameters | {"all": is_full or is_renamed})
    if sum(change["added"] for change in changes.values()) >= _ANALYZE_FROM:
        connection.execute(f"analyze {_TABLES}")
    return changes


def _says_something_new(changes: dict[str, Changes]) -> bool:
    return any(
        count
        for change in changes.values()
        for what, count in change.items()
        if what != "unchanged"
    )
