"""A model of the gate: what a plan, verifications, approvals, time and recalls have opened.

It is written from the rules of releases, and shares no code with the service. Instants are those
of a story in which time passes; `Story.now` is the present one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

OpeningKey = tuple[datetime, str | None]
"""The moment of an opening, and the recall that it ends, if it ends one."""

APPROVALS_NEEDED = 2
APPROVAL_LIFETIME = timedelta(hours=72)


@dataclass(frozen=True)
class PlannedWindow:
    """A window of the plan; `scope` is a component, a target group, or None for all."""

    scope: str | None
    opens_at: datetime
    closes_at: datetime | None = None


@dataclass(frozen=True)
class ModelRecall:
    """A recall of a component, a target group, a school, or of all (None)."""

    id: str
    scope: str | None


@dataclass
class ModelOpening:
    """What opens at one moment, or ends a recall; `is_fresh` while its manifest describes it."""

    opens_at: datetime
    recall: ModelRecall | None = None
    planners: set[int] = field(default_factory=set)
    manifest: str | None = None
    covered: frozenset[str] = frozenset()
    is_fresh: bool = False
    approvals: dict[int, datetime] = field(default_factory=dict)

    def is_effective(self, now: datetime) -> bool:
        """Return True once it has opened: judged as of its moment."""
        return self.opens_at <= now and self.is_fresh and self._approvers() >= APPROVALS_NEEDED

    def _approvers(self) -> int:
        return sum(
            given <= self.opens_at < given + APPROVAL_LIFETIME and person not in self.planners
            for person, given in self.approvals.items()
        )


@dataclass
class ReleaseModel:
    """The release of one product; `target_groups` are those of its components."""

    target_groups: Mapping[str, str]
    windows: dict[str | None, PlannedWindow] = field(default_factory=dict)
    recalls: list[ModelRecall] = field(default_factory=list)
    reopenings: Mapping[str, datetime] = field(default_factory=dict)
    openings: dict[OpeningKey, ModelOpening] = field(default_factory=dict)

    def plan(
        self,
        windows: Iterable[PlannedWindow],
        reopenings: Mapping[str, datetime],
        person: int,
        now: datetime,
    ) -> None:
        """Replace the plan; an opening to come whose coverage changes loses its approvals."""
        before = self._coverages()
        self.windows = {window.scope: window for window in windows}
        self.reopenings = reopenings
        recalls = {recall.id: recall for recall in self.recalls}
        for moment in {window.opens_at for window in self.windows.values()}:
            self.openings.setdefault((moment, None), ModelOpening(moment))
        for recall_id, moment in reopenings.items():
            opening = ModelOpening(moment, recalls[recall_id])
            self.openings.setdefault((moment, recall_id), opening)
        after = self._coverages()
        for key, opening in self.openings.items():
            if opening.opens_at > now and before.get(key) != after[key]:
                opening.is_fresh = False
                opening.planners.add(person)

    def change_facts(self, now: datetime) -> None:
        """Void the manifests of the openings to come: what they describe has changed."""
        for opening in self.openings.values():
            if opening.opens_at > now:
                opening.is_fresh = False

    def verify(self, key: OpeningKey, manifest: str, *, is_complete: bool, now: datetime) -> None:
        opening = self.openings[key]
        if opening.opens_at <= now or (opening.is_fresh and opening.manifest == manifest):
            return
        covered = frozenset(self._coverage(opening))
        opening.manifest, opening.covered, opening.approvals = manifest, covered, {}
        opening.is_fresh = is_complete

    def approve(self, key: OpeningKey, manifest: str, person: int, now: datetime) -> None:
        """Count the approval, unless it is too late or of another manifest."""
        opening = self.openings[key]
        if opening.opens_at > now and opening.is_fresh and opening.manifest == manifest:
            opening.approvals[person] = now

    def suspend(self, person: int, now: datetime) -> None:
        """Void the approvals of a person for the openings to come."""
        for opening in self.openings.values():
            if opening.opens_at > now:
                opening.approvals.pop(person, None)

    def released(self, school: str, now: datetime) -> frozenset[str]:
        """Return the components that a school may know now."""
        return frozenset(
            component
            for component in self.target_groups
            if self._is_open(component, now)
            and not any(
                self._covers(recall.scope, component, school)
                and not self._has_ended(recall, component, now)
                for recall in self.recalls
            )
        )

    def _is_open(self, component: str, now: datetime) -> bool:
        window = self._deciding(component)
        if window is None or (window.closes_at is not None and window.closes_at <= now):
            return False
        opening = self.openings[window.opens_at, None]
        return component in opening.covered and opening.is_effective(now)

    def _deciding(self, component: str) -> PlannedWindow | None:
        scopes = component, self.target_groups[component], None
        return next((self.windows[scope] for scope in scopes if scope in self.windows), None)

    def _has_ended(self, recall: ModelRecall, component: str, now: datetime) -> bool:
        """Return True if it was ended, and what ended it or a later opening has the component."""
        opened = [one for one in self.openings.values() if one.is_effective(now)]
        ends = [one.opens_at for one in opened if one.recall == recall]
        return bool(ends) and (
            self._is_of_school(recall)
            or any(
                component in one.covered
                for one in opened
                if one.opens_at >= min(ends)
                and not (one.recall is not None and self._is_of_school(one.recall))
            )
        )

    @staticmethod
    def _is_of_school(recall: ModelRecall) -> bool:
        return recall.scope is not None and recall.scope.isdigit()

    def _covers(self, scope: str | None, component: str, school: str = "") -> bool:
        return scope in {None, component, self.target_groups[component], school}

    def _coverages(self) -> dict[OpeningKey, dict[str, datetime | None]]:
        return {key: self._coverage(opening) for key, opening in self.openings.items()}

    def _coverage(self, opening: ModelOpening) -> dict[str, datetime | None]:
        covered: dict[str, datetime | None] = {}
        for component in self.target_groups:
            window = self._deciding(component)
            if window is None:
                continue
            if opening.recall is None and window.opens_at == opening.opens_at:
                covered[component] = window.closes_at
            if opening.recall is not None and self._ends(opening, opening.recall, component):
                covered[component] = window.closes_at
        return covered

    def _ends(self, opening: ModelOpening, recall: ModelRecall, component: str) -> bool:
        is_planned = self.reopenings.get(recall.id) == opening.opens_at
        return is_planned and (self._is_of_school(recall) or self._covers(recall.scope, component))


@dataclass(frozen=True)
class Story:
    """The time of the story: that of the database, and what has passed by shifting instants."""

    passed: timedelta = timedelta()

    def at(self, real: datetime) -> datetime:
        return real + self.passed

    def real(self, instant: datetime) -> datetime:
        """Return the instant that is stored for one of the story."""
        return instant - self.passed

    def later(self, by: timedelta) -> "Story":
        return replace(self, passed=self.passed + by)
