"""Windows, openings and approvals as hypothesis makes them, with moments relative to now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from hypothesis import strategies as st

from shared.access.products import Product
from shared.releases.openings import ApprovalFacts, ManifestFacts, OpeningFacts
from shared.releases.rules import Window

TICK = timedelta(microseconds=1)
SECONDS = st.sampled_from([-7200, -1, 0, 1, 7200])


@dataclass(frozen=True)
class Plan:
    """A window relative to now; `scope` is an index in `scopes_of`."""

    product: Product
    scope: int
    opens_in: int | None
    open_for: int | None
    never: bool

    def at(self, now: datetime, scopes: list[tuple[int | None, int | None]]) -> Window:
        opens_at = closes_at = None
        if self.opens_in is not None and not self.never:
            opens_at = now + timedelta(seconds=self.opens_in)
            if self.open_for is not None:
                closes_at = opens_at + timedelta(seconds=self.open_for)
        return Window(*scopes[self.scope], opens_at, closes_at, self.never)


PLANS = st.builds(
    Plan,
    product=st.sampled_from(Product),
    scope=st.integers(0, 6),
    opens_in=st.none() | SECONDS,
    open_for=st.none() | st.sampled_from([1, 7200]),
    never=st.sampled_from([False, False, True]),
)


@dataclass(frozen=True)
class PlannedApproval:
    """An approval by a person; moments are relative to that of the opening, in seconds."""

    person: int
    is_of_manifest: bool
    approved_in: int
    expires_in: int
    voided_in: int | None

    def at(self, opens_at: datetime, persons: list[UUID], content_hash: bytes) -> ApprovalFacts:
        approved_at = opens_at + timedelta(seconds=self.approved_in)
        voided_at = None
        if self.voided_in is not None:
            voided_at = max(approved_at, opens_at + timedelta(seconds=self.voided_in))
        return ApprovalFacts(
            persons[self.person],
            content_hash if self.is_of_manifest else b"?" * 32,
            approved_at,
            max(opens_at + timedelta(seconds=self.expires_in), approved_at + TICK),
            voided_at,
        )


OFTEN = st.sampled_from([True, True, True, True, False])
APPROVALS = st.builds(
    PlannedApproval,
    person=st.integers(0, 2),
    is_of_manifest=OFTEN,
    approved_in=st.sampled_from([-7200, -3600, -1, 0, 1]),
    expires_in=st.sampled_from([-1, 0, 1, 7200, 7200]),
    voided_in=st.sampled_from([None, None, None, -1, 0, 1]),
)
MANIFESTS = st.tuples(
    st.sampled_from([1, 2, 2, 2]),
    OFTEN,
    st.sets(st.integers(0, 3), min_size=2),
    st.lists(APPROVALS, min_size=2, max_size=4, unique_by=lambda approval: approval.person),
)


@dataclass(frozen=True)
class PlannedOpening:
    """An opening in epoch 2 with manifests; `planners` are indices of persons."""

    manifests: list[tuple[int, bool, set[int], list[PlannedApproval]]]
    planners: set[int]
    approvals_needed: int

    def at(self, opens_at: datetime, persons: list[UUID], components: list[int]) -> OpeningFacts:
        manifests = []
        for number, (epoch, is_complete, covered, approvals) in enumerate(self.manifests):
            content_hash = sha256(b"%d" % number).digest()
            manifests.append(
                ManifestFacts(
                    epoch,
                    content_hash,
                    is_complete,
                    frozenset(components[index] for index in covered),
                    [one.at(opens_at, persons, content_hash) for one in approvals],
                )
            )
        planners = frozenset(persons[index] for index in self.planners)
        return OpeningFacts(opens_at, 2, manifests, planners, self.approvals_needed)


OPENINGS = st.builds(
    PlannedOpening,
    manifests=st.lists(MANIFESTS, min_size=1, max_size=2),
    planners=st.sets(st.integers(0, 2), max_size=1),
    approvals_needed=st.sampled_from([2, 2, 2, 3]),
)
