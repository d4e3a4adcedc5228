"""Table of rebuild requests: schools whose documents are outdated, or not in the store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class RebuildRequest(Base):
    """A school that a delivery changed after a release, or of which a read found no bytes.

    A worker starts the job `job_id` for it; a later delivery makes it a new request. The
    row is deleted when its documents are published; it stays when that job fails.
    """

    __tablename__ = "rebuild_requests"

    administration_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    requested_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id"))
