"""Programs and migrations refuse a database that this version cannot use, and say why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import token_hex

import psycopg
import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import Engine, text

from embedded.servers import Servers
from migrations.logins import ROLES as ROLES_OF_PROGRAMS
from migrations.upgrade import alembic_config, migrate
from services.api.app import create_app
from services.worker.process import run_worker
from shared.core.database import open_engine, require_usable_database
from shared.core.errors import ConfigurationError
from shared.core.schema import ROLES, SNAPSHOT_FILE, expected_snapshot
from shared.core.settings import Settings
from tests.migrations.write_snapshot import snapshot_of

SettingsOf = Callable[[str], Settings]
POLICIES = sum(": policy " in rule for rule in expected_snapshot().rules)
TABLES = sum(rule.endswith("row security") for rule in expected_snapshot().rules)
OTHERS = "toetsfeedback_worker, toetsfeedback_importer, toetsfeedback_operator"


def test_snapshot_has_the_role_of_every_program() -> None:
    assert set(ROLES) == {role for roles in ROLES_OF_PROGRAMS.values() for role in roles}


def url_of(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


@pytest.fixture
def engine_of_migrate(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings, application_name="tests-migrate")
    yield engine
    engine.dispose()


@contextmanager
def changed(engine: Engine, change: str, undo: str) -> Iterator[None]:
    with engine.begin() as connection:
        connection.execute(text(change))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text(undo))


def refusals(settings_of: SettingsOf, engine: Engine) -> set[str]:
    """Return the reasons with which the API, a worker and `migrate` refuse the database."""
    app = create_app(settings_of("api"))
    starts: list[Callable[[], object]] = [
        lambda: require_usable_database(app.state.resources.engine),
        lambda: run_worker(settings_of("worker")),
        lambda: migrate(engine),
    ]
    reasons = set()
    for start in starts:
        with pytest.raises(ConfigurationError) as refused:
            start()
        reasons.add(str(refused.value))
    app.state.resources.close()
    return reasons


def test_the_snapshot_is_that_of_the_migrations(settings: Settings) -> None:
    """`make schema` writes it."""
    assert SNAPSHOT_FILE.read_text(encoding="utf-8") == snapshot_of(url_of(settings)).as_json()


@pytest.mark.parametrize(
    ("change", "undo", "named"),
    [
        (
            "drop policy others on results",
            f"create policy others on results to {OTHERS} using (true) with check (true)",
            f"{POLICIES - 1} of {POLICIES} row policies, without [results: policy others",
        ),
        (
            "alter table results disable row level security",
            "alter table results enable row level security",
            f"{TABLES - 1} of {TABLES} tables with row-level security, without [results: ",
        ),
        (
            "revoke select on results from toetsfeedback_worker",
            "grant select on results to toetsfeedback_worker",
            "privileges, without [results: SELECT to toetsfeedback_worker]",
        ),
        (
            "revoke execute on function append_audit_event from toetsfeedback_api",
            "grant execute on function append_audit_event to toetsfeedback_api",
            "privileges, without [append_audit_event: EXECUTE to toetsfeedback_api]",
        ),
        (
            "grant select on scale_scores to toetsfeedback_api",
            "revoke select on scale_scores from toetsfeedback_api",
            "in addition [scale_scores: SELECT to toetsfeedback_api]",
        ),
        (
            "create policy everything on results for select to toetsfeedback_api using (true)",
            "drop policy everything on results",
            "in addition [results: policy everything for SELECT",
        ),
        (
            "alter policy others on results using (school_id <> '')",
            "alter policy others on results using (true)",
            "without [results: policy others",
        ),
    ],
)
def test_database_with_other_rules_of_access_is_refused(
    settings_of: SettingsOf, engine_of_migrate: Engine, change: str, undo: str, named: str
) -> None:
    with changed(engine_of_migrate, change, undo):
        (reason,) = refusals(settings_of, engine_of_migrate)
    assert named in reason
    assert "docs/operations.md" in reason
    migrate(engine_of_migrate)


def test_objects_of_others_are_no_change(engine_of_migrate: Engine) -> None:
    create = "create view sizes as select 1; grant select on sizes to public"
    with changed(engine_of_migrate, create, "drop view sizes"):
        migrate(engine_of_migrate)


def test_schema_of_a_newer_version_is_refused_by_name(
    settings_of: SettingsOf, engine_of_migrate: Engine
) -> None:
    head = expected_snapshot().head
    with changed(
        engine_of_migrate,
        "update alembic_version set version_num = '20991231_later'",
        f"update alembic_version set version_num = '{head}'",
    ):
        (reason,) = refusals(settings_of, engine_of_migrate)
    assert "revision 20991231_later" in reason
    assert "a newer version has migrated the database" in reason


def test_schema_of_an_older_version_has_to_be_migrated_first(
    settings_of: SettingsOf, engine_of_migrate: Engine
) -> None:
    with engine_of_migrate.begin() as connection:
        command.downgrade(alembic_config(connection), "20261129_ends_of_access")
    try:
        resources = create_app(settings_of("api")).state.resources
        with pytest.raises(ConfigurationError, match="run `toetsfeedback migrate` as the owner"):
            require_usable_database(resources.engine)
    finally:
        migrate(engine_of_migrate)
    require_usable_database(resources.engine)
    resources.close()


def test_upgrade_that_ends_without_a_policy_changes_nothing(engine_of_migrate: Engine) -> None:
    """As of a database that was restored without its roles, and that is migrated at once."""
    with engine_of_migrate.begin() as connection:
        command.downgrade(alembic_config(connection), "20261129_ends_of_access")
    with (
        changed(
            engine_of_migrate,
            "alter table results disable row level security",
            "alter table results enable row level security",
        ),
        pytest.raises(ConfigurationError, match="results: row security"),
    ):
        migrate(engine_of_migrate)
    with engine_of_migrate.connect() as connection:
        revision = connection.scalar(text("select version_num from alembic_version"))
    assert revision == "20261129_ends_of_access"
    migrate(engine_of_migrate)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_database_with_another_encoding_is_refused(
    servers: Servers, settings: Settings, encoding: str
) -> None:
    name = f"encoded_{token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(
            f"create database {name} encoding '{encoding}' locale 'C' locale_provider libc "
            "template template0"
        )
    url = SecretStr(f"{servers.database_url.rsplit('/', 1)[0]}/{name}")
    engine = open_engine(
        settings.model_copy(update={"database_url": url}), application_name="tests"
    )
    try:
        with pytest.raises(ConfigurationError, match=f"encoding {encoding}.*--encoding=UTF8"):
            migrate(engine)
    finally:
        engine.dispose()
        with psycopg.connect(servers.database_url, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")
