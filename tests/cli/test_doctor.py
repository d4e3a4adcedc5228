"""`toetsfeedback doctor`: a line per check with the remedy, for the login that it has."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import psycopg
import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from migrations.logins import create_logins
from services.cli.doctor.content import check_objects
from services.cli.doctor.findings import Status
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.insz_key import store_key
from shared.storage.store import Storage
from tests.api.seeding import OBJECTS, seed_schools
from tests.cli.doctor_findings import Doctor, statuses

CHECKS = {
    *(
        "queue",
        "signing keys",
        "INSZ key",
        "manifest key",
        "viewing key",
        "object store",
        "database",
        "clock",
    ),
    *("roles", "settings of logins", "statistics"),
    *("migrations", "tables with row-level security", "row policies", "privileges"),
    *("INSZ key of the database", "objects", "documents", "audit log"),
}


def test_the_owner_makes_every_check(doctor: Doctor, settings: Settings) -> None:
    assert statuses(doctor(settings), "ok") == CHECKS


@pytest.mark.parametrize(
    ("program", "skipped"),
    [
        ("operator", {"objects", "documents", "audit log"}),
        ("worker", {"audit log"}),
        ("auditor", {"objects", "documents", "INSZ key of the database"}),
        ("api", {"objects", "documents", "audit log", "INSZ key of the database"}),
        ("importer", {"objects", "documents", "audit log"}),
    ],
)
def test_a_program_skips_by_name_what_it_may_not_read(
    doctor: Doctor, settings_of: Callable[[str], Settings], program: str, skipped: set[str]
) -> None:
    findings = doctor(settings_of(program))
    assert statuses(findings, "skipped") == skipped
    assert statuses(findings, "ok") == CHECKS - skipped
    for check in skipped:
        assert f"{program}_login may not read" in findings[check]["detail"]
        assert "use the login of" in findings[check]["remedy"]


def test_settings_of_a_login_are_named_until_they_are_reset(
    doctor: Doctor, settings: Settings
) -> None:
    owner_url = settings.database_url.get_secret_value()
    url = create_logins(owner_url, {"auditor": "secret"})["auditor"]
    with psycopg.connect(url, autocommit=True) as login:
        user, database = login.info.user, login.info.dbname
        login.execute("alter role current_user set search_path = pg_temp")
        login.execute(f'alter role current_user in database "{database}" set row_security = off')
    finding = doctor(settings)["settings of logins"]
    assert finding["status"] == "failed"
    assert f"{user}: row_security, {user}: search_path" in finding["detail"]
    assert f"alter role {user} reset all" in finding["remedy"]
    create_logins(owner_url, {"auditor": "secret"})
    assert doctor(settings)["settings of logins"]["status"] == "ok"
    with psycopg.connect(owner_url) as owner:
        owner.execute(f"drop role {user}")


def test_each_unreachable_server_is_named(
    doctor: Doctor, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    findings = doctor(
        settings,
        database_url=SecretStr("postgresql://nobody:secret-word@127.0.0.1:1/none"),
        redis_url=SecretStr("redis://:secret-word@127.0.0.1:1/0"),
        storage_url=(tmp_path / "file" / "store").as_uri(),
        signing_keys=tmp_path / "lost.pem",
        insz_key_file=None,
    )
    assert statuses(findings, "failed") == {"database", "queue", "object store", "signing keys"}
    assert statuses(findings, "skipped") == {"INSZ key"}
    assert "secret-word" not in str(findings)
    assert "TOETSFEEDBACK_DATABASE_URL" in findings["database"]["remedy"]
    assert "TOETSFEEDBACK_REDIS_URL" in findings["queue"]["remedy"]
    assert "TOETSFEEDBACK_STORAGE_URL" in findings["object store"]["remedy"]
    assert "lost.pem" in findings["signing keys"]["detail"]


@pytest.mark.parametrize(
    ("part", "other", "cause"),
    [
        (r":[^:@]+@", ":wrong@", "refuses the password"),
        (r"/\w+$", "/none", "no database of this name"),
    ],
)
def test_the_cause_of_a_refused_connection_is_named(
    doctor: Doctor, settings: Settings, part: str, other: str, cause: str
) -> None:
    url = re.sub(part, other, settings.database_url.get_secret_value(), count=1)
    findings = doctor(settings, database_url=SecretStr(url))
    assert statuses(findings, "failed") == {"database"}
    assert cause in findings["database"]["detail"]


def test_lost_policies_are_counted(doctor: Doctor, settings: Settings, engine: Engine) -> None:
    change = "alter policy others on results using ({})"
    with engine.begin() as connection:
        connection.execute(text(change.format("school_id <> ''")))
    try:
        findings = doctor(settings)
    finally:
        with engine.begin() as connection:
            connection.execute(text(change.format("true")))
    assert statuses(findings, "failed") == {"row policies"}
    assert "[results: policy others" in findings["row policies"]["detail"]
    assert "docs/operations.md" in findings["row policies"]["remedy"]


def test_wrong_clock_is_found(doctor: Doctor, settings: Settings) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=30)):
        findings = doctor(settings)
    assert statuses(findings, "failed") == {"clock"}
    assert "-30." in findings["clock"]["detail"] or "-29." in findings["clock"]["detail"]
    assert "NTP" in findings["clock"]["remedy"]


def test_changed_audit_log_is_found(doctor: Doctor, settings: Settings, engine: Engine) -> None:
    event = "null, '{}', null, null, null, 'read', '/r', 'allowed', 'granted', null"
    with engine.begin() as connection:
        connection.execute(text(f"select append_audit_event({event})"))
        connection.execute(text("alter table audit_events disable trigger all"))
        connection.execute(text("update audit_events set resource = 'other'"))
        connection.execute(text("alter table audit_events enable trigger all"))
    findings = doctor(settings)
    assert statuses(findings, "failed") == {"audit log"}
    assert "audit verify" in findings["audit log"]["remedy"]


def test_another_insz_key_than_that_of_earlier_imports_is_a_fault(
    doctor: Doctor, settings: Settings, sessions: Sessions
) -> None:
    name = "INSZ key of the database"
    assert doctor(settings)[name]["detail"] == "no delivery was applied yet"
    with UnitOfWork(sessions) as unit:
        store_key(unit.session, token_bytes(32))
    try:
        findings = doctor(settings)
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("delete from insz_key"))
    assert name in statuses(findings, "failed")
    assert "backup of the keys" in findings[name]["remedy"]


def test_lost_and_shortened_objects_are_counted(session: Session, storage: Storage) -> None:
    seed_schools(session, storage)
    connection = session.connection()
    assert check_objects(connection, storage).detail == "2 of 2 in the object store"
    storage.delete([OBJECTS["zip"]])
    storage.put(OBJECTS["xlsx"], b"PK")
    found = check_objects(connection, storage)
    assert found.status is Status.FAILED
    assert found.detail.startswith("2 of 2 are not in the object store")
    assert "toetsfeedback build" in found.remedy
