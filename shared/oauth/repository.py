"""SQL of used identifiers and revoked tokens."""

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
    select :digest, now() + :retention
    where cast(:digest as bytea) is not null and pg_try_advisory_xact_lock(:lock)
    on conflict do nothing
    returning digest
)
select cast(:digest as bytea) is null or exists (select from used) as is_first_use,
       exists (select from revoked_tokens where id = :token_id) as is_revoked,
       exists (select from clients where id = :client_id and state <> 'active') as is_suspended,
       {SETTINGS_COLUMNS}
""").bindparams(bindparam("client_id", type_=UuidType))
"""A replay of a proof whose first use is not committed yet is rejected without waiting for it."""

_REMOVE_EXPIRED = """
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
    unit: UnitOfWork, token: AccessToken, digest: bytes | None, retention: timedelta
) -> TokenStatus:
    """Record the use of a proof and return the state of the token, in one statement.

    The use stays recorded if the request is rolled back. The unit acts for the caller afterwards.
    """
    caller = token.caller
    values = {
        **settings_parameters(caller),
        "digest": digest,
        "lock": int.from_bytes((digest or b"")[:8], signed=True),
        "retention": retention,
        "token_id": token.id,
        "client_id": registered_id(caller.client),
    }
    row = unit.session.execute(_VALIDATE, values).one()
    act_for(unit, caller)
    if digest is not None and row.is_first_use:
        unit.on_rollback(lambda session: session.execute(_insert_use(digest, retention)))
    return TokenStatus(row.is_first_use, row.is_revoked, row.is_suspended)


def record_first_use(engine: Engine, digest: bytes, retention: timedelta) -> bool:
    """Record the first use of an identifier; return False when it was used before.

    The connection commits immediately, so that the use stays recorded if the request fails.
    """
    use = _insert_use(digest, retention).returning(UsedIdentifier.digest)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return connection.execute(use).one_or_none() is not None


def revoke(session: Session, token: AccessToken) -> None:
    values = {"id": token.id, "expires_at": token.expires_at}
    session.execute(insert(RevokedToken).values(values).on_conflict_do_nothing())


def is_revoked(session: Session, token_id: str) -> bool:
    return session.get(RevokedToken, token_id) is not None


def remove_expired(session: Session) -> int:
    """Remove expired identifiers and tokens; return their number."""
    return sum(
        session.execute(text(_REMOVE_EXPIRED.format(table=table, key=key))).rowcount  # type: ignore[attr-defined]
        for table, key in (("used_identifiers", "digest"), ("revoked_tokens", "id"))
    )


def _insert_use(digest: bytes, retention: timedelta) -> Insert:
    values = {"digest": digest, "expires_at": func.now() + retention}
    return insert(UsedIdentifier).values(values).on_conflict_do_nothing()
