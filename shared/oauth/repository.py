"""SQL of one-time identifiers and revoked tokens."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, bindparam, func, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from shared.access.decisions import SETTINGS_COLUMNS, act_for, settings_parameters
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import registered_id
from shared.oauth.models import RevokedToken, UsedIdentifier
from shared.oauth.tokens import AccessToken

_VALIDATE = text(f"""
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
       {SETTINGS_COLUMNS}
""").bindparams(bindparam("client_id", type_=UuidType))
"""A replayed proof whose first use is not committed yet is refused without waiting for it."""

_SWEEP = """
delete from {table} where {key} in (
    select {key} from {table} where expires_at < now() limit 10000
)
"""


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The state of a token and its proof in the database."""

    is_first_use: bool
    is_revoked: bool
    is_suspended: bool


def check_token(
    unit: UnitOfWork, token: AccessToken, digest: bytes | None, kept_for: timedelta
) -> TokenStatus:
    """Record the use of the proof with the digest, and return the token's state, in one statement.

    The use stays recorded if the request is rolled back. From here on the unit acts for the caller.
    """
    caller = token.caller
    values = {
        **settings_parameters(caller),
        "digest": digest,
        "lock": int.from_bytes((digest or b"")[:8], signed=True),
        "kept_for": kept_for,
        "token_id": token.id,
        "client_id": registered_id(caller.client),
    }
    row = unit.session.execute(_VALIDATE, values).one()
    act_for(unit, caller)
    if digest is not None and row.is_first_use:
        unit.on_rollback(lambda session: session.execute(_insert_use(digest, kept_for)))
    return TokenStatus(row.is_first_use, row.is_revoked, row.is_suspended)


def use_once(engine: Engine, digest: bytes, kept_for: timedelta) -> bool:
    """Record the use of an identifier; False when it was used before.

    On a connection that commits at once, so that the use stays recorded whatever follows.
    """
    use = _insert_use(digest, kept_for).returning(UsedIdentifier.digest)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return connection.execute(use).one_or_none() is not None


def revoke(session: Session, token: AccessToken) -> None:
    values = {"id": token.id, "expires_at": token.expires_at}
    session.execute(insert(RevokedToken).values(values).on_conflict_do_nothing())


def is_revoked(session: Session, token_id: str) -> bool:
    return session.get(RevokedToken, token_id) is not None


def sweep(session: Session) -> int:
    """Remove identifiers and tokens that have expired; return their number."""
    return sum(
        session.execute(text(_SWEEP.format(table=table, key=key))).rowcount  # type: ignore[attr-defined]
        for table, key in (("used_identifiers", "digest"), ("revoked_tokens", "id"))
    )


def _insert_use(digest: bytes, kept_for: timedelta) -> Insert:
    values = {"digest": digest, "expires_at": func.now() + kept_for}
    return insert(UsedIdentifier).values(values).on_conflict_do_nothing()
