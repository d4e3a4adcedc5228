"""The next version of the figures of a component, as a pure function of facts and versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from shared.school_feedback.component_tables import (
    ComponentTable,
    component_table,
    figure_rows,
    not_tested,
    school_sums,
)
from shared.school_feedback.facts import FLANDERS, ClassGroupFacts, ComponentFacts, ResultFacts
from shared.school_feedback.figures import (
    ComponentFigures,
    Reference,
    ReferenceKind,
    ReferenceName,
)
from shared.school_feedback.references import (
    DeliveredValue,
    GroupSums,
    computed_reference,
    delivered_reference,
    may_compute,
    mean_score,
)
from shared.school_feedback.repository import StoredVersion
from shared.school_feedback.suppression import Policy, PublishedTable, suppress


@dataclass(frozen=True, slots=True)
class VersionInputs:
    """The inputs of a version but for the results: sums, delivered values, class groups.

    With the `key`, the row that is hidden in addition to others is chosen.
    """

    comparison_group: str | None
    class_groups: Sequence[ClassGroupFacts]
    sums: Mapping[tuple[int, str], GroupSums]
    delivered: Sequence[DeliveredValue]
    now: datetime
    key: bytes


def next_version(
    component: ComponentFacts,
    results: Sequence[ResultFacts],
    stored: ComponentFigures | None,
    earlier: Sequence[StoredVersion],
    inputs: VersionInputs,
    policy: Policy,
) -> StoredVersion | None:
    """Return the next version of the figures of a component; None if nothing in them changed.

    `stored` are the latest figures, and `earlier` the versions that somebody may have read.
    """
    found = component_table(component, results)
    rank = partial(found.rank, inputs.key)
    published = suppress(found.table, [one.published for one in earlier], policy, rank)
    latest = earlier[-1] if earlier else None
    if not published.has_late_corrections and latest is not None:
        figures = replace(latest.figures, has_late_corrections=False)
    else:
        figures = _figures(component, found, published, latest, inputs, policy)
        published = replace(published, has_late_corrections=figures.has_late_corrections)
    own = school_sums(found, len(component.levels))
    references = _references(component, own, latest, inputs, policy)
    figures = replace(figures, references=references)
    number = 1 if stored is None else stored.version + 1
    if stored is not None and _same(stored, figures):
        return None
    return StoredVersion(
        replace(
            figures,
            version=number,
            reason=_reason(stored, earlier, figures),
            computed_at=inputs.now,
        ),
        published,
    )


def _figures(
    component: ComponentFacts,
    found: ComponentTable,
    published: PublishedTable,
    latest: StoredVersion | None,
    inputs: VersionInputs,
    policy: Policy,
) -> ComponentFigures:
    """Return the figures of a table without references and version.

    A mean changes only together with the students that it is about: otherwise the difference would
    be that of few scores.
    """
    mean = mean_score(found.scores, policy.minimum) if published.shows_school else None
    has_late_corrections = True
    if latest is not None and latest.published.table.members == published.table.members:
        has_late_corrections = mean == latest.figures.mean
        mean = latest.figures.mean
    return ComponentFigures(
        component=component.code,
        name=component.name,
        subject=component.subject,
        position=component.position,
        is_calibration=component.is_calibration,
        levels=component.levels,
        rows=figure_rows(found, published, inputs.class_groups, len(component.levels), policy),
        mean=mean,
        not_tested=not_tested(found) if published.shows_school else None,
        references=(),
        has_late_corrections=has_late_corrections,
        version=0,
        reason="",
        computed_at=inputs.now,
    )


def _references(
    component: ComponentFacts,
    own: GroupSums,
    latest: StoredVersion | None,
    inputs: VersionInputs,
    policy: Policy,
) -> tuple[Reference, ...]:
    """Return the references of a component: delivered ones, or those computed before the release.

    What somebody could read keeps its computed references: a closed year never moves.
    """
    found = []
    for name in ReferenceName:
        values = [one for one in inputs.delivered if one.name is name]
        if values:
            found.append(delivered_reference(values, component.levels))
        elif latest is not None:
            kept = latest.figures.references
            found += [
                one for one in kept if one.name is name and one.kind is ReferenceKind.COMPUTED
            ]
        else:
            found += _computed(component, name, own, inputs, policy)
    return tuple(found)


def _computed(
    component: ComponentFacts,
    name: ReferenceName,
    own: GroupSums,
    inputs: VersionInputs,
    policy: Policy,
) -> list[Reference]:
    """Return a computed reference, if it may be shown; similar schools are others of a group."""
    is_similar = name is ReferenceName.SIMILAR
    group = inputs.comparison_group if is_similar else FLANDERS
    sums = None if group is None else inputs.sums.get((component.id, group))
    if sums is None or not may_compute(sums, own, policy):
        return []
    shown = sums.without(own) if is_similar else sums
    return [computed_reference(name, shown, component.levels, policy)]


def _same(stored: ComponentFigures, figures: ComponentFigures) -> bool:
    """Return True if figures are equal, whatever their version, reason and moment."""
    return figures == replace(
        stored, version=figures.version, reason=figures.reason, computed_at=figures.computed_at
    )


def _reason(
    stored: ComponentFigures | None, earlier: Sequence[StoredVersion], figures: ComponentFigures
) -> str:
    if stored is None:
        return "first"
    if not earlier:
        return "beforeRelease"
    return "corrected" if figures.has_late_corrections else "correctionsLeftOut"
