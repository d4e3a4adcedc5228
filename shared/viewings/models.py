"""Tables of test viewing: settings, locations, slots, duties of officers and registrations."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.collation import SORT_KEY, key_of_name
from shared.core.database import INSTANT, Base
from shared.viewings.rules import LIVE, AnnulmentReason, RegistrationState

_STATES = ", ".join(repr(state.value) for state in RegistrationState)
_REASONS = ", ".join(repr(reason.value) for reason in AnnulmentReason)
_LIVE = ", ".join(repr(state.value) for state in LIVE)


class ViewingSettings(Base):
    """The settings of the viewing of one administration.

    `companions` is the highest number that a student may bring. Registration ends `deadline_days`
    before the day. A visit may begin and end `margin_minutes` outside of its slot. `school_quota`
    is the number of places that a school can take on one day; null for no limit.
    """

    __tablename__ = "viewing_settings"
    __table_args__ = (
        CheckConstraint("companions between 0 and 9", name="companions_few"),
        CheckConstraint("deadline_days between 0 and 60", name="deadline_days_few"),
        CheckConstraint("margin_minutes between 0 and 120", name="margin_short"),
        CheckConstraint("school_quota > 0", name="quota_of_one"),
        CheckConstraint("offer_hours between 1 and 720", name="offers_short"),
        CheckConstraint("retention_days between 1 and 366", name="retention_short"),
    )

    administration_id: Mapped[str] = mapped_column(
        ForeignKey("administrations.id"), primary_key=True
    )
    companions: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    deadline_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("3"))
    margin_minutes: Mapped[int] = mapped_column(SmallInteger, server_default=text("15"))
    school_quota: Mapped[int | None] = mapped_column(Integer)
    offer_hours: Mapped[int] = mapped_column(SmallInteger, server_default=text("24"))
    retention_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("30"))


class ViewingLocation(Base):
    """A place where students can see their own test."""

    __tablename__ = "viewing_locations"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(String(200), unique=True)
    address: Mapped[str] = mapped_column(String(300))
    sort_key: Mapped[str] = mapped_column(SORT_KEY, default=key_of_name)


class ViewingSlot(Base):
    """A period at a location in which as many students as its capacity can see their tests.

    A trigger counts the registrations that take a place in `taken`, and the CHECK refuses one too
    many, whatever a program does. `day` is that of Brussels.
    """

    __tablename__ = "viewing_slots"
    __table_args__ = (
        CheckConstraint("taken between 0 and capacity", name="taken_within_capacity"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint(
            "day = (starts_at at time zone 'Europe/Brussels')::date"
            " and day = ((ends_at - interval '1 second') at time zone 'Europe/Brussels')::date",
            name="within_its_day",
        ),
        UniqueConstraint("administration_id", "location_id", "starts_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(ForeignKey("viewing_settings.administration_id"))
    location_id: Mapped[UUID] = mapped_column(ForeignKey("viewing_locations.id"))
    day: Mapped[date]
    starts_at: Mapped[datetime] = mapped_column(INSTANT)
    ends_at: Mapped[datetime] = mapped_column(INSTANT)
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(server_default=text("0"))


class ViewingSchoolDay(Base):
    """The places that a school has taken on one day; the CHECK refuses one above its quota."""

    __tablename__ = "viewing_school_days"
    __table_args__ = (
        CheckConstraint(
            "taken >= 0 and (quota is null or taken <= quota)", name="taken_within_quota"
        ),
    )

    administration_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    taken: Mapped[int]
    quota: Mapped[int | None]


class ViewingDuty(Base):
    """The duty of a viewing officer: one location on one day, until it is withdrawn.

    The officer is a client, or the person `subject` for whom the client, a portal, acts.
    """

    __tablename__ = "viewing_duties"
    __table_args__ = (Index("ix_viewing_duties_client_id", "client_id", "day"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    subject: Mapped[str | None] = mapped_column(String(128))
    location_id: Mapped[UUID] = mapped_column(ForeignKey("viewing_locations.id"))
    day: Mapped[date]
    withdrawn_at: Mapped[datetime | None] = mapped_column(INSTANT)


class ViewingRegistration(Base):
    """The registration of a student for a slot, or for the waiting list of one.

    `number` is the order in which registrations were made, and so that of a waiting list. `version`
    is raised with each change of what its confirmation shows.
    """

    __tablename__ = "viewing_registrations"
    __table_args__ = (
        CheckConstraint(f"state in ({_STATES})", name="state_known"),
        CheckConstraint(f"reason in ({_REASONS})", name="reason_known"),
        CheckConstraint(
            "(state = 'annulled') = (reason is not null)", name="annulled_with_a_reason"
        ),
        CheckConstraint(
            "(state = 'offered') = (offer_expires_at is not null)", name="offers_expire"
        ),
        CheckConstraint("companions between 0 and 9", name="companions_few"),
        Index(
            "uq_viewing_registrations_live",
            "student_id",
            unique=True,
            postgresql_where=text(f"state in ({_LIVE})"),
        ),
        Index("uq_viewing_registrations_code", "code_hash", unique=True),
        Index("ix_viewing_registrations_school_id", "school_id", "administration_id"),
        Index("ix_viewing_registrations_slot_id", "slot_id", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id", ondelete="CASCADE"))
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("viewing_slots.id"))
    state: Mapped[str] = mapped_column(String(16))
    companions: Mapped[int] = mapped_column(SmallInteger)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    registered_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    offer_expires_at: Mapped[datetime | None] = mapped_column(INSTANT)
    opened_at: Mapped[datetime | None] = mapped_column(INSTANT)
    closed_at: Mapped[datetime | None] = mapped_column(INSTANT)
    reason: Mapped[str | None] = mapped_column(String(16))


class ViewingConfirmation(Base):
    """The stored PDF of a registration, made by a worker from one version of its row."""

    __tablename__ = "viewing_confirmations"
    __table_args__ = (CheckConstraint("byte_size > 0", name="bytes_somewhere"),)

    registration_id: Mapped[UUID] = mapped_column(
        ForeignKey("viewing_registrations.id", ondelete="CASCADE"), primary_key=True
    )
    school_id: Mapped[str] = mapped_column(String(6))
    version: Mapped[int]
    storage_key: Mapped[str] = mapped_column(String(200))
    byte_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
