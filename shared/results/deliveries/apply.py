"""Brings the database to what a sound delivery says, in sets, in the caller's transaction."""

from typing import Any, Final
from uuid import UUID

import psycopg

from shared.results.deliveries.manifest import AdministrationFacts, Manifest
from shared.results.deliveries.outcomes import apply_item_results, apply_results
from shared.results.deliveries.upserts import UPSERTS, Changes, Parameters, run_upsert

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
    if facts is not None:
        connection.execute(
            _ADMINISTRATION,
            {
                "id": facts.id,
                "school_year": facts.school_year,
                "name": facts.name,
                "tested_from_on": facts.tested_from_on,
                "tested_until_on": facts.tested_until_on,
            },
        )
    changes = {
        upsert.name: run_upsert(connection, upsert, manifest.mode, parameters) for upsert in UPSERTS
    }
    changes["results"] = apply_results(connection, manifest.mode, parameters)
    changes["itemResults"] = apply_item_results(connection, manifest.mode, parameters)
    if sum(change["added"] for change in changes.values()) >= _ANALYZE_FROM:
        connection.execute(f"analyze {_TABLES}")
    return changes
