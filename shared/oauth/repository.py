"""Queries on one-time identifiers and revoked tokens."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, bindparam, func, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from shared.core.database import ACTS_FOR, act_for, acting, in_any_case
from shared.oauth.clients.rules import registered_id
from shared.oauth.models import RevokedToken, UsedIdentifier
from shared.oauth.tokens import AccessToken

_ADMIT = text(f"""
with used as (
    insert into used_identifiers (digest, expires_at)
    select :digest, now() + :kept_for
    where cast(:digest as bytea) is not null and pg_try_advisory_xact_lock(:lock)
    on conflict do nothing
    returning digest
)
select cast(:digest as bytea) is null or exists (select from used) as is_first_use,
       exists (select from revoked_tokens where id = :token_id) as is_revoked,
       exists (select from clients where id = :client_id and state <> 'active') as is_suspended,
       {ACTS_FOR}
""").bindparams(bindparam("client_id", type_=UuidType))
"""Whoever sends a proof again before its first use is committed is refused, and does not wait."""

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
    session: Session, token: AccessToken, digest: bytes | None, kept_for: timedelta
) -> Admission:
    """Uses up the proof with the digest, and looks up all else in the same round trip.

    No later error in the request takes the use back. From here on the session acts for the caller.
    """
    caller = token.caller
    values = {
        **acting(caller.client, caller.kind, caller.school_id),
        "digest": digest,
        "lock": int.from_bytes((digest or b"")[:8], signed=True),
        "kept_for": kept_for,
        "token_id": token.id,
        "client_id": registered_id(caller.client),
    }
    row = session.execute(_ADMIT, values).one()
    admission = Admission(row.is_first_use, row.is_revoked, row.is_suspended)
    act_for(session, caller.client, caller.kind, caller.school_id)
    if digest is not None and admission.is_first_use:
        in_any_case(session, lambda again: _use_up(again, digest, kept_for))
    return admission


def _use_up(session: Session, digest: bytes, kept_for: timedelta) -> None:
    session.execute(_use(digest, kept_for))


def use_once(engine: Engine, digest: bytes, kept_for: timedelta) -> bool:
    """False when it was used before.

    On a connection that commits at once: no later error takes the use back.
    """
    use = _use(digest, kept_for).returning(UsedIdentifier.digest)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return connection.execute(use).one_or_none() is not None


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


def _use(digest: bytes, kept_for: timedelta) -> Insert:
    values = {"digest": digest, "expires_at": func.now() + kept_for}
    return insert(UsedIdentifier).values(values).on_conflict_do_nothing()
