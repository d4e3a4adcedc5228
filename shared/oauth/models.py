"""Tables of used identifiers, of tokens revoked before they expired, and of sign-ons."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.dialects.postgresql import ARRAY
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
    """An access token that its client revoked, by its `jti`; stored until it is not accepted."""

    __tablename__ = "revoked_tokens"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)


class SignOn(Base):
    """The scopes of a person at a school, by the roles at the last sign-on; empty without a role.

    A viewing officer has an empty `school_id`.
    `issued_at` is when the provider issued the token of that sign-on. Stored as long as an earlier
    token of the provider can be exchanged.
    """

    __tablename__ = "sign_ons"

    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    issued_at: Mapped[datetime] = mapped_column(INSTANT)
    expires_at: Mapped[datetime] = mapped_column(INSTANT, index=True)
