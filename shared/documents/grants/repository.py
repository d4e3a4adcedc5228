"""SQL of download grants."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, text, update
from sqlalchemy.orm import Session

from shared.documents.grants.models import DownloadGrant


def add_grant(session: Session, lifetime: timedelta, values: dict[str, Any]) -> datetime:
    """Add a grant and return its expiry, which is not later than that of its token."""
    expires_at = func.least(func.now() + lifetime, values["token_expires_at"])
    return session.execute(
        insert(DownloadGrant)
        .values(values | {"expires_at": expires_at})
        .returning(DownloadGrant.expires_at)
    ).scalar_one()


def find_grant(session: Session, secret_sha256: bytes) -> DownloadGrant | None:
    return session.get(DownloadGrant, secret_sha256)


def use_grant(
    session: Session,
    secret_sha256: bytes,
    *,
    is_resumed: bool,
    count: int = 0,
    limit: int | None = None,
) -> bool:
    """Mark the grant as used for `count` bytes; False if it has expired or was used up.

    It is used up when it is completed, and when all its requests would get more than `limit` bytes.
    A request that does not ask for a range may not follow another use.
    """
    used = session.execute(
        update(DownloadGrant)
        .where(
            DownloadGrant.secret_sha256 == secret_sha256,
            DownloadGrant.completed_at.is_(None),
            *(() if is_resumed else (DownloadGrant.used_at.is_(None),)),
            DownloadGrant.expires_at > func.now(),
            *(() if limit is None else (DownloadGrant.granted_bytes + count <= limit,)),
        )
        .values(
            used_at=func.coalesce(DownloadGrant.used_at, func.now()),
            granted_bytes=DownloadGrant.granted_bytes + count,
        )
        .returning(DownloadGrant.secret_sha256)
    )
    return used.one_or_none() is not None


def complete_grant(session: Session, secret_sha256: bytes) -> None:
    session.execute(
        update(DownloadGrant)
        .where(DownloadGrant.secret_sha256 == secret_sha256)
        .values(completed_at=func.now())
    )


def remove_grants(session: Session) -> int:
    """Remove grants a day after they expired; return their number."""
    return int(session.execute(text("select remove_expired_download_grants()")).scalar_one())
