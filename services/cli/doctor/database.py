"""Checks of the database: its login, roles, schema, rules of access and clock."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from migrations.logins import ROLES as PROGRAMS
from migrations.logins import login_of, logins_of
from migrations.statistics import STATISTICS_COMMAND, find_readers
from services.cli.doctor.findings import Finding, failed, passed, skipped
from shared.core.errors import ConfigurationError
from shared.core.schema import (
    MIGRATE_REMEDY,
    RESTORE_REMEDY,
    ROLES,
    compare_rules,
    expected_snapshot,
    require_known_revision,
)
from shared.core.session_limits import LIMITS

MAX_CLOCK_DIFFERENCE_SECONDS = 5.0
"""A client may sign a DPoP proof 10 seconds ahead of our clock: half of that is left for it."""
OLDEST_SERVER = 150_000
ROLES_REMEDY = "run `toetsfeedback migrate --roles-only` as the owner of the database"
MAX_SETTINGS = 5
STATISTICS = "statistics"
RESET_REMEDY = (
    "the holder of a password can set these: find out who did, change the password, and run "
    "`toetsfeedback migrate` with it, or `alter role {} reset all` as the owner of the database"
)
_SETTINGS = text("""
    select rolname, split_part(setting, '=', 1), split_part(setting, '=', 2)
    from pg_db_role_setting join pg_roles on pg_roles.oid = setrole, unnest(setconfig) setting
    where rolname = any(:names)
""")
READERS = {"documents": "a worker", "audit_events": "an auditor", "insz_key": "a worker"}
"""The program, next to the owner, whose login reads all rows of a table."""


def check_login(connection: Connection) -> Finding:
    info = _driver(connection).info
    server = info.server_version
    detail = f"{info.user} at {info.host}:{info.port}/{info.dbname}, PostgreSQL {server // 10_000}"
    if server < OLDEST_SERVER:
        return failed("database", detail, "upgrade PostgreSQL to version 15 or later")
    return passed("database", f"{detail}, UTF-8")


def check_roles(connection: Connection) -> Finding:
    query = text("select rolname from pg_roles where rolname = any(:names)")
    found = set(connection.scalars(query, {"names": list(ROLES)}))
    missing = sorted(set(ROLES) - found)
    if missing:
        return failed("roles", f"the cluster has no role {', '.join(missing)}", ROLES_REMEDY)
    return passed("roles", f"{len(found)} of {len(ROLES)}")


def check_settings(connection: Connection) -> Finding:
    """Find settings of our roles and logins that are not ours: a login can change its own."""
    logins = {login_of(_driver(connection).info.dbname, program): program for program in PROGRAMS}
    settings = connection.execute(_SETTINGS, {"names": [*ROLES, *logins]}).all()
    found = {
        (role, name)
        for role, name, value in settings
        if role not in logins or LIMITS[logins[role]].get(name) != value
    }
    if not found:
        return passed("settings of logins", "none of others")
    some = ", ".join(sorted(f"{role}: {name}" for role, name in found)[:MAX_SETTINGS])
    role = min(role for role, _ in found)
    return failed("settings of logins", f"the database has {some}", RESET_REMEDY.format(role))


def check_statistics(url: str) -> Finding:
    """Find logins of ours that can read the statistics of what others write, in any database."""
    found = find_readers(url, logins_of(url))
    if not found:
        return passed(STATISTICS, "no login of a program reads them")
    logins = sorted({login for readers in found.values() for login in readers})
    databases = ", ".join(found)
    return failed(
        STATISTICS,
        f"{', '.join(logins)} can read how much others write, in {databases}",
        f"as a superuser, in each of these databases: {STATISTICS_COMMAND}",
    )


def check_migrations(connection: Connection) -> Finding:
    head = expected_snapshot().head
    try:
        revision = require_known_revision(_driver(connection))
    except ConfigurationError as error:
        return failed("migrations", str(error), "")
    if revision != head:
        detail = f"the schema is at revision {revision or 'none'}, and not at {head}"
        return failed("migrations", detail, MIGRATE_REMEDY)
    return passed("migrations", f"at {head}")


def check_rules(connection: Connection) -> list[Finding]:
    return [
        passed(found.kind, f"{found.expected} of {found.expected}")
        if found.is_equal
        else failed(found.kind, f"it has {found}", RESTORE_REMEDY)
        for found in compare_rules(_driver(connection))
    ]


def check_clock(connection: Connection) -> Finding:
    """Compare the clocks of this machine and of the database, at the middle of the round trip."""
    connection.execute(text("select 1"))
    before = datetime.now(UTC)
    theirs: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    ours = before + (datetime.now(UTC) - before) / 2
    seconds = (theirs - ours).total_seconds()
    detail = f"the clock of the database is {seconds:+.2f} s from that of this machine"
    if abs(seconds) > MAX_CLOCK_DIFFERENCE_SECONDS:
        return failed("clock", detail, "synchronize both machines with NTP (`timedatectl`)")
    return passed("clock", detail)


def unreadable(connection: Connection, check: str, table: str) -> Finding | None:
    """Return the finding that the login cannot read all rows of a table; None if it can.

    The login of the API has privileges on columns only, and reads the rows of one caller.
    """
    query = text("select has_table_privilege(to_regclass(:table), 'select')")
    if connection.scalar(query, {"table": table}):
        return None
    login = _driver(connection).info.user
    remedy = f"use the login of {READERS[table]} or of the owner"
    return skipped(check, f"the login {login} may not read {table}", remedy)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
