"""Exports of the heads of the audit log to the object store, out of reach of the database owner.

An export has the heads that changed since the previous one, under a key that is written once.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shared.audit import repository
from shared.audit.rules import Head
from shared.core.clock import database_now
from shared.core.errors import ConfigurationError
from shared.core.strict_json import parse_json
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage

PREFIX = "audit-heads"


@dataclass(slots=True)
class HeadExporter:
    """An exporter of heads; it remembers what it exported, and begins with all heads."""

    storage: Storage
    _exported: dict[str, Head] = field(default_factory=dict)

    def export(self, unit: UnitOfWork) -> int:
        """Write the heads that changed since the last export; return their number.

        No transaction is open while the store works.
        """
        heads = repository.heads(unit.session)
        changed = {chain: head for chain, head in heads.items() if self._is_new(chain, head)}
        if not changed:
            return 0
        now = database_now(unit.session)
        unit.end_reading()
        key = f"{PREFIX}/{now:%Y%m%dT%H%M%S.%fZ}.json"
        if not self.storage.put_new(key, heads_as_json(changed)):
            return 0  # another process used this instant: the next export has the same heads
        self._exported |= changed
        return len(changed)

    def _is_new(self, chain: str, head: Head) -> bool:
        return self._exported.get(chain) != head


def exported_heads(storage: Storage) -> dict[str, Collection[Head]]:
    """Return all exported heads by chain.

    Raises:
        ConfigurationError: when an export contains no heads.
    """
    heads: defaultdict[str, set[Head]] = defaultdict(set)
    for key in storage.keys(PREFIX):
        for chain, head in heads_from_json(storage.read(key), key).items():
            heads[chain].add(head)
    return dict(heads)


def heads_as_json(heads: Mapping[str, Head]) -> bytes:
    content = {chain: head.as_json() for chain, head in sorted(heads.items())}
    return json.dumps(content, indent=2).encode()


def heads_from_json(content: bytes, name: str) -> dict[str, Head]:
    """Read what `heads_as_json` wrote; `name` is the file or the object, for the error.

    Raises:
        ConfigurationError: when it contains no heads.
    """
    try:
        return {chain: Head.from_json(head) for chain, head in parse_json(content).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{name} contains no heads; give a file that `toetsfeedback audit heads` printed"
        ) from None
