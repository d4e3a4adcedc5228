"""Table of answers that are kept, so that a request sent again does nothing twice."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class KeptAnswer(Base):
    """What a request with a key was answered; written in the transaction of its work.

    `key_sha256` is a hash over the caller, the operation and the key, `request_sha256` one over
    what was asked. Neither key nor request is kept.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (
        CheckConstraint(
            "octet_length(key_sha256) = 32 and octet_length(request_sha256) = 32",
            name="hashes_are_hashes",
        ),
        Index("ix_kept_answers_created_at", "created_at"),
    )

    key_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    location: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
