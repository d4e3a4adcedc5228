"""Application of a valid delivery to the database, set by set, in the caller's transaction."""

from typing import Any, Final
from uuid import UUID

import psycopg

from shared.deliveries.apply_results import apply_item_results, apply_results
from shared.deliveries.end_enrolments import end_enrolments
from shared.deliveries.manifest import AdministrationFacts, Manifest, Mode
from shared.deliveries.staging_tables import WRITTEN_ROWS
from shared.deliveries.upserts import UPSERTS, Changes, Parameters, run_upsert

_ANALYZE_FROM: Final = 1_000
"""Number of new rows that makes the planner's statistics wrong enough to refresh them at once."""

_NAMED_ROWS: Final = (
    ("students", "changed", "select count(*) from staged_students"),
    ("students", "removed", "select count(*) from ended_enrolments"),
    ("results", "changed", "select count(*) from staged_results where status <> 'withdrawn'"),
    ("results", "removed", "select count(*) from staged_results where status = 'withdrawn'"),
    (
        "itemResults",
        "changed",
        "select count(distinct (student, component)) from staged_item_results",
    ),
)
"""Queries of the rows about students in a correction, by name and change in the report."""

_ADMINISTRATION: Final = """
    insert into administrations (id, school_year, name, tested_from_on, tested_until_on)
    values (%(id)s, %(school_year)s, %(name)s, %(tested_from_on)s, %(tested_until_on)s)
    on conflict (id) do update set
        school_year = excluded.school_year, name = excluded.name,
        tested_from_on = excluded.tested_from_on, tested_until_on = excluded.tested_until_on
    where row(administrations.*) is distinct from row(excluded.*)
"""


# The other enrolments of a student whose number changed.
_CHANGE_INSZ: Final = """
    update students p set insz_hash = s.insz_hash from staged_students s
    where s.previous_insz_hash is not null and p.administration_id = %(administration)s
      and p.delivered_as = s.student and p.insz_hash = s.previous_insz_hash
"""

_INCREMENT_REVISIONS: Final = """
    with correction as (
        select %(is_correction)s and (
            exists (select from staged_target_groups) or exists (select from staged_components)
            or exists (select from staged_levels) or exists (select from staged_level_descriptions)
        ) as is_of_catalogue
    )
    update participations set
        facts_revision = facts_revision + 1,
        corrected_revision = case when is_of_catalogue then facts_revision + 1
                                  else corrected_revision end
    from correction
    where administration_id = %(administration)s and (
        %(all)s or is_of_catalogue
        or school_id in (
            select school from staged_schools union select school from staged_class_groups
            union select school from staged_students union select school from ended_enrolments
            union select p.school_id from staged_results s
                join students p on p.administration_id = %(administration)s
                    and p.delivered_as = s.student
        )
    )
    returning school_id
"""
"""Documents built from an older revision of a school's facts are hidden from this commit on."""

_MARK_STUDENTS: Final = """
    update students corrected set corrected_revision = part.facts_revision from participations part
    where part.administration_id = %(administration)s and part.school_id = any(%(schools)s)
      and corrected.administration_id = part.administration_id
      and corrected.school_id = part.school_id
      and corrected.delivered_as in (
          select student from staged_students union select student from ended_enrolments
          union select student from staged_results
      )
"""
"""A build renders the documents of these students again, whether or not they change."""

_REQUEST_REBUILDS: Final = "select request_rebuilds(%(administration)s, %(schools)s)"
"""Nobody has to start a build once an opening is approved; before that it changes nothing."""

_REQUEUE_BUILT_ITEMS: Final = "select requeue_built_items(%(administration)s, %(schools)s)"
"""A build that is not done yet builds the schools again that it has built already."""


def apply_delivery(
    connection: psycopg.Connection[Any],
    manifest: Manifest,
    facts: AdministrationFacts | None,
    delivery_id: UUID,
) -> dict[str, Changes]:
    """Apply the staged rows and count the changes by kind of row.

    A correction writes each row that it names, whether or not that changes a value: reports, builds
    and statistics of tables do not tell whether a guess about a student is right.

    The row of the delivery itself must exist already.
    """
    is_correction = manifest.mode == "correction"
    parameters: Parameters = {
        "administration": manifest.administration_id,
        "delivery": delivery_id,
        "is_correction": is_correction,
    }
    is_administration_changed = facts is not None and _apply_administration(connection, facts)
    changes = {
        upsert.name: run_upsert(connection, upsert, manifest.mode, parameters) for upsert in UPSERTS
    }
    connection.execute(_CHANGE_INSZ, parameters)
    changes["results"] = apply_results(connection, manifest.mode, parameters)
    changes["itemResults"] = apply_item_results(connection, manifest.mode, parameters)
    if is_correction:
        end_enrolments(connection, parameters)
    if is_correction or is_administration_changed or _has_changes(changes):
        is_whole = not is_correction or is_administration_changed
        _outdate_documents(connection, parameters | {"all": is_whole})
    if sum(change["added"] for change in changes.values()) >= _ANALYZE_FROM:
        connection.execute("select analyze_imported_tables()")
    return changes


def _outdate_documents(connection: psycopg.Connection[Any], parameters: Parameters) -> None:
    """Increment the revisions of the schools concerned, and see to it that they are built again."""
    changed = connection.execute(_INCREMENT_REVISIONS, parameters)
    schools = parameters | {"schools": [school for (school,) in changed]}
    if parameters["is_correction"]:
        connection.execute(_MARK_STUDENTS, schools)
    connection.execute(_REQUEST_REBUILDS, schools)
    connection.execute(_REQUEUE_BUILT_ITEMS, schools)


def reported_changes(
    connection: psycopg.Connection[Any], changes: dict[str, Changes], mode: Mode
) -> dict[str, Changes]:
    """Return the changes that the report contains: sums over the delivery.

    A correction can have a single row. Whether that row changed anything would tell if a guess
    about a student is right, so its report counts the rows about students that it names.
    """
    if mode == "full":
        return changes
    named: dict[str, Changes] = {}
    for name, change, query in _NAMED_ROWS:
        (count,) = connection.execute(query).fetchone() or (0,)
        named.setdefault(name, {})[change] = count
    return changes | named


def _apply_administration(connection: psycopg.Connection[Any], facts: AdministrationFacts) -> bool:
    """Insert or update the administration; True if that changed the row."""
    if connection.execute(_ADMINISTRATION, facts.model_dump()).rowcount == 0:
        return False
    connection.execute(f"insert into {WRITTEN_ROWS} values ('administration')")
    return True


def _has_changes(changes: dict[str, Changes]) -> bool:
    return any(
        count
        for change in changes.values()
        for kind, count in change.items()
        if kind != "unchanged"
    )
