"""Limits of each program, as settings of its sessions: PostgreSQL ends what takes longer."""

from collections.abc import Mapping
from typing import Final

_SHORT: Final = {"statement_timeout": "15s", "lock_timeout": "5s"}
_LONG: Final = {"statement_timeout": "1h", "lock_timeout": "1h"}
LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    "api": _SHORT,
    "worker": _LONG,
    "importer": _LONG,
    "operator": {"statement_timeout": "5min", "lock_timeout": "30s"},
    "auditor": {"statement_timeout": "1h", "lock_timeout": "30s"},
}
"""An import copies a file in one statement, and waits for the one before it with a lock.

`migrate` sets them for the login of each program, which can change them for itself. So the API and
the workers also set their own when they connect.
"""
