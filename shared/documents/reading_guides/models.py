"""Table of reading guides: where the bytes of each language are."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class ReadingGuide(Base):
    """The guide of one language: a byte range of the object of all guides.

    It belongs to no school and no administration, and shows no component, so it is not a row of
    `documents`. A worker replaces the row when its own guide is another one.
    """

    __tablename__ = "reading_guides"
    __table_args__ = (
        CheckConstraint("byte_offset >= 0 and byte_size > 0", name="bytes_somewhere"),
    )

    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str] = mapped_column(String(255))
    storage_key: Mapped[str] = mapped_column(String(200))
    byte_offset: Mapped[int] = mapped_column(BigInteger)
    byte_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    template_version: Mapped[str] = mapped_column(String(32))
    built_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
