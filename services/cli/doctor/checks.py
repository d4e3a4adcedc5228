"""All checks of `toetsfeedback doctor`, in their order."""

from collections.abc import Iterator

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.cli.doctor import content, database, servers
from services.cli.doctor.findings import Finding, Status, failed, failed_by, skipped
from shared.core.database import open_engine
from shared.core.database_errors import explain_database_error
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from shared.storage.store import Storage, open_storage

DATABASE_REMEDY = "check TOETSFEEDBACK_DATABASE_URL, its password, and that the server runs"


def run_checks(settings: Settings, documents: int) -> Iterator[Finding]:
    """Make every check; `documents` is the size of the sample that is compared with the store.

    What is stored is compared last, and only with a database and an object store that can be used.
    """
    yield servers.check_queue(settings)
    yield servers.check_signing_keys(settings)
    yield servers.check_insz_key(settings)
    yield servers.check_manifest_key(settings)
    yield servers.check_viewing_key(settings)
    finding, storage = _check_storage(settings.storage_url)
    yield finding
    engine = open_engine(settings, application_name="toetsfeedback-doctor")
    try:
        with engine.connect() as connection:
            yield from _database_findings(connection, settings, storage, documents)
    except ConfigurationError as error:
        yield failed("database", str(error), "")
    except (SQLAlchemyError, psycopg.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        cause = explain_database_error(original) if isinstance(original, psycopg.Error) else None
        if cause is None:
            yield failed("database", type(error).__name__, DATABASE_REMEDY)
        else:
            yield failed_by("database", "", cause)
    finally:
        engine.dispose()


def _check_storage(url: str) -> tuple[Finding, Storage | None]:
    """Return the finding about the object store, and the store if it can be used."""
    missing = servers.find_missing_directory(url)
    if missing is not None:
        return missing, None
    try:
        storage = open_storage(url)
    except ConfigurationError as error:
        return failed(servers.STORE, str(error), ""), None
    finding = servers.check_storage(storage, url)
    return finding, storage if finding.status is Status.OK else None


def _database_findings(
    connection: Connection, settings: Settings, storage: Storage | None, documents: int
) -> Iterator[Finding]:
    yield database.check_login(connection)
    yield database.check_clock(connection)
    yield database.check_roles(connection)
    yield database.check_settings(connection)
    yield database.check_statistics(settings.database_url.get_secret_value())
    migrations = database.check_migrations(connection)
    yield migrations
    if migrations.status is not Status.OK:
        return
    yield from database.check_rules(connection)
    yield content.check_insz_key(connection, settings.insz_key_file)
    if storage is None:
        for check in (content.OBJECTS, content.DOCUMENTS, content.AUDIT_LOG):
            yield skipped(check, "the object store cannot be used", "correct that, and try again")
        return
    yield content.check_objects(connection, storage)
    yield content.check_documents(connection, storage, documents)
    yield content.check_audit_log(connection, storage)
