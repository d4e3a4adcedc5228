"""The Alembic environment: run migrations on a connection, with lock and statement timeouts."""

from alembic import context
from sqlalchemy import Connection, text

import shared.audit.models
import shared.changes.models
import shared.client_changes.models
import shared.core.locks
import shared.deliveries.models
import shared.documents.grants.models
import shared.documents.hand_out_lists.models
import shared.documents.models
import shared.documents.reading_guides.models
import shared.documents.rebuilds.models
import shared.documents.superseded.models
import shared.hand_overs.declarations.models
import shared.hand_overs.models
import shared.idempotency.models
import shared.jobs.models
import shared.mandates.models
import shared.oauth.clients.models
import shared.oauth.models
import shared.releases.models
import shared.results.models
import shared.school_feedback.models
import shared.schools.models
import shared.students.models
import shared.viewings.models  # noqa: F401  # the import adds its tables to the metadata
from shared.core.database import Base


def run(connection: Connection) -> None:
    connection.execute(text("set lock_timeout = '5s'"))
    connection.execute(text("set statement_timeout = '10min'"))
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
