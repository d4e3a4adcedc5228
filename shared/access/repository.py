"""Queries on one-time identifiers and revoked tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, func, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.access.clients.rules import registered_id
from shared.access.models import RevokedToken, UsedIdentifier
from shared.access.tokens import AccessToken

_ADMIT = text("""
with used as (
    insert into used_identifiers (digest, expires_at)
    select :digest, now() + :kept_for where cast(:digest as bytea) is not null
    on conflict do nothing
    returning digest
)
select cast(:digest as bytea) is null or exists (select from used) as is_first_use,
       exists (select from revoked_tokens where id = :token_id) as is_revoked,
       exists (select from clients where id = :client_id and state <> 'active') as is_suspended
""").bindparams(bindparam("client_id", type_=UuidType))

_SWEEP = """
delete from {table} where {key} in (
    select {key} from {table} where expires_at < now() limit 10000
)
"""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the database knows about a token and the proof that came with it."""

    is_first_use: bool
    is_revoked: bool
    is_suspended: bool


def admit(
    engine: Engine, token: AccessToken, digest: bytes | None, kept_for: timedelta
) -> Admission:
    """Uses up the proof with the digest, and looks up all else in the same round trip.

    On a connection that commits at once: no later error in the request takes the use back.
    """
    values = {
        "digest": digest,
        "kept_for": kept_for,
        "token_id": token.id,
        "client_id": registered_id(token.caller.client),
    }
    return Admission(**_at_once(engine, _ADMIT, values))


def use_once(engine: Engine, digest: bytes, kept_for: timedelta) -> bool:
    """False when it was used before; committed at once, as above."""
    statement = (
        insert(UsedIdentifier)
        .values(digest=digest, expires_at=func.now() + kept_for)
        .on_conflict_do_nothing()
        .returning(UsedIdentifier.digest.is_not(None).label("is_new"))
    )
    return bool(_at_once(engine, statement, {}))


def revoke(session: Session, token: AccessToken) -> None:
    values = {"id": token.id, "expires_at": token.expires_at}
    session.execute(insert(RevokedToken).values(values).on_conflict_do_nothing())


def is_revoked(session: Session, token_id: str) -> bool:
    return session.get(RevokedToken, token_id) is not None


def sweep(session: Session) -> int:
    """Removes what has expired; how much that was."""
    return sum(
        session.execute(text(_SWEEP.format(table=table, key=key))).rowcount  # type: ignore[attr-defined]
        for table, key in (("used_identifiers", "digest"), ("revoked_tokens", "id"))
    )


def _at_once(engine: Engine, statement: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        row = connection.execute(statement, values).one_or_none()
    return dict(row._mapping) if row is not None else {}  # noqa: SLF001  # its public name
