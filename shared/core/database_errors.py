"""Errors of PostgreSQL in a sentence with their remedy, for a person at a terminal or in a log."""

import re

import psycopg
from psycopg import errors

_URL = "TOETSFEEDBACK_DATABASE_URL"

_REFUSED_CONNECTIONS = {
    r"password authentication failed|no password supplied": (
        f"the database refuses the password of the login; correct it in {_URL}"
    ),
    r'role "[^"]*" (does not exist|is not permitted to log in)': (
        f"the database has no such login; correct its name in {_URL}, or create it with "
        "`toetsfeedback migrate` (docs/operations.md)"
    ),
    r'database "[^"]*" does not exist': (
        f"the server has no database of this name; create it, or correct the name in {_URL}"
    ),
    r"permission denied for database": (
        f"the login may not connect to this database; name the login of this program in {_URL}"
    ),
    r"(certificate|private key) file|invalid sslmode value": (
        "the certificate or the private key that the connection names is missing, or is none in "
        f"PEM, or sslmode is unknown; correct sslmode, sslrootcert, sslcert or sslkey in {_URL}"
    ),
    r"certificate verify failed|server certificate|certificate.*host name": (
        "the certificate of the database server is not trusted; give the certificate of its "
        f"authority as sslrootcert in {_URL}, and use the host name of the certificate"
    ),
    r"server does not support SSL": (
        f"the database server offers no TLS; enable it there, or change sslmode in {_URL}"
    ),
    r"no pg_hba\.conf entry|pg_hba\.conf rejects": (
        "the database server accepts no such connection from this machine; add it to its "
        "pg_hba.conf"
    ),
    r"startup parameter|configuration parameter|value for parameter|denied to set parameter": (
        "the database server refuses a parameter of the connection, as a connection pooler does; "
        f"name PostgreSQL itself in {_URL}"
    ),
    r"too many clients|connection slots|too many connections": (
        "the database server has no free connection; raise its max_connections, or lower "
        "TOETSFEEDBACK_DATABASE_POOL_SIZE"
    ),
    r"is starting up|is shutting down|in recovery mode": (
        "the database server is starting or stopping; try again in a moment"
    ),
    r"resolve host|translate host|Name or service not known": (
        f"the host of the database has no address; correct its name in {_URL}"
    ),
}
"""Patterns of libpq's messages. A failed connection has no SQLSTATE."""

_REFUSED_STATEMENTS: dict[type[psycopg.Error], str] = {
    errors.DiskFull: (
        "the disk of the database is full (no space left on device); free some space and try again"
    ),
    errors.InsufficientPrivilege: (
        "the database login may not do this; use the login of this program, or that of the "
        "database owner for `migrate` and `person add` (docs/operations.md)"
    ),
    errors.UndefinedTable: (
        "the database does not have the tables of this version; run `toetsfeedback migrate` as "
        "its owner"
    ),
    errors.UndefinedFunction: (
        "the database does not have a function of this version; run `toetsfeedback migrate` as "
        "its owner, on PostgreSQL 15 or later"
    ),
    errors.ReadOnlySqlTransaction: (
        f"the database is read-only, as a standby is; name the primary server in {_URL}"
    ),
    errors.LockNotAvailable: "another process uses the same rows or tables; try again later",
    errors.QueryCanceled: "the database cancelled the statement; try again later",
    errors.DeadlockDetected: "another process changed the same rows; try again",
    errors.UniqueViolation: "another process added the same thing meanwhile; try again",
    errors.SerializationFailure: "another process changed the same rows; try again",
    errors.NumericValueOutOfRange: "a number is too large for the database; give a smaller one",
    errors.UntranslatableCharacter: "a text has a character that cannot be stored; leave it out",
    errors.CharacterNotInRepertoire: "a text has a character that cannot be stored; leave it out",
}
_REFUSED_STATEMENTS |= dict.fromkeys(
    (errors.UndefinedColumn, errors.UndefinedObject),
    _REFUSED_STATEMENTS[errors.UndefinedTable],
)

_REFUSED_CONNECTIONS |= {
    r"Connection refused": (
        f"nothing listens at the address of the database; check that it runs at {_URL}"
    ),
    r"timeout expired|timed out": (
        "the database server does not respond in time; check that it runs, and that the network "
        f"lets this machine connect to the host and port in {_URL}"
    ),
    r"No route to host|Network is unreachable": (
        f"this machine cannot reach the host of the database; check the network, and {_URL}"
    ),
    r"expected authentication request|invalid response|closed the connection unexpectedly": (
        "what listens at the address of the database is not PostgreSQL, or has stopped; correct "
        f"the host and port in {_URL}"
    ),
}

UNREACHABLE = f"the database is unreachable; check that it runs at {_URL}"


def explain_database_error(error: BaseException | None) -> str | None:
    """Return the cause and the remedy of an error of psycopg; None for one without a known cause.

    The sentence quotes neither the message, which can contain a row, nor the URL.
    """
    for kind, sentence in _REFUSED_STATEMENTS.items():
        if isinstance(error, kind):
            return sentence
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return f"{_URL} has a connection parameter that is unknown or has no such value; correct it"
    if isinstance(error, psycopg.OperationalError):
        for pattern, sentence in _REFUSED_CONNECTIONS.items():
            if re.search(pattern, str(error)):
                return sentence
        return UNREACHABLE
    return None
