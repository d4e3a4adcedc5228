"""Tables of used identifiers, and of tokens revoked before they expired."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class UsedIdentifier(Base):
    """A client assertion or DPoP proof that was used, by the hash of its `jti`.

    Stored for as long as it would be accepted otherwise.
    """

    __tablename__ = "used_identifiers"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)


class RevokedToken(Base):
    """An access token that its client revoked, by its `jti`; stored until it expires."""

    __tablename__ = "revoked_tokens"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)
