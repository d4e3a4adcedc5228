"""Table of stored responses: a repeated request with the same idempotency key is executed once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class StoredResponse(Base):
    """The response to a request with an idempotency key; written in the transaction of its work.

    `key_sha256` is a hash of the caller, the operation and the key, `request_sha256` a hash of path
    and body. Neither key nor request is stored. `students` are those that the response is about.
    """

    __tablename__ = "stored_responses"
    __table_args__ = (
        CheckConstraint(
            "octet_length(key_sha256) = 32 and octet_length(request_sha256) = 32",
            name="hashes_are_hashes",
        ),
        Index("ix_stored_responses_created_at", "created_at"),
    )

    key_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    location: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    students: Mapped[Sequence[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
