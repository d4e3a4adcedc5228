"""Tables of schools, their participation in administrations, and their successions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class School(Base):
    """A school (instelling) as in its latest delivery; `id` is its school number.

    `successor_of` are the numbers of the schools that it succeeds, several after a merger.
    """

    __tablename__ = "schools"
    __table_args__ = (
        CheckConstraint("id ~ '^[0-9]{6}$'", name="id_six_digits"),
        CheckConstraint("main_structure ~ '^[0-9]{3}$'", name="main_structure_three_digits"),
        CheckConstraint(
            "array_to_string(successor_of, '|', '') ~ '^[0-9]{6}([|][0-9]{6})*$'",
            name="successor_of_six_digits",
        ),
    )

    id: Mapped[str] = mapped_column(String(6), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    municipality: Mapped[str] = mapped_column(String(100))
    main_structure: Mapped[str] = mapped_column(String(3))
    successor_of: Mapped[list[str] | None] = mapped_column(ARRAY(String(6)))


class Participation(Base):
    """A school in one administration, under the name it had then.

    `facts_revision` is incremented by each delivery that changes any data of the school, so that
    outdated documents are detected. `corrected_revision` is the revision of the last correction of
    the catalogue: documents of an older one are built again, whether or not it changed their
    content. `removed_at` is set when a later full delivery does not contain the school; the row
    stays, since historical rows refer to it.
    """

    __tablename__ = "participations"
    __table_args__ = (Index("ix_participations_school_id", "school_id"),)

    administration_id: Mapped[str] = mapped_column(
        ForeignKey("administrations.id"), primary_key=True
    )
    school_id: Mapped[str] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    municipality: Mapped[str] = mapped_column(String(100))
    comparison_group: Mapped[str | None] = mapped_column(String(50))
    facts_revision: Mapped[int] = mapped_column(server_default=text("1"))
    corrected_revision: Mapped[int] = mapped_column(server_default=text("0"))
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)


class Succession(Base):
    """A school that reads what its predecessor got, once two persons have confirmed it.

    Functions of the database write it: `confirmed_at` is the moment of the second confirmation, and
    a succession that was revoked stays. A school has one successor at a time.
    """

    __tablename__ = "successions"
    __table_args__ = (
        CheckConstraint("successor_id <> predecessor_id", name="two_schools"),
        CheckConstraint("(revoked_at is null) = (revoked_by is null)", name="revoked_by_a_person"),
        Index(
            "uq_successions_schools",
            "successor_id",
            "predecessor_id",
            unique=True,
            postgresql_where=text("revoked_at is null"),
        ),
        Index(
            "uq_successions_in_effect",
            "predecessor_id",
            unique=True,
            postgresql_where=text("confirmed_at is not null and revoked_at is null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    successor_id: Mapped[str] = mapped_column(ForeignKey("schools.id"))
    predecessor_id: Mapped[str] = mapped_column(ForeignKey("schools.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(INSTANT)
    revoked_at: Mapped[datetime | None] = mapped_column(INSTANT)
    revoked_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))


class SuccessionConfirmation(Base):
    """The confirmation of a succession by one person, which counts until it expires."""

    __tablename__ = "succession_confirmations"
    __table_args__ = (CheckConstraint("expires_at > confirmed_at", name="expires_later"),)

    succession_id: Mapped[UUID] = mapped_column(ForeignKey("successions.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    confirmed_at: Mapped[datetime] = mapped_column(INSTANT)
    expires_at: Mapped[datetime] = mapped_column(INSTANT)
