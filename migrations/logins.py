"""Database logins of the programs: each has a password and the privileges of its roles only."""

import hmac
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from shared.core.errors import ConfigurationError

ROLES = {
    "api": ("toetsfeedback_api",),
    "worker": ("toetsfeedback_worker", "toetsfeedback_importer"),
    "importer": ("toetsfeedback_importer",),
    "operator": ("toetsfeedback_operator",),
    "auditor": ("toetsfeedback_auditor",),
}
"""The roles of each program; the migrations grant their privileges. A worker also imports, and an
auditor verifies the audit log."""

_SHORT = {"statement_timeout": "15s", "lock_timeout": "5s"}
_LONG = {"statement_timeout": "1h", "lock_timeout": "1h"}
LIMITS = {
    "api": _SHORT,
    "worker": _LONG,
    "importer": _LONG,
    "operator": {"statement_timeout": "5min", "lock_timeout": "30s"},
    "auditor": {"statement_timeout": "1h", "lock_timeout": "30s"},
}
"""What PostgreSQL ends in a session of each program. An import copies a file in one statement, and
waits for the one before it with a lock."""

LOGIN_LOCK = 7_061_003
"""Key of the advisory lock that serializes the creation of logins."""

_CREATE_ROLE = """
do $$
begin
    if not exists (select from pg_roles where rolname = {name}) then
        create role {role} nologin;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$
"""


def login_of(database: str, program: str) -> str:
    return f"{database}_{program}_login"


def create_roles(owner_url: str) -> None:
    """Create the roles, which a restored dump grants its privileges to."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOGIN_LOCK])
        for role in {role for roles in ROLES.values() for role in roles}:
            _create_role(connection, role)


def create_logins(owner_url: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Create or update the login of each program with a password, and return its database URL.

    The name of a login contains that of the database, so that the databases of a cluster have
    different logins.
    """
    urls = {}
    parts = urlsplit(owner_url)
    with psycopg.connect(owner_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOGIN_LOCK])
        for program, password in passwords.items():
            login = login_of(connection.info.dbname, program)
            for role in (login, *ROLES[program]):
                _create_role(connection, role)
            connection.execute(
                sql.SQL("alter role {} login password {}").format(
                    sql.Identifier(login), sql.Literal(password)
                )
            )
            _set_limits(connection, login, LIMITS[program])
            for role in ROLES[program]:
                _grant(connection, role, login)
            host = parts.netloc.rpartition("@")[2]
            urls[program] = parts._replace(netloc=f"{login}:{password}@{host}").geturl()
    return urls


def derived_passwords(owner_url: str) -> dict[str, str]:
    """Return the passwords of the programs, derived from the password of the database owner.

    Raises:
        ConfigurationError: when the URL has no password.
    """
    secret = urlsplit(owner_url).password
    if not secret:
        raise ConfigurationError(
            "the passwords of the logins are derived from the password in "
            "TOETSFEEDBACK_DATABASE_URL, which has none: add it, or create the logins "
            "yourself and run `toetsfeedback api` and `toetsfeedback worker` with them"
        )
    return {
        program: hmac.digest(secret.encode(), f"login of the {program}".encode(), "sha256").hex()
        for program in ROLES
    }


def passwords_in_environment() -> dict[str, str]:
    """Return the passwords in variables such as `API_DATABASE_PASSWORD`, by program."""
    values = {program: os.environ.get(f"{program.upper()}_DATABASE_PASSWORD") for program in ROLES}
    return {program: password for program, password in values.items() if password}


def _create_role(connection: "psycopg.Connection[tuple[object, ...]]", role: str) -> None:
    names = {"name": sql.Literal(role), "role": sql.Identifier(role)}
    connection.execute(sql.SQL(_CREATE_ROLE).format(**names))


def _set_limits(
    connection: "psycopg.Connection[tuple[object, ...]]", login: str, limits: Mapping[str, str]
) -> None:
    """Set the limits of a login: its sessions do not have those of the roles that it is in."""
    for name, value in limits.items():
        connection.execute(
            sql.SQL("alter role {} set {} = {}").format(
                sql.Identifier(login), sql.Identifier(name), sql.Literal(value)
            )
        )


def _grant(connection: "psycopg.Connection[tuple[object, ...]]", role: str, login: str) -> None:
    is_member = connection.execute(
        "select pg_has_role(%s, %s, 'member')", [login, role]
    ).fetchone() == (True,)
    if not is_member:
        connection.execute(
            sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(login))
        )
