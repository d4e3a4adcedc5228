"""The hash chain of the audit log as pure rules: the bytes that a hash covers, and the faults."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as stored; the hash covers the fields in this order."""

    id: int
    position: int
    occurred_at: datetime
    client: str
    caller_kind: str
    caller_organisation: str | None
    organisation: str | None
    purpose: str | None
    action: str
    resource: str
    outcome: str
    rule: str
    trace_id: str | None
    caller_subject: str | None
    students: Collection[UUID] | None
    hash: bytes

    def follows(self, previous: bytes) -> bool:
        """Return True when the hash is that of an entry appended after `previous`."""
        return self.hash == sha256(previous + entry_bytes(self)).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The number of entries of a chain, and the hash of the last."""

    events: int
    hash: bytes

    def as_json(self) -> dict[str, int | str]:
        return {"events": self.events, "hash": self.hash.hex()}

    @classmethod
    def from_json(cls, value: Mapping[str, int | str]) -> Self:
        """Read what `as_json` wrote; raise ValueError, KeyError or TypeError for anything else."""
        return cls(int(value["events"]), bytes.fromhex(str(value["hash"])))


def entry_bytes(entry: Entry) -> bytes:
    """Return the JSON that PostgreSQL writes; `audit_hash` in the migration hashes it too."""
    fields = [
        entry.id,
        entry.position,
        (entry.occurred_at - _EPOCH) // timedelta(microseconds=1),
        entry.client,
        entry.caller_kind,
        entry.caller_organisation,
        entry.organisation,
        entry.purpose,
        entry.action,
        entry.resource,
        entry.outcome,
        entry.rule,
        entry.trace_id,
    ]
    if entry.students is not None:  # the hash of older entries covers none, or the subject alone
        fields += [entry.caller_subject, [str(student) for student in entry.students]]
    elif entry.caller_subject is not None:
        fields.append(entry.caller_subject)
    return json.dumps(fields, ensure_ascii=False).encode()


def chain_faults(
    entries: Iterable[Entry], head: Head | None, stored: Collection[Head] = ()
) -> Iterator[str]:
    """Yield the faults of one chain; none when it is intact.

    `entries` come by position. `stored` are earlier heads of the same chain, from a place where no
    writer of this database can change them.
    """
    position, previous, unmatched = 0, b"", {earlier for earlier in stored if earlier.events}
    for entry in entries:
        if entry.position != position + 1:
            yield _missing(position + 1, entry.position - 1)
        elif not entry.follows(previous):
            yield f"entry {entry.position} was changed, or the entry before it was"
        position, previous = entry.position, entry.hash
        unmatched.discard(Head(position, previous))
    last = max((known.events for known in (head, *stored) if known is not None), default=0)
    if last > position:
        yield _missing(position + 1, last)
    if head is None:
        yield "the head of the chain is missing"
    elif head.events <= position and head != Head(position, previous):
        yield f"the head of the chain is not that of its last entry, number {position}"
    for number in sorted({earlier.events for earlier in unmatched if earlier.events <= position}):
        yield f"entry {number} does not have the hash that was stored"


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"entry {first} is missing"
    return f"entries {first} to {last} are missing"
