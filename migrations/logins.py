"""Database logins of the programs: each has a password and the privileges of its roles only."""

import hmac
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shared.core.errors import ConfigurationError
from shared.core.session_limits import LIMITS

ROLES = {
    "api": ("toetsfeedback_api",),
    "worker": ("toetsfeedback_worker", "toetsfeedback_importer"),
    "importer": ("toetsfeedback_importer",),
    "operator": ("toetsfeedback_operator",),
    "auditor": ("toetsfeedback_auditor",),
}
"""The roles of each program; the migrations grant their privileges. A worker also imports, and an
auditor verifies the audit log."""

CONNECTION_SHARES = {
    "api": 0.5,
    "worker": 0.35,
    "importer": 0.03,
    "operator": 0.03,
    "auditor": 0.03,
}
"""The share of `max_connections` that each login can take; the owner has the rest."""

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


def logins_of(owner_url: str) -> list[str]:
    """Return the names of the logins of a database, whether they exist or not."""
    database = str(conninfo_to_dict(owner_url).get("dbname", ""))
    return [login_of(database, program) for program in ROLES]


def create_roles(owner_url: str) -> None:
    """Create the roles, which a restored dump grants its privileges to."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOGIN_LOCK])
        for role in {role for roles in ROLES.values() for role in roles}:
            _create_role(connection, role)


def create_logins(owner_url: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Create or update the login of each program with a password, and return its database URL.

    The name of a login contains that of the database, so that the databases of a cluster have
    different logins. A login has a share of the connections of the server, and no settings of its
    own, which its holder can change.
    """
    urls = {}
    parts = urlsplit(owner_url)
    with psycopg.connect(owner_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOGIN_LOCK])
        for program, password in passwords.items():
            login = login_of(connection.info.dbname, program)
            for role in (login, *ROLES[program]):
                _create_role(connection, role)
            limit = connection_limit(connection, program)
            connection.execute(
                sql.SQL("alter role {} login connection limit {} password {}").format(
                    sql.Identifier(login), sql.Literal(limit), sql.Literal(password)
                )
            )
            _reset_settings(connection, login)
            _set_limits(connection, login, LIMITS[program])
            for role in ROLES[program]:
                _grant(connection, role, login)
            host = parts.netloc.rpartition("@")[2]
            urls[program] = parts._replace(netloc=f"{login}:{password}@{host}").geturl()
    return urls


def connection_limit(connection: "psycopg.Connection[Any]", program: str) -> int:
    """Return the number of connections that the login of a program can have at a time."""
    row = connection.execute("select current_setting('max_connections')::integer").fetchone()
    return max(1, int(CONNECTION_SHARES[program] * row[0])) if row else 1


def _reset_settings(connection: "psycopg.Connection[Any]", login: str) -> None:
    name, database = sql.Identifier(login), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("alter role {} reset all").format(name))
    connection.execute(sql.SQL("alter role {} in database {} reset all").format(name, database))


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
