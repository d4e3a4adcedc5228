"""All checks of `toetsfeedback doctor`, in their order."""

from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.cli.doctor import content, database, servers
from services.cli.doctor.findings import Finding, Status, failed
from shared.core.database import open_engine
from shared.core.database_errors import explain_database_error
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from shared.storage.store import open_storage

DATABASE_REMEDY = "check TOETSFEEDBACK_DATABASE_URL, its password, and that the server runs"


def run_checks(settings: Settings, documents: int) -> Iterator[Finding]:
    """Make every check; `documents` is the size of the sample that is compared with the store.

    What is stored is compared last, and only with a database and an object store that can be used.
    """
    yield servers.check_queue(settings)
    yield servers.check_signing_keys(settings)
    yield servers.check_insz_key(settings)
    try:
        storage = open_storage(settings.storage_url)
    except ConfigurationError as error:
        yield failed("object store", str(error), "")
    else:
        yield servers.check_storage(storage, settings.storage_url)
    engine = open_engine(settings, application_name="toetsfeedback-doctor")
    try:
        with engine.connect() as connection:
            yield from _database_findings(connection, settings, documents)
    except ConfigurationError as error:
        yield failed("database", str(error), "")
    except SQLAlchemyError as error:
        cause = explain_database_error(error.orig) if isinstance(error, DBAPIError) else None
        if cause is None:
            yield failed("database", type(error).__name__, DATABASE_REMEDY)
        else:
            yield failed("database", cause, "")
    finally:
        engine.dispose()


def _database_findings(
    connection: Connection, settings: Settings, documents: int
) -> Iterator[Finding]:
    yield database.check_login(connection)
    yield database.check_clock(connection)
    yield database.check_roles(connection)
    migrations = database.check_migrations(connection)
    yield migrations
    if migrations.status is not Status.OK:
        return
    yield from database.check_rules(connection)
    storage = open_storage(settings.storage_url)
    yield content.check_insz_key(connection, settings.insz_key_file)
    yield content.check_objects(connection, storage)
    yield content.check_documents(connection, storage, documents)
    yield content.check_audit_log(connection, storage)
