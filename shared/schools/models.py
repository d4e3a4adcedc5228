"""Tables of schools and of their participation in administrations."""

from datetime import datetime

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
    outdated documents are detected. `corrected_revision` is the revision of the last correction:
    documents of an older one are built again, whether or not it changed their content. `removed_at`
    is set when a later full delivery does not contain the school; the row stays, since historical
    rows refer to it.
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
