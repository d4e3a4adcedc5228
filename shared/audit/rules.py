"""The chain of the trail as pure rules: what an entry's hash covers, and what is wrong in a row."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored; the field order is the one in which the hash covers them."""

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
    hash: bytes

    def follows(self, previous: bytes) -> bool:
        """Whether the hash is the one it got when it was appended after `previous`."""
        return self.hash == sha256(previous + entry_bytes(self)).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries a chain has, and the hash of the last."""

    events: int
    hash: bytes

    def as_json(self) -> dict[str, int | str]:
        return {"events": self.events, "hash": self.hash.hex()}

    @classmethod
    def from_json(cls, value: Mapping[str, int | str]) -> Self:
        """Raises ValueError, KeyError or TypeError for what `as_json` did not write."""
        return cls(int(value["events"]), bytes.fromhex(str(value["hash"])))


def entry_bytes(entry: Entry) -> bytes:
    """JSON as PostgreSQL writes it: `audit_hash` in the migration covers the same bytes."""
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
    if entry.caller_subject is not None:  # entries from before there were any keep their hash
        fields.append(entry.caller_subject)
    return json.dumps(fields, ensure_ascii=False).encode()


def faults_of_chain(
    entries: Iterable[Entry], head: Head | None, kept: Head | None = None
) -> Iterator[str]:
    """What is wrong with one chain, an entry at a time; nothing when it is whole.

    `entries` come by position. `kept` is an earlier head of the same chain that was kept elsewhere,
    where who can write in this database cannot reach it.
    """
    position, previous, known = 0, b"", {0: b""}
    for entry in entries:
        if entry.position != position + 1:
            yield _missing(position + 1, entry.position - 1)
        elif not entry.follows(previous):
            yield f"entry {entry.position} was changed, or another stood before it"
        position, previous = entry.position, entry.hash
        if kept is not None and position == kept.events:
            known[position] = previous
    if head is None:
        yield "the head of the chain is gone"
    elif head.events > position:
        yield _missing(position + 1, head.events)
    elif head != Head(position, previous):
        yield f"the head of the chain is not that of its last entry, number {position}"
    if kept is not None and known.get(kept.events) != kept.hash:
        yield f"entry {kept.events} is not the one whose hash was kept"


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"entry {first} is missing"
    return f"entries {first} to {last} are missing"
