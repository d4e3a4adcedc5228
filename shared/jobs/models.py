"""Tables of jobs: the state of long-running work. The queue carries wake-ups only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base

STATES = "('queued', 'running', 'done', 'failed', 'cancelled')"

CONTROLS = r"[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"


class Job(Base):
    """A long-running task; its state only moves forward: queued, running, ended.

    `trace_id` is that of the request that started it; the command line has none.
    `subject` identifies the whole work: an administration with or without a school, or a delivery.
    `/force` is appended for a forced build.
    Two requests for the same kind and subject get the same job while it is active.
    The checks keep every row readable: the login of operators can add one.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state in {STATES}", name="state_known"),
        CheckConstraint("lane in ('interactive', 'bulk')", name="lane_known"),
        CheckConstraint(r"kind ~ '^[a-z]+\.[a-z]+$'", name="kind_is_a_name"),
        CheckConstraint(
            f"concat(subject, requested_by, trace_id) !~ '{CONTROLS}'", name="texts_are_plain"
        ),
        CheckConstraint(
            "jsonb_typeof(arguments) = 'object' and length(cast(arguments as text)) <= 1000"
            " and not jsonb_path_exists("
            """arguments, 'strict $.*.type() ? (@ == "object" || @ == "array")')""",
            name="arguments_are_short",
        ),
        CheckConstraint(
            "least(created_at, started_at, finished_at) >= '1970-01-01 00:00:00Z'"
            " and greatest(created_at, started_at, finished_at) < '9000-01-01 00:00:00Z'",
            name="instants_have_four_digit_years",
        ),
        CheckConstraint(
            "(state in ('done', 'failed', 'cancelled')) = (finished_at is not null)",
            name="finished_exactly_when_ended",
        ),
        Index(
            "uq_jobs_active_subject",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        Index("ix_jobs_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(String(64))
    lane: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(128))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    state: Mapped[str] = mapped_column(String(16), server_default=text("'queued'"))
    requested_by: Mapped[str] = mapped_column(String(128))
    trace_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(INSTANT)
    finished_at: Mapped[datetime | None] = mapped_column(INSTANT)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class JobItem(Base):
    """The part of a job that one worker runs at a time.

    Each claim increments `fencing_token`. A worker commits with the token of its claim, which fails
    after a later claim. `due_at` is the earliest time of the next attempt,
    `started_at` the beginning of the latest one. `waiting_for` names the server that the item waits
    for, and why; `waits` counts the latest attempts in a row that ended so. `repeats` counts how
    often a delivery has queued the item again after it was done.
    """

    __tablename__ = "job_items"
    __table_args__ = (
        CheckConstraint(f"state in {STATES}", name="state_known"),
        CheckConstraint(
            "(state = 'running') = (lease_until_at is not null)", name="lease_exactly_when_running"
        ),
        CheckConstraint(f"subject !~ '{CONTROLS}'", name="subject_is_plain"),
        Index("uq_job_items_subject", "job_id", "subject", unique=True),
        Index(
            "ix_job_items_active",
            "job_id",
            "state",
            "due_at",
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        Index("ix_job_items_running", "lease_until_at", postgresql_where=text("state = 'running'")),
        Index("ix_job_items_started_at", "job_id", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    subject: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), server_default=text("'queued'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    waits: Mapped[int] = mapped_column(server_default=text("0"))
    waiting_for: Mapped[str | None] = mapped_column(String(100))
    repeats: Mapped[int] = mapped_column(server_default=text("0"))
    fencing_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    lease_until_at: Mapped[datetime | None] = mapped_column(INSTANT)
    started_at: Mapped[datetime | None] = mapped_column(INSTANT)
    finished_at: Mapped[datetime | None] = mapped_column(INSTANT)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class JobFailure(Base):
    """A failure inside an item that is otherwise done, such as one fiche that cannot be rendered.

    `subject` is an opaque id; `problem` has the fault and the remedy, and no personal data.
    """

    __tablename__ = "job_failures"
    __table_args__ = (Index("ix_job_failures_item_id", "item_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("job_items.id"))
    subject: Mapped[str] = mapped_column(String(128))
    problem: Mapped[dict[str, Any]] = mapped_column(JSONB)


class RunningWorker(Base):
    """A worker process; a row whose `seen_at` is old is of one that was killed."""

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[datetime] = mapped_column(INSTANT)
