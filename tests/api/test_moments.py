"""Openings and recalls, watched through two API processes and in the view of the gate.

`make openings` watches 200 openings and 50 recalls, and prints the figures.
"""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Thread
from time import sleep, time
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import select, text, update

from shared.access.decisions import act_for
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, CallerKind, Reach
from shared.audit.models import AuditEvent
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.oauth.clients.models import Client
from shared.oauth.tokens import TokenAuthority
from shared.release_plans.recalls import NewRecall, recall
from shared.releases.models import Opening
from shared.storage.store import Storage
from tests.api.api_process import ApiProcess
from tests.api.approved_releases import Release, planning
from tests.api.conftest import Callers
from tests.api.moments import Figures, Watcher, clock_skew, of_api, of_view, watching
from tests.api.operators import Operator, operators
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.api.token_holders import SlowDownload
from tests.audit_log import append_pending
from tests.releasing import add_persons, close_everything

OPENINGS = int(os.environ.get("OPENINGS", "3"))
RECALLS = int(os.environ.get("RECALLS", "2"))
SCHOOLS = 3_853
"""The schools of 2024."""
HOUR, AHEAD = timedelta(hours=1), timedelta(seconds=1)
SIZE = 25_000_000
OPENS_WITHIN, CLOSES_WITHIN, BREAKS_WITHIN = 1.0, 1.0, 2.0
"""Seconds: the limits for an opening, a recall, and a download under way."""
CREATED = 201
RECALL = {
    "administrationId": ADMINISTRATION,
    "product": "studentFeedback",
    "reason": "wrong norm",
}
RESULTS = f"/v1/schools/{SCHOOL}/results"
WITHOUT_LIMITS = {
    f"TOETSFEEDBACK_API_{name}": "1000000"
    for name in (
        "SCHOOL_REQUESTS_PER_MINUTE",
        "CLIENT_REQUESTS_PER_MINUTE",
        "BULK_ALARM_STUDENTS_PER_HOUR",
    )
}

pytestmark = pytest.mark.timeout(max(400, 10 * OPENINGS))


@pytest.fixture(scope="module")
def processes(api_settings: Settings, seeded: Seeded) -> Iterator[list[ApiProcess]]:
    assert seeded.documents
    processes = [ApiProcess(api_settings, **WITHOUT_LIMITS) for _ in range(2)]
    for process in processes:
        process.spawn()
    for process in processes:
        process.wait_until_healthy()
    yield processes
    for process in processes:
        process.close()


@pytest.fixture(scope="module")
def url(processes: list[ApiProcess]) -> str:
    return processes[0].url


@pytest.fixture(scope="module")
def authority(settings: Settings, url: str) -> TokenAuthority:
    return authority_of(settings, url)


def authority_of(settings: Settings, url: str) -> TokenAuthority:
    return TokenAuthority.of(settings.model_copy(update={"public_url": url}))


@pytest.fixture(scope="module")
def schools(
    processes: list[ApiProcess], settings: Settings
) -> Iterator[list[tuple[Callers, httpx.Client]]]:
    """Return the clients of a school for each process."""
    urls = [process.url for process in processes]
    callers = [Callers(url, authority_of(settings, url)) for url in urls]
    yield [(one, one.school()) for one in callers]
    for one in callers:
        one.close()


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "planner", "first", "second")


@pytest.fixture(scope="module")
def large(seeded: Seeded, sessions: Sessions, storage: Storage) -> str:
    """Return the path of a document that takes half a minute at the rate of the client."""
    storage.put("documents/large", bytes(SIZE))
    place = {"storage_keys": ["documents/large"], "byte_offsets": [0], "byte_sizes": [SIZE]}
    with UnitOfWork(sessions) as unit:
        row = update(Document).where(Document.id == seeded.documents["print"])
        unit.session.execute(row.values(**place))
    return f"/v1/documents/{seeded.documents['print']}/content"


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    figures = Figures()
    yield figures
    print(*figures.lines(), sep="\n")  # noqa: T201  # shown by `make openings`


@pytest.fixture(scope="module")
def view(api_settings: Settings) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    login = api_settings.database_url.get_secret_value()
    with psycopg.connect(login, autocommit=True) as connection:
        yield connection


def approve_one(release: Release) -> float:
    """Plan, verify and approve an opening, move it to the next second, and return its moment."""
    opening = UUID(release.approved(HOUR))
    with UnitOfWork(release.sessions) as unit:
        opens_at = unit.session.get_one(Opening, opening).opens_at
        left = opens_at - database_now(unit.session)
    release.pass_time(left - AHEAD)
    with UnitOfWork(release.sessions) as unit:
        return unit.session.get_one(Opening, opening).opens_at.timestamp()


def watch_opening(moment: float, watchers: dict[str, Watcher], figures: Figures) -> None:
    with watching([*watchers.values()]):
        while time() < moment + 0.3 or not all(
            one.answers and one.answers[-1].is_shown for one in watchers.values()
        ):
            sleep(0.02)
            assert time() < moment + 30
    for name, watcher in watchers.items():
        opened = watcher.first(is_shown=True)
        assert opened >= moment, f"{name} was open {moment - opened} s early"
        assert watcher.last(is_shown=False) - moment <= OPENS_WITHIN
        figures.add(f"opened_in_{name}", opened - moment)


def watch_recall(
    planner: httpx.Client, download: SlowDownload, watchers: dict[str, Watcher], figures: Figures
) -> None:
    reading = Thread(target=download.read_until_reset)
    reading.start()
    with watching([*watchers.values()]):
        sleep(0.1)
        asked_at = time()
        assert planner.post("/v1/recalls", json=RECALL).status_code == CREATED
        answered_at = time()
        reading.join()
        figures.add("download_broken_after_recall", time() - answered_at)
        sleep(0.2)
    assert time() - answered_at <= BREAKS_WITHIN
    assert download.received < download.size
    figures.add("recall_answered", answered_at - asked_at)
    for name, watcher in watchers.items():
        assert watcher.last(is_shown=True) - answered_at <= CLOSES_WITHIN
        closed = watcher.first(is_shown=False, since=asked_at)
        figures.add(f"closed_in_{name}_after_request", closed - asked_at)


def test_nothing_opens_early_or_late_and_a_recall_closes_at_once(
    schools: list[tuple[Callers, httpx.Client]],
    view: psycopg.Connection[tuple[object, ...]],
    sessions: Sessions,
    persons: Sequence[Operator],
    settings: Settings,
    large: str,
    figures: Figures,
) -> None:
    def watchers() -> dict[str, Watcher]:
        names = {f"api_{number}": one for number, (_, one) in enumerate(schools, start=1)}
        return {name: of_api(one, RESULTS) for name, one in names.items()} | {"view": of_view(view)}

    figures.add("clock_skew", abs(clock_skew(view)))
    callers = schools[1][0]
    for number in range(OPENINGS):
        with planning(sessions, persons, settings) as release:
            watch_opening(approve_one(release), watchers(), figures)
            if number < RECALLS:
                token = callers.token(CallerKind.SCHOOL, SCHOOL)
                headers = callers.headers(token, "GET", f"{callers.url}{large}")
                with SlowDownload(callers.url, large, headers) as download:
                    watch_recall(persons[0].api, download, watchers(), figures)


PLAIN_GATE = """
create or replace function released_component_ids(sought varchar) returns integer[]
language plpgsql stable parallel safe as $$
begin
    return array(
        select component_id from public.plain_windows
        where product = sought and opens_at <= now() and (closes_at is null or now() < closes_at)
    );
end
$$
"""
PLAIN_WINDOWS = """
create table plain_windows as
select product, component_id, now() as opens_at, null::timestamptz as closes_at
from released_components;
grant select on plain_windows to toetsfeedback_api
"""
ROUNDS, CALLS = 5, 8 + OPENINGS // 5
HIGHEST_RATIO = 1.5


def test_the_gate_costs_a_read_little_more_than_a_table_of_windows(
    schools: list[tuple[Callers, httpx.Client]],
    sessions: Sessions,
    persons: Sequence[Operator],
    settings: Settings,
    figures: Figures,
) -> None:
    definition = "select pg_get_functiondef('released_component_ids(varchar)'::regprocedure)"
    with planning(sessions, persons, settings) as release:
        sleep(max(0.0, approve_one(release) - time()) + 0.1)
        with UnitOfWork(sessions) as unit:
            gates = {"view": str(unit.session.scalar(text(definition))), "table": PLAIN_GATE}
            unit.session.execute(text(PLAIN_WINDOWS))
        try:
            for _ in range(ROUNDS):
                for name, gate in gates.items():
                    with UnitOfWork(sessions) as unit:
                        unit.session.execute(text(gate.replace(":", "\\:")))
                    for _ in range(CALLS):
                        began = time()
                        response = schools[0][1].get(RESULTS)
                        figures.add(f"read_with_{name}", time() - began)
                        assert response.json()["total"] > 0
        finally:
            with UnitOfWork(sessions) as unit:
                unit.session.execute(text(gates["view"].replace(":", "\\:")))
                unit.session.execute(text("drop table plain_windows"))
    ratio = figures.ratio("read_with_view", "read_with_table")
    print(json.dumps({"name": "openings.gate_ratio", "value": round(ratio, 3)}))  # noqa: T201
    assert ratio <= HIGHEST_RATIO


ALL_SCHOOLS = """
with added as (
    insert into schools (id, name, municipality, main_structure)
    select (200000 + number)::varchar, 'De School', 'Genk', '211'
    from generate_series(1, :schools) number returning id
)
insert into participations (administration_id, school_id, name, municipality)
select :administration, id, 'De School', 'Genk' from added
"""


@pytest.mark.usefixtures("seeded")
def test_a_recall_is_in_the_audit_log_of_all_schools_of_the_country(
    sessions: Sessions, figures: Figures
) -> None:
    with UnitOfWork(sessions) as unit:
        values = {"schools": SCHOOLS, "administration": ADMINISTRATION}
        unit.session.execute(text(ALL_SCHOOLS), values)
        (person,) = add_persons(unit.session, "one who recalls")
        client = unit.session.scalar(select(Client.id).where(Client.person_id == person))
    caller = Caller(str(client), CallerKind.OPERATOR, frozenset())
    access = AccessRequest(caller, "createRecall", "/v1/recalls", "trace", Reach(None))
    new = NewRecall(ADMINISTRATION, "wrong norm", Product.STUDENT_FEEDBACK)
    began = time()
    with UnitOfWork(sessions) as unit:
        act_for(unit, caller)
        (made,) = recall(unit, access, new)
    figures.add("recall_from_all_schools", time() - began)
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        of_recall = AuditEvent.resource == f"/v1/recalls/{made.recall.id}"
        logs = unit.session.scalars(select(AuditEvent.organisation).where(of_recall)).all()
        close_everything(unit.session)
    assert len(set(logs)) == len(logs) > SCHOOLS
