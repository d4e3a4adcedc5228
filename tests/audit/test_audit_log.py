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
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.schools.models import School
from tests.api.seeding import OTHER, SCHOOL

SPECIAL_CHARACTERS = 'Zoë "de" \\ / <&> \u00a0 \U0001f600'
"""Characters that JSON can encode in more than one way."""


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
def audit_log(sessions: Sessions, engine: Engine) -> Iterator[Engine]:
    """Append five entries about a school, two about another, one about none; remove all later."""
    with UnitOfWork(sessions) as unit:
        for school in (SCHOOL, OTHER):
            values = {"id": school, "name": "", "municipality": "", "main_structure": "211"}
            unit.session.execute(insert(School).values(values).on_conflict_do_nothing())
    append(sessions, SCHOOL, "/v1/documents/a")
    append(sessions, OTHER, "/v1/documents/b", client=SPECIAL_CHARACTERS, times=2)
    append(sessions, SCHOOL, "/v1/documents/a/content", times=4, person="someone")
    append(sessions, None, "/v1/releaseWindows/c")
    yield engine
    tamper(engine, "delete from audit_events", "delete from audit_heads")


def tamper(engine: Engine, *statements: str) -> None:
    """Execute statements as the owner of the tables, with triggers disabled."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


THIRD = f"organisation = '{SCHOOL}' and position = 3"
FOURTH = f"organisation = '{SCHOOL}' and position = 4"
LAST = f"organisation = '{SCHOOL}' and position = 5"


def changed(*positions: int) -> list[tuple[str, str]]:
    message = "entry {} was changed, or the entry before it was"
    return [(SCHOOL, message.format(position)) for position in positions]


@pytest.mark.usefixtures("audit_log")
def test_an_unchanged_audit_log_has_no_faults(sessions: Sessions) -> None:
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
def test_a_changed_byte_is_found(audit_log: Engine, sessions: Sessions, change: str) -> None:
    tamper(audit_log, f"update audit_events set {change} where {THIRD}")
    assert changed(3)[0] in faults(sessions)


def test_every_changed_entry_is_found(audit_log: Engine, sessions: Sessions) -> None:
    tamper(audit_log, f"update audit_events set rule = 'gate' where {THIRD} or {LAST}")
    assert faults(sessions) == changed(3, 5)


@pytest.mark.parametrize(
    ("removed", "fault"),
    [
        (THIRD, "entry 3 is missing"),
        (f"{THIRD} or {FOURTH}", "entries 3 to 4 are missing"),
        (LAST, "entry 5 is missing"),
        (f"organisation = '{SCHOOL}'", "entries 1 to 5 are missing"),
    ],
)
def test_a_removed_row_is_found(
    audit_log: Engine, sessions: Sessions, removed: str, fault: str
) -> None:
    tamper(audit_log, f"delete from audit_events where {removed}")
    assert faults(sessions) == [(SCHOOL, fault)]


def test_two_swapped_rows_are_found(audit_log: Engine, sessions: Sessions) -> None:
    tamper(
        audit_log,
        f"update audit_events set position = 0 where {THIRD}",
        f"update audit_events set position = 3 where {FOURTH}",
        f"update audit_events set position = 4 where organisation = '{SCHOOL}' and position = 0",
    )
    assert faults(sessions) == changed(3, 4, 5)


def test_a_row_that_was_moved_to_another_school_is_found(
    audit_log: Engine, sessions: Sessions
) -> None:
    tamper(audit_log, f"update audit_events set organisation = '{OTHER}' where {THIRD}")
    assert (SCHOOL, "entry 3 is missing") in faults(sessions)


def test_a_changed_or_removed_head_is_found(audit_log: Engine, sessions: Sessions) -> None:
    tamper(audit_log, f"update audit_heads set events = 4 where chain = '{SCHOOL}'")
    tamper(audit_log, f"delete from audit_heads where chain = '{OTHER}'")
    assert faults(sessions) == [
        (SCHOOL, "the head of the chain is not that of its last entry, number 5"),
        (OTHER, "the head of the chain is missing"),
    ]


def test_heads_stored_elsewhere_reveal_a_rewritten_audit_log(
    audit_log: Engine, sessions: Sessions
) -> None:
    with UnitOfWork(sessions) as unit:
        stored_heads = {chain: [head] for chain, head in heads(unit.session).items()}
    tamper(audit_log, "delete from audit_events", "delete from audit_heads")
    append(sessions, SCHOOL, "/v1/documents/a", times=6)
    with UnitOfWork(sessions) as unit:
        assert list(verify(unit.session, {})) == []
        assert sorted(verify(unit.session, stored_heads)) == [
            ("", "the whole chain is missing"),
            (SCHOOL, "entry 5 does not have the hash that was stored"),
            (OTHER, "the whole chain is missing"),
        ]


def test_the_command_prints_faults_and_has_an_exit_code(
    audit_log: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.model_dump().items():
        text_value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", str(text_value))
    run = CliRunner().invoke
    stored_heads = tmp_path / "heads.json"
    stored_heads.write_text(run(app, ["audit", "heads"]).output)
    assert json.loads(stored_heads.read_text())[SCHOOL]["events"] == 5
    intact = run(app, ["audit", "verify", "--since", str(stored_heads)])
    assert (intact.exit_code, intact.output) == (0, "8 entries in 3 chains; 0 faults.\n")
    tamper(audit_log, f"delete from audit_events where {LAST}")
    incomplete = run(app, ["audit", "verify"])
    assert (incomplete.exit_code, incomplete.output.splitlines()) == (
        1,
        [f"School {SCHOOL}: entry 5 is missing.", "8 entries in 3 chains; 1 faults."],
    )


@pytest.mark.usefixtures("audit_log")
def test_a_school_reads_the_events_of_a_document(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        page = list_events(
            unit.session, AuditFilter(SCHOOL, [Mention(["/v1/documents/a"])]), PageSelection(2, 1)
        )
        everything = list_events(unit.session, AuditFilter(SCHOOL), PageSelection(10))
        nothing = list_events(
            unit.session, AuditFilter(SCHOOL, [Mention(["/v1/documents/b"])]), PageSelection(1)
        )
    assert [len(found.rows) for found in (everything, nothing)] == [5, 0]
    assert {found.total for found in (page, everything, nothing)} == {None}
    assert [(event.position, event.resource) for event in page.rows] == [
        (4, "/v1/documents/a/content"),
        (3, "/v1/documents/a/content"),
    ]


@pytest.mark.usefixtures("audit_log")
def test_a_decision_that_is_rolled_back_is_not_in_the_audit_log(sessions: Sessions) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            act_for(unit, caller(SCHOOL))
            record(unit, event(SCHOOL))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    with UnitOfWork(sessions) as unit:
        assert heads(unit.session)[SCHOOL].events == 5


@pytest.mark.usefixtures("audit_log")
def test_concurrent_writers_build_one_chain_per_school(sessions: Sessions) -> None:
    """Half of the writers append the entries of the two schools in the other order."""

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
