"""Tables of what may happen once, and of tokens that were taken back before they expired."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class UsedIdentifier(Base):
    """A client assertion or a proof that was used, by the hash of its `jti`.

    Kept until it is too old to be taken anyway.
    """

    __tablename__ = "used_identifiers"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)


class RevokedToken(Base):
    """An access token that its client took back, by its `jti`; kept until it expires."""

    __tablename__ = "revoked_tokens"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)
