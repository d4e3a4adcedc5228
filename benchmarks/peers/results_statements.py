"""The SQL statements of a request for the results of a class group, sent by psycopg alone.

The statements and parameters are those of the service; only the digest of the proof differs each
time. Prints the number of transactions per second.
"""

import argparse
import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import event

from benchmarks.peers.results_api import CLASS_GROUP, SCHOOL
from shared.access.requests import AccessRequest
from shared.access.rules import GRANTABLE, Caller, CallerKind, Reach
from shared.core.database import open_engine, session_factory
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.repository import check_token
from shared.oauth.service import PROOF_RETENTION
from shared.oauth.tokens import AccessToken
from shared.results.service import list_results
from shared.students.repository import Cohort

CONNECTIONS, WARM_UP, STATEMENTS = 4, 20, 3
DIGEST = secrets.token_bytes(32)

Statement = tuple[Any, Mapping[str, Any]]
"""SQL for psycopg, and its parameters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int)
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    request = statements_of_request(settings)
    address = settings.database_url.get_secret_value()
    each = arguments.requests // CONNECTIONS
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        spans = list(threads.map(lambda _: replay(address, request, each), range(CONNECTIONS)))
    print(
        CONNECTIONS * each / (max(ends for _, ends in spans) - min(begins for begins, _ in spans))
    )


def replay(address: str, request: list[Statement], times: int) -> tuple[float, float]:
    """Send transactions; return the start of the first and the end of the last, after a warm-up."""
    began_at = 0.0
    with psycopg.connect(address) as connection:
        for number in range(WARM_UP + times):
            if number == WARM_UP:
                began_at = time.perf_counter()
            digest = secrets.token_bytes(32)
            for sql, values in request:
                parameters = {
                    n: digest if value == DIGEST else value for n, value in values.items()
                }
                connection.execute(sql, parameters)
            connection.commit()
        return began_at, time.perf_counter()


def statements_of_request(settings: Settings) -> list[Statement]:
    engine = open_engine(settings, application_name="bench")
    statements: list[Statement] = []

    def record(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        statements.append((sql, values))

    event.listen(engine, "before_cursor_execute", record)
    school_id, now = os.environ[SCHOOL], datetime.now(UTC)
    caller = Caller("bench", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school_id)
    token = AccessToken(caller, secrets.token_hex(16), now, now + timedelta(minutes=1), "-")
    reach = Reach(frozenset({school_id}))
    access = AccessRequest(caller, "listSchoolResults", "/bench", None, reach)
    with UnitOfWork(session_factory(engine)) as unit:
        check_token(unit, token, DIGEST, PROOF_RETENTION)
        list_results(
            unit, access, Cohort(school_id, None, os.environ[CLASS_GROUP]), PageSelection(200)
        )
    engine.dispose()
    if len(statements) != STATEMENTS:
        raise SystemExit(f"a request sends {len(statements)} statements, not {STATEMENTS}")
    return statements


if __name__ == "__main__":
    main()
