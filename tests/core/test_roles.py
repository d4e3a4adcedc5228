"""The privileges of each program in the database, with its own login."""

from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import psycopg
import pytest
from fastapi import FastAPI
from psycopg.errors import InsufficientPrivilege
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text

from migrations.logins import ROLES
from services.api.app import create_app
from shared.core.database import require_usable_database
from shared.core.errors import ConfigurationError
from shared.core.session_limits import LIMITS
from shared.core.settings import Settings
from tests.core.conftest import Login

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
STUDENT_DATA = (
    "students",
    "class_groups",
    "results",
    "documents",
    "scale_scores",
    "item_results",
    "missing_fiches",
    "superseded_documents",
    "school_feedback_snapshots",
)
WORKERS_ALONE = (
    "school_feedback_members",
    "computed_references",
    "feedback_computations",
    "delivered_references",
)


@pytest.mark.parametrize("program", ROLES)
def test_programs_write_the_audit_log_only_through_its_function(login: Login, program: str) -> None:
    with login(program) as connection:
        for change in (
            "insert into audit_heads values ('', 0, '')",
            "update audit_events set client = ''",
            "delete from audit_events",
            "truncate audit_events",
            "update audit_heads set events = 0",
            "alter table audit_events disable trigger all",
            "select from pending_audit_events",
            "delete from pending_audit_events",
            "insert into pending_audit_events (client) values ('')",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(change)


@pytest.mark.parametrize("table", STUDENT_DATA)
def test_an_operator_cannot_read_student_data(login: Login, table: str) -> None:
    with login("operator") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(f"select from {table}")


@pytest.mark.parametrize("table", ["scale_scores", "item_results", *WORKERS_ALONE])
@pytest.mark.parametrize("program", ["api", "operator"])
def test_only_workers_and_the_importer_read_scores_items_and_what_figures_are_made_from(
    login: Login, program: str, table: str
) -> None:
    with login(program) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(f"select from {table}")


@pytest.mark.parametrize("table", STUDENT_DATA)
@pytest.mark.parametrize("change", ["delete from {}", "update {} set school_id = ''"])
def test_the_api_cannot_change_student_data(login: Login, table: str, change: str) -> None:
    with login("api") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(change.format(table))


def test_api_reads_no_hash_of_an_insz(login: Login) -> None:
    for query in ("select insz_hash from students", "select * from students"):
        with login("api") as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(query)
        with login("api") as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(f"explain {query}")


@pytest.mark.parametrize(
    ("caller", "removed"),
    [
        ({}, (None,)),
        ({"kind": "school", "client": "portal"}, (None,)),
        ({"kind": "integrator", "client": "00000000-0000-4000-8000-000000000002"}, (None,)),
        ({"kind": "integrator", "client": "00000000-0000-4000-8000-000000000001"}, (True,)),
        ({"kind": "operator", "client": "ops"}, (True,)),
    ],
)
def test_api_removes_keys_for_operators_and_their_client_only(
    login: Login, engine: Engine, caller: dict[str, str], removed: tuple[object]
) -> None:
    client = "00000000-0000-4000-8000-000000000001"
    with engine.begin() as owner:
        owner.execute(
            text(
                "insert into clients (id, name, kind, scopes, sort_key) values (:id, 'vendor',"
                " 'integrator', '{}', '') on conflict do nothing"
            ),
            {"id": client},
        )
        owner.execute(
            text(
                "insert into client_keys (client_id, thumbprint, jwk) values (:id, 'x', '{}')"
                " on conflict do nothing"
            ),
            {"id": client},
        )
    with login("api") as connection, connection.transaction():
        for name, value in caller.items():
            connection.execute("select set_config(%s, %s, true)", [f"toetsfeedback.{name}", value])
        found = connection.execute("select remove_client_key(%s, 'x')", [client]).fetchone()
    assert found == removed


@pytest.mark.parametrize("program", [program for program in ROLES if program != "api"])
def test_logins_lock_no_table_against_writes(login: Login, engine: Engine, program: str) -> None:
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
    locked = set()
    for table in tables:
        try:
            with login(program) as connection, connection.transaction():
                connection.execute(f"lock table {table} in share mode nowait")
                locked.add(table)
        except InsufficientPrivilege:
            continue
    assert locked == set()


EXPIRING = ("used_identifiers", "revoked_tokens", "sign_ons", "download_grants", "stored_responses")


@pytest.mark.parametrize("table", EXPIRING)
@pytest.mark.parametrize("program", ROLES)
def test_no_program_removes_what_has_not_expired(login: Login, program: str, table: str) -> None:
    with login(program) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(f"delete from {table}")


def test_worker_removes_what_has_expired(login: Login, engine: Engine) -> None:
    tokens = "('ended', now() - interval '10s'), ('valid', now() + interval '1h')"
    with engine.begin() as connection:
        connection.execute(text(f"insert into revoked_tokens values {tokens}"))
    with login("worker") as worker:
        assert worker.execute("select remove_expired_revoked_tokens()").fetchone() == (1,)
    with engine.begin() as connection:
        left = connection.scalars(text("delete from revoked_tokens returning id")).all()
    assert left == ["valid"]


def test_api_locks_no_table(login: Login, engine: Engine) -> None:
    locked = []
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names()) | set(
            inspect(connection).get_view_names()
        )
    for table in tables:
        for mode in ("access share", "row exclusive", "access exclusive"):
            try:
                with login("api") as connection, connection.transaction():
                    connection.execute(f"lock table {table} in {mode} mode nowait")
                    locked.append(f"{table} in {mode} mode")
            except InsufficientPrivilege:
                continue
    assert not locked


UNREAD_BY_THE_API = (
    "students.insz_hash select",
    "students.corrected_revision select",
    "school_feedback_snapshots.audit select",
)
KEPT_FROM_THE_API = (
    "clients.registered_by update",
    *(f"release_windows.before_plans {privilege}" for privilege in ("insert", "update")),
    *(f"recalls.{name} insert" for name in ("id", "recalled_at", "recalled_by", "reopens_at")),
    *(
        f"recalls.{name} update"
        for name in ("id", "administration_id", "product", "target_group_id", "component_id")
    ),
    *(f"recalls.{name} update" for name in ("school_id", "reason", "recalled_at", "recalled_by")),
)
"""Who registered a client; what opens without approvals; what a recall is."""


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("api", [*UNREAD_BY_THE_API, *KEPT_FROM_THE_API]),
        ("importer", []),
        ("worker", []),
    ],
)
def test_a_role_has_each_privilege_on_every_column(
    engine: Engine, role: str, missing: list[str]
) -> None:
    query = f"""
        select relname || '.' || attname || ' ' || privilege
        from pg_class join pg_attribute on attrelid = pg_class.oid,
             unnest(array['select', 'insert', 'update']) privilege
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
          and attnum > 0 and not attisdropped
          and has_any_column_privilege('toetsfeedback_{role}', pg_class.oid, privilege)
          and not has_column_privilege('toetsfeedback_{role}', pg_class.oid, attnum, privilege)
    """
    with engine.connect() as connection:
        assert sorted(connection.scalars(text(query))) == sorted(missing)


def test_the_api_does_not_start_with_a_privileged_login(settings: Settings, login: Login) -> None:
    def api_as(url: str) -> FastAPI:
        secret = SecretStr(url)
        return create_app(settings.model_copy(update={"database_url": secret}))

    with login("api") as connection:
        name = f"owner_{token_hex(4)}"
        server_url = f"postgresql://{name}:secret@{connection.info.host}:{connection.info.port}"
    url = settings.database_url.get_secret_value()
    database = urlsplit(url).path
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"create role {name} login password 'secret' in role toetsfeedback_api")
        app = api_as(server_url + database)
        require_usable_database(app.state.resources.engine)
        app.state.resources.close()
        try:
            for privilege in ("superuser", "bypassrls"):
                owner.execute(f"alter role {name} {privilege}")
                with pytest.raises(ConfigurationError, match=f"as {name}, which is a superuser"):
                    require_usable_database(api_as(server_url + database).state.resources.engine)
                owner.execute(f"alter role {name} no{privilege}")
            owner.execute(f"alter table schools owner to {name}")
            with pytest.raises(ConfigurationError, match="name a login that is only in the role"):
                require_usable_database(api_as(server_url + database).state.resources.engine)
        finally:
            owner.execute("alter table schools owner to current_user")
            owner.execute(f"drop role {name}")


@pytest.mark.parametrize("program", ROLES)
def test_server_ends_what_a_program_waits_for_too_long(login: Login, program: str) -> None:
    limits = LIMITS[program]
    with login(program) as connection:
        found = {name: connection.execute(f"show {name}").fetchone()[0] for name in limits}
    assert found == limits
    assert set(limits) == {"statement_timeout", "lock_timeout"}
    row = f"| {program} | {limits['statement_timeout']} | {limits['lock_timeout']} |"
    assert row in OPERATIONS.read_text(encoding="utf-8")
