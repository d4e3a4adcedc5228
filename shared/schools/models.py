"""Tables of schools: who they are, and in which administrations they take part."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class School(Base):
    """An instelling, with what the newest delivery says of it; `id` is its instellingsnummer."""

    __tablename__ = "schools"
    __table_args__ = (
        CheckConstraint("id ~ '^[0-9]{6}$'", name="id_six_digits"),
        CheckConstraint("main_structure ~ '^[0-9]{3}$'", name="main_structure_three_digits"),
        CheckConstraint("successor_of ~ '^[0-9]{6}$'", name="successor_of_six_digits"),
    )

    id: Mapped[str] = mapped_column(String(6), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    municipality: Mapped[str] = mapped_column(String(100))
    main_structure: Mapped[str] = mapped_column(String(3))
    successor_of: Mapped[str | None] = mapped_column(String(6))


class Participation(Base):
    """A school in one administration, under the name it had then.

    `facts_revision` is raised by each delivery that touches anything of the school, so that what
    was made of older facts can be told. `removed_at` is set when a later full delivery no longer
    names the school; the row stays for the history that hangs on it.
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
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)
