"""The rules by which an opening opens, as of its moment; the database has the same in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

APPROVALS_NEEDED = 2
"""The persons that approve an opening at least; a setting can ask for more."""

IMMINENT = timedelta(seconds=5)
"""The time before an approved opening in which neither its plan nor its facts change."""


class Blocker(StrEnum):
    """A reason for which an opening would not open."""

    NOT_VERIFIED = "notVerified"
    OUTDATED = "manifestOutdated"  # facts or plan have changed since the verification
    INCOMPLETE = "manifestIncomplete"
    NOT_APPROVED = "approvalsMissing"


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """The approval of a manifest by a person."""

    person_id: UUID
    manifest_hash: bytes
    approved_at: datetime
    expires_at: datetime
    voided_at: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        """Return True if it counts for an opening at this moment."""
        is_voided = self.voided_at is not None and self.voided_at < at
        return self.approved_at <= at < self.expires_at and not is_voided


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """The facts of a manifest that decide about its opening."""

    epoch: int
    content_hash: bytes
    is_complete: bool
    component_ids: frozenset[int] = frozenset()
    approvals: Sequence[ApprovalFacts] = ()


@dataclass(frozen=True, slots=True)
class OpeningFacts:
    """The facts of an opening: its manifests in their order, and the persons that planned it."""

    opens_at: datetime
    epoch: int
    manifests: Sequence[ManifestFacts] = ()
    planners: frozenset[UUID] = frozenset()
    approvals_needed: int = APPROVALS_NEEDED

    def approvers(self, manifest: ManifestFacts) -> frozenset[UUID]:
        """Return the persons whose approval counts, as of the moment of the opening."""
        valid = frozenset(
            approval.person_id
            for approval in manifest.approvals
            if approval.manifest_hash == manifest.content_hash and approval.is_valid(self.opens_at)
        )
        return valid - self.planners


def blocker_of(opening: OpeningFacts) -> Blocker | None:
    """Return the first reason for which an opening would not open; None if it opens.

    It is judged as of `opens_at`: what expires or is voided later changes nothing.
    """
    if not opening.manifests:
        return Blocker.NOT_VERIFIED
    latest = opening.manifests[-1]
    if latest.epoch != opening.epoch:
        return Blocker.OUTDATED
    if not latest.is_complete:
        return Blocker.INCOMPLETE
    if len(opening.approvers(latest)) < opening.approvals_needed:
        return Blocker.NOT_APPROVED
    return None


def is_effective(opening: OpeningFacts, at: datetime) -> bool:
    """Return True if the opening has opened by this moment."""
    return at >= opening.opens_at and blocker_of(opening) is None
