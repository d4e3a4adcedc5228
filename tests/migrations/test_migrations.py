"""The migrations build the schema the models describe, and can be taken back."""

from collections.abc import Iterator
from secrets import token_hex

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text

from embedded.servers import Servers
from migrations.upgrade import alembic_config, migrate
from shared.audit.service import heads, verify
from shared.core.database import open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork


@pytest.fixture
def empty(servers: Servers, settings: Settings) -> Iterator[Engine]:
    name = f"empty_{token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = SecretStr(f"{servers.database_url.rsplit('/', 1)[0]}/{name}")
    engine = open_engine(
        settings.model_copy(update={"database_url": url}), application_name="tests"
    )
    yield engine
    engine.dispose()
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config(None)).get_heads()) == 1


def test_up_then_down_then_up(empty: Engine) -> None:
    migrate(empty)
    tables = set(inspect(empty).get_table_names())
    with empty.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    left = set(inspect(empty).get_table_names())
    with empty.begin() as connection:
        functions = connection.scalar(
            text("select count(*) from pg_proc where pronamespace = 'public'::regnamespace")
        )
    migrate(empty)
    assert left == {"alembic_version"}
    assert functions == 0
    assert set(inspect(empty).get_table_names()) == tables


def test_the_models_and_the_migrations_agree(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        command.check(alembic_config(connection))


def test_every_constraint_has_a_name_of_its_own(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        names = connection.scalars(
            text(
                "select conname from pg_constraint where contype in ('c', 'f', 'p', 'u')"
                " and connamespace = 'public'::regnamespace and conrelid::regclass::text"
                " <> 'alembic_version'"
            )
        ).all()
    assert [name for name in names if not name.startswith(("ck_", "fk_", "pk_", "uq_"))] == []


def test_the_trail_can_only_be_added_to(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        event = "'c', 'school', null, null, null, 'read', 'r', 'allowed', 'granted', null, null"
        connection.execute(text(f"select append_audit_event({event})"))
    for change in (
        "update audit_events set client = 'x'",
        "delete from audit_events",
        "truncate audit_events",
    ):
        with pytest.raises(Exception, match="only ever added"), empty.begin() as connection:
            connection.execute(text(change))


def test_a_trail_from_before_the_chain_is_chained(empty: Engine) -> None:
    migrate(empty, "20261123_chain")
    with empty.begin() as connection:
        for school in ("000028", None, "000028"):
            connection.execute(
                text(
                    "insert into audit_events"
                    " (client, caller_kind, organisation, action, resource, outcome, rule)"
                    " values ('c', 'school', :school, 'read', 'r', 'allowed', 'granted')"
                ),
                {"school": school},
            )
    migrate(empty)
    with UnitOfWork(session_factory(empty)) as unit:
        assert list(verify(unit.session, {})) == []
        assert {chain: head.events for chain, head in heads(unit.session).items()} == {
            "000028": 2,
            "": 1,
        }
