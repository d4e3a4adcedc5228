import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from typer.testing import CliRunner

from services.cli.main import app
from shared.access.decisions import act_for
from shared.access.rules import Caller, CallerKind
from shared.audit.repository import AuditFilter, Mention, NewAuditEvent
from shared.audit.service import heads, list_events, record, verify
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.schools.models import School
from tests.api.seeding import OTHER, SCHOOL

ODD = 'Zoë "de" \\ \x01\x7f\t\n\u2028 \U0001f600'
"""Whatever a name of a client could hold that JSON writes in more than one way."""


def caller(school: str | None, client: str = "client", person: str | None = None) -> Caller:
    kind = CallerKind.OPERATOR if school is None else CallerKind.SCHOOL
    return Caller(client, kind, frozenset(), school, person)


def event(school: str | None, resource: str = "/v1/x") -> NewAuditEvent:
    return NewAuditEvent(
        organisation=school,
        action="read",
        resource=resource,
        outcome="allowed",
        rule="granted",
        trace_id="trace",
    )


def append(
    sessions: Sessions,
    school: str | None,
    resource: str,
    client: str = "client",
    times: int = 1,
    person: str | None = None,
) -> None:
    for _ in range(times):
        with UnitOfWork(sessions) as unit:
            act_for(unit, caller(school, client, person))
            record(unit, event(school, resource))


def faults(sessions: Sessions) -> list[tuple[str, str]]:
    with UnitOfWork(sessions) as unit:
        return list(verify(unit.session, {}))


@pytest.fixture
def trail(sessions: Sessions, engine: Engine) -> Iterator[Engine]:
    """Five entries about a school, two about another, one about none; all gone afterwards."""
    with UnitOfWork(sessions) as unit:
        for school in (SCHOOL, OTHER):
            values = {"id": school, "name": "", "municipality": "", "main_structure": "211"}
            unit.session.execute(insert(School).values(values).on_conflict_do_nothing())
    append(sessions, SCHOOL, "/v1/documents/a")
    append(sessions, OTHER, "/v1/documents/b", client=ODD, times=2)
    append(sessions, SCHOOL, "/v1/documents/a/content", times=4, person="someone")
    append(sessions, None, "/v1/releaseWindows/c")
    yield engine
    tamper(engine, "delete from audit_events", "delete from audit_heads")


def tamper(engine: Engine, *statements: str) -> None:
    """As who owns the tables could, and nobody else."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


THIRD = f"organisation = '{SCHOOL}' and position = 3"
FOURTH = f"organisation = '{SCHOOL}' and position = 4"
LAST = f"organisation = '{SCHOOL}' and position = 5"


def changed(*positions: int) -> list[tuple[str, str]]:
    words = "entry {} was changed, or the entry before it was"
    return [(SCHOOL, words.format(position)) for position in positions]


@pytest.mark.usefixtures("trail")
def test_what_was_appended_is_whole_whatever_it_says(sessions: Sessions) -> None:
    assert faults(sessions) == []


@pytest.mark.parametrize(
    "change",
    [
        "client = 'clienu'",
        "outcome = 'refused'",
        "caller_subject = null",
        "caller_subject = 'someone else'",
        "trace_id = null",
        "purpose = ''",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
    ],
)
def test_one_changed_byte_is_found(trail: Engine, sessions: Sessions, change: str) -> None:
    tamper(trail, f"update audit_events set {change} where {THIRD}")
    assert changed(3)[0] in faults(sessions)


def test_a_changed_entry_hides_no_other(trail: Engine, sessions: Sessions) -> None:
    tamper(trail, f"update audit_events set rule = 'gate' where {THIRD} or {LAST}")
    assert faults(sessions) == changed(3, 5)


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        (THIRD, "entry 3 is missing"),
        (f"{THIRD} or {FOURTH}", "entries 3 to 4 are missing"),
        (LAST, "entry 5 is missing"),
        (f"organisation = '{SCHOOL}'", "entries 1 to 5 are missing"),
    ],
)
def test_a_removed_row_is_found(
    trail: Engine, sessions: Sessions, removed: str, found: str
) -> None:
    tamper(trail, f"delete from audit_events where {removed}")
    assert faults(sessions) == [(SCHOOL, found)]


def test_two_swapped_rows_are_found(trail: Engine, sessions: Sessions) -> None:
    tamper(
        trail,
        f"update audit_events set position = 0 where {THIRD}",
        f"update audit_events set position = 3 where {FOURTH}",
        f"update audit_events set position = 4 where organisation = '{SCHOOL}' and position = 0",
    )
    assert faults(sessions) == changed(3, 4, 5)


def test_a_row_that_is_now_about_another_school_is_found(trail: Engine, sessions: Sessions) -> None:
    tamper(trail, f"update audit_events set organisation = '{OTHER}' where {THIRD}")
    assert (SCHOOL, "entry 3 is missing") in faults(sessions)


def test_a_head_that_was_changed_or_removed_is_found(trail: Engine, sessions: Sessions) -> None:
    tamper(trail, f"update audit_heads set events = 4 where chain = '{SCHOOL}'")
    tamper(trail, f"delete from audit_heads where chain = '{OTHER}'")
    assert faults(sessions) == [
        (SCHOOL, "the head of the chain is not that of its last entry, number 5"),
        (OTHER, "the head of the chain is missing"),
    ]


def test_heads_kept_elsewhere_find_what_was_written_anew(trail: Engine, sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        kept = {chain: [head] for chain, head in heads(unit.session).items()}
    tamper(trail, "delete from audit_events", "delete from audit_heads")
    append(sessions, SCHOOL, "/v1/documents/a", times=6)
    with UnitOfWork(sessions) as unit:
        assert list(verify(unit.session, {})) == []
        assert sorted(verify(unit.session, kept)) == [
            ("", "the whole chain is missing"),
            (SCHOOL, "entry 5 does not have the hash that was stored"),
            (OTHER, "the whole chain is missing"),
        ]


def test_the_command_prints_what_it_found_and_says_so_by_its_exit_code(
    trail: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.model_dump().items():
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", str(plain))
    run = CliRunner().invoke
    kept = tmp_path / "heads.json"
    kept.write_text(run(app, ["audit", "heads"]).output)
    assert json.loads(kept.read_text())[SCHOOL]["events"] == 5
    whole = run(app, ["audit", "verify", "--since", str(kept)])
    assert (whole.exit_code, whole.output) == (0, "8 entries in 3 chains; 0 faults.\n")
    tamper(trail, f"delete from audit_events where {LAST}")
    broken = run(app, ["audit", "verify"])
    assert (broken.exit_code, broken.output.splitlines()) == (
        1,
        [f"School {SCHOOL}: entry 5 is missing.", "8 entries in 3 chains; 1 faults."],
    )


@pytest.mark.usefixtures("trail")
def test_a_school_reads_who_fetched_a_document(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        total, page = list_events(
            unit.session, AuditFilter(SCHOOL, [Mention(["/v1/documents/a"])]), 1, 2
        )
        everything, _ = list_events(unit.session, AuditFilter(SCHOOL), 0, 1)
        nothing, _ = list_events(
            unit.session, AuditFilter(SCHOOL, [Mention(["/v1/documents/b"])]), 0, 1
        )
    assert (total, everything, nothing) == (5, 5, 0)
    assert [(event.position, event.resource) for event in page] == [
        (4, "/v1/documents/a/content"),
        (3, "/v1/documents/a/content"),
    ]


@pytest.mark.usefixtures("trail")
def test_a_decision_that_is_not_committed_is_not_on_the_trail(sessions: Sessions) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            act_for(unit, caller(SCHOOL))
            record(unit, event(SCHOOL))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    with UnitOfWork(sessions) as unit:
        assert heads(unit.session)[SCHOOL].events == 5


@pytest.mark.usefixtures("trail")
def test_who_writes_at_the_same_time_makes_one_chain(sessions: Sessions) -> None:
    """Also who puts entries about the same schools on the trail, in another order."""

    def work(number: int) -> None:
        pair = (SCHOOL, OTHER) if number % 2 else (OTHER, SCHOOL)
        with UnitOfWork(sessions) as unit:
            act_for(unit, caller(None, f"client {number}"))
            for school in pair:
                record(unit, event(school))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    with UnitOfWork(sessions) as unit:
        assert list(verify(unit.session, {})) == []
        assert {chain: head.events for chain, head in heads(unit.session).items()} == {
            "": 1,
            SCHOOL: 205,
            OTHER: 202,
        }
