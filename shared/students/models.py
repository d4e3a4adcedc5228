"""Tables of class groups and of students, as enrolled in one school for one administration."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.collation import SORT_KEY, key_of_name
from shared.core.database import INSTANT, Base


class ClassGroup(Base):
    """A class group (klas) of one administration; `name` is free text of the school.

    `sort_key` is the key of the name, which never changes.
    """

    __tablename__ = "class_groups"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "school_id"],
            ["participations.administration_id", "participations.school_id"],
        ),
        Index("uq_class_groups_name", "administration_id", "school_id", "name", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    name: Mapped[str] = mapped_column(String(64))
    target_group_id: Mapped[int] = mapped_column(ForeignKey("target_groups.id"))
    site: Mapped[str | None] = mapped_column(String(32))
    site_name: Mapped[str | None] = mapped_column(String(200))
    sort_key: Mapped[str] = mapped_column(SORT_KEY, default=key_of_name)
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)


class Student(Base):
    """A pupil as enrolled in one school for one administration.

    A pupil enrolled in two schools has two rows with the same `delivered_as`; each school sees its
    own row only. The INSZ is stored as a keyed hash only, for matching: a query that does not name
    it leaves it out, and the login of the API cannot read it. Administration and school are those
    of the class group. `sort_key` is the place in class lists, by class group and name.
    `corrected_revision` is the facts revision of the school after the last correction that named
    the student: documents of an older one are built again, whether or not that changes them. The
    API cannot read it.
    """

    __tablename__ = "students"
    __table_args__ = (
        Index(
            "uq_students_delivered_as",
            "administration_id",
            "school_id",
            "delivered_as",
            unique=True,
        ),
        Index("ix_students_sort_key", "school_id", "administration_id", "sort_key"),
        Index("ix_students_class_group_id", "class_group_id"),
        Index("ix_students_administration_delivered_as", "administration_id", "delivered_as"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    class_group_id: Mapped[UUID] = mapped_column(ForeignKey("class_groups.id"))
    delivered_as: Mapped[str] = mapped_column(String(64))
    family_name: Mapped[str] = mapped_column(String(200))
    given_name: Mapped[str] = mapped_column(String(200))
    stamnummer: Mapped[str | None] = mapped_column(String(7))
    insz_hash: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    sort_key: Mapped[str] = mapped_column(SORT_KEY)
    corrected_revision: Mapped[int] = mapped_column(server_default=text("0"), deferred=True)
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)
