"""The migrations build the schema of the models, and can be reverted."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from migrations.upgrade import alembic_config, migrate
from shared.audit.service import heads, verify
from shared.core.database import session_factory
from shared.core.schema import expected_snapshot
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.text_checks import fold


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config(None)).get_heads()) == 1


def test_downgrade_to_base_removes_everything_and_upgrade_restores_it(empty: Engine) -> None:
    migrate(empty)
    tables = set(inspect(empty).get_table_names())
    with empty.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    tables_after_downgrade = set(inspect(empty).get_table_names())
    with empty.begin() as connection:
        functions = connection.scalar(
            text("select count(*) from pg_proc where pronamespace = 'public'::regnamespace")
        )
    migrate(empty)
    assert tables_after_downgrade == {"alembic_version"}
    assert functions == 0
    assert set(inspect(empty).get_table_names()) == tables


def test_migration_names_the_revisions_that_it_applied(empty: Engine) -> None:
    *_, before, last, head = expected_snapshot().revisions
    texts = [str(migrate(empty, revision)) for revision in (before, "head", "head", before)]
    assert texts == [
        f"Migrated an empty database to revision {before}.",
        f"Migrated from revision {before} to {head}. Applied: {last}, {head}.",
        *[f"The schema is at revision {head} already."] * 2,
    ]


def test_the_migrations_build_the_schema_of_the_models(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        command.check(alembic_config(connection))


def test_every_constraint_is_named_by_convention(empty: Engine) -> None:
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


def test_the_audit_log_is_append_only(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        event = "null, '{}', null, null, null, 'read', '/r', 'allowed', 'granted', null"
        connection.execute(text(f"select append_audit_event({event})"))
    for change in (
        "update audit_events set client = 'x'",
        "delete from audit_events",
        "truncate audit_events",
    ):
        with pytest.raises(Exception, match="only ever added"), empty.begin() as connection:
            connection.execute(text(change))


def test_an_audit_log_without_hashes_gets_a_hash_chain(empty: Engine) -> None:
    migrate(empty, "20261123_chain")
    with empty.begin() as connection:
        for school in ("000028", None, "000028"):
            connection.execute(
                text(
                    "insert into audit_events"
                    " (client, caller_kind, organisation, action, resource, outcome, rule)"
                    " values ('c', 'school', :school, 'read', '/r', 'allowed', 'granted')"
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


ADMINISTRATION = (
    "insert into administrations values ('2024', '2023-2024', 'x', '2024-1-1', '2024-1-2')"
)
GROUP = (
    "insert into target_groups (administration_id, code, name, education_level, grade)"
    " values ('2024', 'LO4', 'x', 'lager', 4)"
)
COMPONENT = (
    "insert into components (administration_id, code, target_group_id, subject, name, position,"
    " is_calibration, level_scale) select '2024', one.code, target_groups.id, 'wiskunde', 'x',"
    " position, is_calibration, 'LO' from target_groups, (values ('LEZ', 1, false),"
    " ('WIS', 2, false), ('KAL', 3, true)) as one (code, position, is_calibration)"
)
WINDOW = (
    "insert into release_windows (administration_id, product, target_group_id, opens_at)"
    " values ('2024', '{}', {}, {})"
)
RELEASED = (
    "select product, code from released_components"
    " join components on components.id = component_id order by code"
)


def add_window(empty: Engine, product: str, target_group: str, opens_at: str) -> None:
    with empty.begin() as connection:
        connection.execute(text(WINDOW.format(product, target_group, opens_at)))


def released(empty: Engine) -> list[tuple[str, str]]:
    with empty.begin() as connection:
        return [tuple(row) for row in connection.execute(text(RELEASED))]


def test_existing_windows_keep_their_meaning_when_products_are_added(empty: Engine) -> None:
    migrate(empty, "20261128_standard_names")
    with empty.begin() as connection:
        for statement in (ADMINISTRATION, GROUP, COMPONENT):
            connection.execute(text(statement))
    add_window(empty, "studentFeedback", "null", "now()")
    before = released(empty)
    assert before == [("studentFeedback", "LEZ"), ("studentFeedback", "WIS")]
    migrate(empty)
    assert released(empty) == before
    add_window(empty, "studentFeedback", "(select id from target_groups)", "null")
    assert released(empty) == []


def test_other_products_and_second_windows_do_not_survive_a_downgrade(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        for statement in (ADMINISTRATION, GROUP, COMPONENT):
            connection.execute(text(statement))
    add_window(empty, "testViewing", "null", "now()")
    add_window(empty, "studentFeedback", "null", "null")
    add_window(empty, "studentFeedback", "null", "now()")
    with empty.begin() as connection:
        connection.execute(text("update release_windows set before_plans = true"))
    released_before = released(empty)
    with pytest.raises(IntegrityError, match="uq_release_windows_scope"), empty.begin() as one:
        command.downgrade(alembic_config(one), "20261128_standard_names")
    assert released(empty) == released_before
    with empty.begin() as connection:
        connection.execute(text("delete from release_windows where opens_at is null"))
        command.downgrade(alembic_config(connection), "20261128_standard_names")
    assert released(empty) == [("studentFeedback", "LEZ"), ("studentFeedback", "WIS")]
    migrate(empty)
    assert released(empty) == [("studentFeedback", "LEZ"), ("studentFeedback", "WIS")]


def test_windows_that_were_open_stay_open_and_later_ones_need_approvals(empty: Engine) -> None:
    migrate(empty, "20261205_sign_ons")
    with empty.begin() as connection:
        for statement in (ADMINISTRATION, GROUP, COMPONENT):
            connection.execute(text(statement))
    add_window(empty, "studentFeedback", "null", "now()")
    add_window(empty, "schoolFeedback", "null", "now() + interval '2 seconds'")
    migrate(empty)
    assert released(empty) == [("studentFeedback", "LEZ"), ("studentFeedback", "WIS")]
    with empty.begin() as connection:
        found = connection.execute(
            text("select product, jsonb_array_length(coverage) from openings")
        )
        assert [tuple(row) for row in found] == [("schoolFeedback", 2)]
        connection.execute(text("select pg_sleep(2.1)"))
    assert released(empty) == [("studentFeedback", "LEZ"), ("studentFeedback", "WIS")]


def test_a_downgrade_opens_nothing_that_was_not_approved(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        for statement in (ADMINISTRATION, GROUP, COMPONENT):
            connection.execute(text(statement))
    add_window(empty, "studentFeedback", "null", "now()")
    refused = pytest.raises(ProgrammingError, match="would open what is not approved")
    with refused, empty.begin() as connection:
        command.downgrade(alembic_config(connection), "20261205_sign_ons")
    assert released(empty) == []


def test_windows_of_components_name_no_target_group(empty: Engine) -> None:
    migrate(empty, "20261129_products")
    window = (
        "insert into release_windows (administration_id, product, target_group_id, component_id,"
        " opens_at) select '2024', 'studentFeedback', target_group_id, id, now()"
        " from components where code = 'LEZ'"
    )
    with empty.begin() as connection:
        for statement in (ADMINISTRATION, GROUP, COMPONENT, window):
            connection.execute(text(statement))
    scopes = text("select target_group_id is null, component_id is null from release_windows")
    migrate(empty)
    with empty.begin() as connection:
        assert [tuple(row) for row in connection.execute(scopes)] == [(True, False)]
    assert released(empty) == [("studentFeedback", "LEZ")]
    with empty.begin() as connection:
        command.downgrade(alembic_config(connection), "20261129_products")
        assert [tuple(row) for row in connection.execute(scopes)] == [(False, False)]
    assert released(empty) == [("studentFeedback", "LEZ")]


CLIENT = "insert into clients (name, kind, scopes) values ('{}', '{}', '{{}}')"
STATES = "select kind, state from clients order by kind"


def test_clients_of_operators_are_suspended_when_persons_are_added(empty: Engine) -> None:
    migrate(empty, "20261129_products")
    with empty.begin() as connection:
        for kind in ("integrator", "operator"):
            connection.execute(text(CLIENT.format(kind, kind)))
    migrate(empty)
    with empty.begin() as connection:
        states = connection.execute(text(STATES)).all()
    assert [tuple(row) for row in states] == [("integrator", "active"), ("operator", "suspended")]
    for change in (
        "update clients set state = 'active' where kind = 'operator'",
        "insert into clients (name, kind, scopes, sort_key) values ('x', 'operator', '{}', '')",
    ):
        with (
            pytest.raises(IntegrityError, match="operator_has_person"),
            empty.begin() as connection,
        ):
            connection.execute(text(change))


def test_codes_are_stored_as_they_are_compared(empty: Engine) -> None:
    migrate(empty, "20261129_ends_of_access")
    group = text(
        "insert into target_groups (administration_id, code, name, education_level, grade)"
        " values ('2024', :code, 'x', 'lager', 4)"
    )
    codes = ["LO\u00a0 4", "4e\u0301\u200b", " x", "A", "A ", "B"]
    codes += ["C\u3164", "\U000e0041D\u2800 1", "E", "E\ufe0f", "F\u200dG"]
    with empty.begin() as connection:
        connection.execute(text(ADMINISTRATION))
        for code in codes:
            connection.execute(group, {"code": code})

    migrate(empty)

    with empty.begin() as connection:
        stored = set(connection.scalars(text("select code from target_groups")))
    assert stored == {"LO 4", "4\u00e9", "x", "A", "A ", "B"} | {
        *("C", "D 1", "E", "E\ufe0f", "F\u200dG")
    }
    assert {fold(code) for code in codes} == {fold(code) for code in stored}
