"""SQL of snapshots: the versions of schools, and new ones."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ARRAY, Text, cast, select, text
from sqlalchemy.orm import Session

from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.models import SchoolFeedbackMembers as Members
from shared.school_feedback.models import SchoolFeedbackSnapshot as Snapshot
from shared.school_feedback.stored_figures import figures_from_json, figures_to_json
from shared.school_feedback.suppression import Member, PublishedTable, Table


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of the figures of a component, and the table that they are made from."""

    figures: ComponentFigures
    published: PublishedTable


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version of a component of a school to add, with the result of its audit."""

    school_id: str
    component_id: int
    version: StoredVersion
    audit: dict[str, Any]


_ADD_SNAPSHOTS = text("""
    insert into school_feedback_snapshots (id, administration_id, school_id, component_id, version,
        reason, figures, audit, computed_at)
    select id, :administration_id, school_id, component_id, version, reason, figures, audit,
        :computed_at
    from json_to_recordset(cast(:snapshots as json)) as added (id uuid, school_id varchar,
        component_id integer, version integer, reason varchar, figures jsonb, audit jsonb)
""")
_ADD_MEMBERS = text("""
    insert into school_feedback_members (snapshot_id, students, class_groups, levels, "rows", shown,
        shows_school)
    select snapshot_id, students, class_groups, levels, "rows", shown, shows_school
    from json_to_recordset(cast(:members as json)) as added (snapshot_id uuid, students uuid[],
        class_groups uuid[], levels smallint[], "rows" uuid[], shown uuid[], shows_school boolean)
""")
_SAVE_COMPUTATIONS = text("""
    insert into feedback_computations as saved (administration_id, school_id, facts_revision,
        reference_state, computed_at)
    select :administration_id, school_id, facts_revision, :state, :computed_at
    from unnest(cast(:school_ids as varchar[]), cast(:revisions as integer[]))
        as computed (school_id, facts_revision)
    on conflict (administration_id, school_id) do update
        set facts_revision = excluded.facts_revision, reference_state = excluded.reference_state,
            computed_at = excluded.computed_at
        where (saved.facts_revision, saved.reference_state)
            is distinct from (excluded.facts_revision, excluded.reference_state)
""")
"""A row that is written voids the approvals of openings to come, as other facts do."""


def versions_of(
    session: Session,
    administration_id: str,
    school_ids: Sequence[str],
    component_ids: Sequence[int],
) -> dict[tuple[str, int], list[StoredVersion]]:
    """Return all versions of components, by school and component, the first one first."""
    texts = ARRAY(Text)
    rows = session.execute(
        select(
            Snapshot.school_id,
            Snapshot.component_id,
            Snapshot.figures,
            Snapshot.version,
            Snapshot.reason,
            Snapshot.computed_at,
            cast(Members.students, texts).label("students"),
            cast(Members.class_groups, texts).label("class_groups"),
            Members.levels,
            cast(Members.rows, texts).label("all_rows"),
            cast(Members.shown, texts).label("shown"),
            Members.shows_school,
        )
        .join_from(Snapshot, Members, Members.snapshot_id == Snapshot.id)
        .where(
            Snapshot.school_id.in_(school_ids),
            Snapshot.administration_id == administration_id,
            Snapshot.component_id.in_(component_ids),
        )
        .order_by(Snapshot.school_id, Snapshot.component_id, Snapshot.version)
    )
    found: defaultdict[tuple[str, int], list[StoredVersion]] = defaultdict(list)
    for row in rows:
        figures = figures_from_json(*row[2:6])
        found[row.school_id, row.component_id].append(StoredVersion(figures, _table(row, figures)))
    return found


def add_versions(
    session: Session, administration_id: str, computed_at: datetime, added: Sequence[NewVersion]
) -> None:
    """Add versions; the database refuses one whose audit did not pass."""
    if not added:
        return
    ids = [str(uuid4()) for _ in added]
    snapshots = [_snapshot(*pair) for pair in zip(ids, added, strict=True)]
    members = [
        _members(snapshot_id, new.version.published)
        for snapshot_id, new in zip(ids, added, strict=True)
    ]
    of = {"administration_id": administration_id, "computed_at": computed_at}
    session.execute(_ADD_SNAPSHOTS, of | {"snapshots": json.dumps(snapshots)})
    session.execute(_ADD_MEMBERS, {"members": json.dumps(members)})


def save_computations(
    session: Session,
    administration_id: str,
    computed_at: datetime,
    state: str,
    revisions: Mapping[str, int],
) -> None:
    """Store with which facts the feedback of schools was computed, by school."""
    values = {
        "administration_id": administration_id,
        "computed_at": computed_at,
        "state": state,
        "school_ids": list(revisions),
        "revisions": list(revisions.values()),
    }
    session.execute(_SAVE_COMPUTATIONS, values)


def _snapshot(snapshot_id: str, new: NewVersion) -> dict[str, Any]:
    figures = new.version.figures
    return {
        "id": snapshot_id,
        "school_id": new.school_id,
        "component_id": new.component_id,
        "version": figures.version,
        "reason": figures.reason,
        "figures": figures_to_json(figures),
        "audit": new.audit,
    }


def _members(snapshot_id: str, published: PublishedTable) -> dict[str, Any]:
    members = published.table.members
    return {
        "snapshot_id": snapshot_id,
        "students": list(members),
        "class_groups": [member.class_group for member in members.values()],
        "levels": [member.level for member in members.values()],
        "rows": sorted(published.table.class_groups),
        "shown": sorted(published.shown),
        "shows_school": published.shows_school,
    }


def _table(row: Any, figures: ComponentFigures) -> PublishedTable:
    members = map(Member, row.class_groups, row.levels)
    table = Table(frozenset(row.all_rows), dict(zip(row.students, members, strict=True)))
    return PublishedTable(
        table, frozenset(row.shown), row.shows_school, figures.has_late_corrections
    )
