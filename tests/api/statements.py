"""The statements that the API sends to PostgreSQL."""

from threading import current_thread
from typing import Any

import psycopg
import pytest


def record_statements(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list to which every statement of a request is added from now on."""
    statements: list[object] = []

    def record(name: str) -> None:
        send = getattr(psycopg.Cursor, name)

        def recorded(sender: Any, statement: Any, *arguments: Any, **options: Any) -> Any:
            if current_thread().name != "health":
                statements.append(statement)
            return send(sender, statement, *arguments, **options)

        monkeypatch.setattr(psycopg.Cursor, name, recorded)

    record("execute")
    record("executemany")
    return statements
