"""The computation of the figures of schools: one version per component that changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from shared.core.clock import database_clock
from shared.core.errors import Conflict
from shared.core.locks import lock_until_commit
from shared.school_feedback import fact_repository, repository
from shared.school_feedback.disclosure_audit import audit_version
from shared.school_feedback.facts import ComponentFacts, SchoolFacts
from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.latest_figures import latest_figures
from shared.school_feedback.next_version import VersionInputs, next_version
from shared.school_feedback.references import DeliveredValue, GroupSums
from shared.school_feedback.repository import NewVersion, StoredVersion
from shared.school_feedback.school_facts import delivered_values, facts_of, lock_schools
from shared.school_feedback.suppression import KNOWN, SEALED, Policy


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of components whose levels the school knows, and of calibrations.

    With the key, the row that is hidden in addition to others is chosen.
    """

    key: bytes
    known: Policy = KNOWN
    sealed: Policy = SEALED

    @classmethod
    def of_minimums(cls, known: int, sealed: int, key: bytes) -> "Policies":
        """Return the policies with these minimum numbers of students; 5 is the lowest."""
        return cls(key, KNOWN.with_minimum(known), SEALED.with_minimum(sealed))

    def of(self, component: ComponentFacts) -> Policy:
        return self.sealed if component.is_calibration else self.known


class Computed(NamedTuple):
    """The counts of what was done, and the problems of schools that failed, by their number."""

    outcome: dict[str, int]
    problems: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Shared:
    """The facts that schools of a batch share; `published` and `latest` are their versions."""

    components: Sequence[ComponentFacts]
    policies: Policies
    sums: Mapping[tuple[int, str], GroupSums]
    delivered: Mapping[tuple[str, int], Sequence[DeliveredValue]]
    published: Mapping[tuple[str, int], Sequence[StoredVersion]]
    latest: Mapping[str, Mapping[int, ComponentFigures]]
    now: datetime


def compute_schools(
    session: Session,
    administration_id: str,
    school_ids: Sequence[str],
    policies: Policies,
) -> Computed:
    """Add a version of each component of the schools whose figures changed.

    A school whose disclosure audit does not pass gets no version, and the others do.
    """
    state = _refresh_references(session, administration_id)
    lock_schools(session, administration_id, school_ids)
    facts = facts_of(session, administration_id, school_ids)
    shared = _shared(session, administration_id, facts, policies)
    added: list[NewVersion] = []
    outcome: Counter[str] = Counter(versions=0, unchanged=0)
    problems = {}
    for school_id, own in facts.items():
        try:
            versions, unchanged = _compute(school_id, own, shared)
        except Conflict as error:
            problems[school_id] = error.as_json()
            continue
        added += versions
        outcome.update(versions=len(versions), unchanged=unchanged)
    repository.add_versions(session, administration_id, shared.now, added)
    revisions = {one: own.facts_revision for one, own in facts.items() if one not in problems}
    repository.save_computations(session, administration_id, shared.now, state, revisions)
    return Computed(dict(outcome), problems)


def published_versions(
    stored: Sequence[StoredVersion], readable_from: datetime
) -> list[StoredVersion]:
    """Return the versions that somebody may have read: those that were the latest since then."""
    read = [
        version
        for version, following in pairwise(stored)
        if following.figures.computed_at > readable_from
    ]
    return [*read, *stored[-1:]]


def _refresh_references(session: Session, administration_id: str) -> str:
    """Compute the sums of groups if facts have changed; return the state of the facts.

    A component that somebody may have read keeps its sums: a closed year never moves.
    """
    components = fact_repository.components_of(session, administration_id)
    readable = fact_repository.readable_since(session)
    open_ids = [component.id for component in components if component.id not in readable]
    state = fact_repository.reference_state(session, administration_id)
    if open_ids and not fact_repository.has_references(session, open_ids, state):
        lock_until_commit(session, f"feedback references {administration_id}")
        state = fact_repository.reference_state(session, administration_id)
        if not fact_repository.has_references(session, open_ids, state):
            of = administration_id, state
            fact_repository.refresh_references(session, *of, kept=sorted(readable))
    return state


def _shared(
    session: Session, administration_id: str, facts: Mapping[str, SchoolFacts], policies: Policies
) -> _Shared:
    components = fact_repository.components_of(session, administration_id)
    ids = [component.id for component in components]
    readable = fact_repository.readable_since(session)
    groups = {one.comparison_group for one in facts.values() if one.comparison_group}
    of = session, administration_id, list(facts)
    stored = repository.versions_of(*of, [one for one in ids if one in readable])
    return _Shared(
        components,
        policies,
        sums=fact_repository.group_sums(session, ids, groups),
        delivered=delivered_values(*of),
        published={
            key: published_versions(versions, readable[key[1]]) for key, versions in stored.items()
        },
        latest=latest_figures(*of),
        now=database_clock(session),
    )


def _compute(school_id: str, facts: SchoolFacts, shared: _Shared) -> tuple[list[NewVersion], int]:
    """Return the new versions of a school, and the number of components without a new one.

    Raises:
        Conflict: when a disclosure audit does not pass.
    """
    latest = shared.latest.get(school_id, {})
    added: list[NewVersion] = []
    unchanged = 0
    for component in shared.components:
        results = facts.results.get(component.id, ())
        stored = latest.get(component.id)
        if not results and stored is None:
            continue
        policy = shared.policies.of(component)
        earlier = shared.published.get((school_id, component.id), ())
        inputs = VersionInputs(
            comparison_group=facts.comparison_group,
            class_groups=facts.class_groups,
            sums=shared.sums,
            delivered=(
                *shared.delivered.get(("", component.id), ()),
                *shared.delivered.get((school_id, component.id), ()),
            ),
            now=shared.now,
            key=shared.policies.key,
        )
        version = next_version(component, results, stored, earlier, inputs, policy)
        if version is None:
            unchanged += 1
        else:
            audit = audit_version(version, earlier, policy)
            added.append(NewVersion(school_id, component.id, version, audit))
    return added, unchanged
