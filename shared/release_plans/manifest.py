"""The content of a manifest: what an opening will show, and what is at fault or an exception."""

import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID


class FindingKind(StrEnum):
    FAULT = "fault"  # the opening stays shut
    EXCEPTION = "exception"  # the approvers sign it


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or an exception, of a school or without one of all, by opaque ids."""

    kind: FindingKind
    code: str
    school_id: str | None = None
    student_id: UUID | None = None
    document_id: UUID | None = None

    def as_json(self) -> dict[str, str]:
        values = {
            "kind": self.kind.value,
            "code": self.code,
            "school_id": self.school_id,
            "student_id": self.student_id,
            "document_id": self.document_id,
        }
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class SchoolManifest:
    """The documents of one school: counts, a hash over all of them, and findings."""

    school_id: str
    counts: Mapping[str, int]
    digest: bytes
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class AppliedDelivery:
    """A delivery from which an administration follows."""

    reference: str | None
    mode: str | None
    sequence: int | None
    content_sha256: bytes | None

    def as_json(self, secret: bytes) -> dict[str, Any]:
        """Return its members, with a hash of its content that is keyed with `secret`."""
        content = self.content_sha256
        return {
            "reference": self.reference,
            "mode": self.mode,
            "sequence": self.sequence,
            "sha256": hmac.digest(secret, content, "sha256").hex() if content else None,
        }


@dataclass(slots=True)
class ManifestDraft:
    """A manifest in the making: the plan, the deliveries, and what each school gets."""

    plan: Mapping[str, Any]
    deliveries: Sequence[AppliedDelivery] = ()
    schools: dict[str, SchoolManifest] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add_school(self, school: SchoolManifest) -> None:
        """Add what a school gets, next to what was added of it before."""
        earlier = self.schools.get(school.school_id)
        self.schools[school.school_id] = school if earlier is None else _joined(earlier, school)
        self.findings.extend(school.findings)

    def counts(self) -> dict[str, int]:
        """Return sums over the schools, and the numbers of faults and exceptions."""
        sums: Counter[str] = Counter(schools=len(self.schools))
        for school in self.schools.values():
            sums.update(school.counts)
        for kind in FindingKind:
            sums[f"{kind.value}s"] = sum(finding.kind is kind for finding in self.findings)
        return dict(sorted(sums.items()))

    def content(self, secret: bytes) -> bytes:
        """Return the content as canonical JSON: the same facts give the same bytes.

        Hashes are keyed with `secret`, which no operator has: those of a small correction, or of
        the figures of a school, would otherwise tell which of a few guesses is right. The hash of a
        school is another one in each epoch. Otherwise an operator who submits a correction would
        see from it whether a level in it was the stored one.
        """
        epoch = str(self.plan["epoch"]).encode()
        schools = {
            number: {
                "counts": dict(school.counts),
                "sha256": hmac.digest(secret, school.digest + epoch, "sha256").hex(),
            }
            for number, school in self.schools.items()
        }
        findings = sorted(self.findings, key=lambda finding: sorted(finding.as_json().items()))
        return canonical_json(
            {
                **self.plan,
                "deliveries": [delivery.as_json(secret) for delivery in self.deliveries],
                "counts": self.counts(),
                "schools": schools,
                "findings": [finding.as_json() for finding in findings],
            }
        )


def _joined(one: SchoolManifest, other: SchoolManifest) -> SchoolManifest:
    digests = digest_of([[one.digest.hex()], [other.digest.hex()]])
    return SchoolManifest(
        one.school_id, {**one.counts, **other.counts}, digests, (*one.findings, *other.findings)
    )


def canonical_json(value: Any) -> bytes:
    """Return JSON in ASCII without spaces, with members sorted by name."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def digest_of(lines: Iterable[Sequence[Any]]) -> bytes:
    """Return a hash over rows, in the order of their canonical JSON."""
    rows = sorted(canonical_json([str(value) for value in line]) for line in lines)
    return sha256(b"\n".join(rows)).digest()
