"""Send the statements of one request for a class group's results through psycopg alone.

They are the statements that the service sends, with its parameters; only the digest of the proof
is new each time. Prints the number of such transactions per second.
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
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.repository import check_token
from shared.oauth.service import PROOF_RETENTION
from shared.oauth.tokens import AccessToken
from shared.results.service import list_results
from shared.students.repository import Cohort

CONNECTIONS, BEFORE, STATEMENTS = 4, 20, 3
DIGEST = secrets.token_bytes(32)

Sent = tuple[Any, Mapping[str, Any]]
"""SQL as psycopg takes it, and its parameters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int)
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    request = statements_of_a_request(settings)
    address = settings.database_url.get_secret_value()
    each = arguments.requests // CONNECTIONS
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        spans = list(threads.map(lambda _: replay(address, request, each), range(CONNECTIONS)))
    print(
        CONNECTIONS * each / (max(ends for _, ends in spans) - min(begins for begins, _ in spans))
    )


def replay(address: str, request: list[Sent], times: int) -> tuple[float, float]:
    """Return the start of the first and the end of the last transaction, after a warm-up."""
    began = 0.0
    with psycopg.connect(address) as connection:
        for number in range(BEFORE + times):
            if number == BEFORE:
                began = time.perf_counter()
            digest = secrets.token_bytes(32)
            for sql, values in request:
                fresh = {n: digest if value == DIGEST else value for n, value in values.items()}
                connection.execute(sql, fresh)
            connection.commit()
        return began, time.perf_counter()


def statements_of_a_request(settings: Settings) -> list[Sent]:
    engine = open_engine(settings, application_name="bench")
    sent: list[Sent] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        sent.append((sql, values))

    event.listen(engine, "before_cursor_execute", note)
    school_id, now = os.environ[SCHOOL], datetime.now(UTC)
    caller = Caller("bench", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school_id)
    token = AccessToken(caller, secrets.token_hex(16), now, now + timedelta(minutes=1), "-")
    reach = Reach(frozenset({school_id}))
    access = AccessRequest(caller, "listSchoolResults", "/bench", None, reach)
    with UnitOfWork(session_factory(engine)) as unit:
        check_token(unit, token, DIGEST, PROOF_RETENTION)
        list_results(unit, access, Cohort(school_id, None, os.environ[CLASS_GROUP]), 0, 200)
    engine.dispose()
    if len(sent) != STATEMENTS:
        raise SystemExit(f"a request sends {len(sent)} statements, not {STATEMENTS}")
    return sent


if __name__ == "__main__":
    main()
