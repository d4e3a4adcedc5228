"""SQL of used identifiers, of sign-ons, and of the state of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, bindparam, text
from sqlalchemy import Text as TextType
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from shared.access.decisions import SETTINGS_COLUMNS, act_for, settings_parameters
from shared.access.rules import Scope
from shared.core.database import observe_clock, sending_moment
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import registered_id
from shared.oauth.models import RevokedToken
from shared.oauth.person_claims import Person
from shared.oauth.tokens import AccessToken

_STATUS_COLUMNS = """
    exists (select from revoked_tokens where id = token.id)
        or coalesce(client.state <> 'active', false)
        or (token.client_key is not null and not exists (
            select from client_keys key
            where key.thumbprint = token.client_key and key.client_id = token.client_id
        )) as is_ended,
    client.scopes as client_scopes,
    sign_on.scopes as sign_on_scopes
"""
_STATUS_JOINS = """
left join clients client on client.id = token.client_id
left join sign_ons sign_on
    on sign_on.subject = token.subject and sign_on.school_id = coalesce(token.school_id, '')
"""
"""The state of `token`, a relation of one or more tokens, in the database."""

_VALIDATE = text(f"""
with used as (
    insert into used_identifiers (digest, expires_at)
    select :digest, now() + :retention
    where cast(:digest as bytea) is not null and pg_try_advisory_xact_lock(:lock)
    on conflict do nothing
    returning digest
)
select cast(:digest as bytea) is null or exists (select from used) as is_first_use,
       clock_timestamp() as database_at,
       {SETTINGS_COLUMNS},
       case when token.school_id is not null then schools_of(token.school_id) end as schools,
       {_STATUS_COLUMNS}
from (values (cast(:id as text), cast(:client_id as uuid), cast(:client_key as text),
              cast(:subject as text), cast(:school_id as text))
) token (id, client_id, client_key, subject, school_id)
{_STATUS_JOINS}
""").bindparams(bindparam("client_id", type_=UuidType))
"""A replay of a proof whose first use is not committed yet is rejected without waiting for it."""

_CHECK = text(f"""
select {_STATUS_COLUMNS}
from unnest(:id, :client_id, :client_key, :subject, :school_id) with ordinality
    token (id, client_id, client_key, subject, school_id, number)
{_STATUS_JOINS}
order by token.number
""").bindparams(
    bindparam("id", type_=ARRAY(TextType)),
    bindparam("client_id", type_=ARRAY(UuidType)),
    bindparam("client_key", type_=ARRAY(TextType)),
    bindparam("subject", type_=ARRAY(TextType)),
    bindparam("school_id", type_=ARRAY(TextType)),
)

_USE = text("""
insert into used_identifiers (digest, expires_at) values (:digest, now() + :retention)
on conflict do nothing
returning digest
""")
_RECORD_SIGN_ON = text("""
insert into sign_ons (subject, school_id, scopes, issued_at, expires_at)
values (:subject, :school_id, :scopes, :issued_at, now() + :kept_for)
on conflict (subject, school_id) do update
set scopes = excluded.scopes, issued_at = excluded.issued_at, expires_at = excluded.expires_at
where excluded.issued_at >= sign_ons.issued_at
""").bindparams(bindparam("scopes", type_=ARRAY(TextType)))
_LATEST_SIGN_ON = text(
    "select scopes from sign_ons where subject = :subject and school_id = :school_id"
)
_REMOVE_EXPIRED = text(
    "select remove_expired_used_identifiers() + remove_expired_revoked_tokens()"
    " + remove_expired_sign_ons()"
)


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The state of a token and its proof in the database.

    `is_ended` when it was revoked, its client is suspended, or the key with which the client
    requested it was removed. `scopes` are those of the token that its client, and at the last
    sign-on its person, still had. `schools` are those that a school reads: itself and the schools
    that it succeeds, none after it is succeeded.
    """

    is_first_use: bool
    is_ended: bool
    scopes: frozenset[Scope]
    schools: tuple[str, ...]


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
        **_parameters(token),
    }
    sent_at = sending_moment(unit.session)
    row = unit.session.execute(_VALIDATE, values).one()
    observe_clock(unit.session, sent_at, row.database_at)
    act_for(unit, caller)
    if digest is not None and row.is_first_use:
        values = {"digest": digest, "retention": retention}
        unit.on_rollback(lambda session: session.execute(_USE, values))
    scopes = _scopes_left(token, row)
    return TokenStatus(row.is_first_use, row.is_ended, scopes, tuple(row.schools or ()))


def current_scopes(session: Session, tokens: Sequence[AccessToken]) -> list[frozenset[Scope]]:
    """Return the scopes that each token has now, in one statement; none after it has ended."""
    if not tokens:
        return []
    columns = [_parameters(token) for token in tokens]
    values = {name: [column[name] for column in columns] for name in columns[0]}
    rows = session.execute(_CHECK, values)
    return [
        frozenset() if row.is_ended else _scopes_left(token, row)
        for token, row in zip(tokens, rows, strict=True)
    ]


def _parameters(token: AccessToken) -> dict[str, Any]:
    caller = token.caller
    return {
        "id": token.id,
        "client_id": registered_id(caller.client),
        "client_key": token.client_key,
        "subject": caller.subject,
        "school_id": caller.school_id,
    }


def _scopes_left(token: AccessToken, row: Row[Any]) -> frozenset[Scope]:
    scopes = token.caller.scopes
    for limit in (row.client_scopes, row.sign_on_scopes):
        if limit is not None:
            scopes = frozenset(scope for scope in scopes if scope in limit)
    return scopes


def record_first_use(engine: Engine, digest: bytes, retention: timedelta) -> bool:
    """Record the first use of an identifier; return False when it was used before.

    `engine` commits each statement, so that the use stays recorded if the request fails.
    """
    with engine.connect() as connection:
        use = connection.execute(_USE, {"digest": digest, "retention": retention})
        return use.one_or_none() is not None


def revoke(session: Session, token: AccessToken) -> None:
    values = {"id": token.id, "expires_at": token.expires_at}
    session.execute(insert(RevokedToken).values(values).on_conflict_do_nothing())


def record_sign_on(
    engine: Engine, person: Person, issued_at: datetime, kept_for: timedelta
) -> frozenset[Scope]:
    """Record the scopes of a person at a school, or as an officer; `engine` commits each statement.

    `issued_at` is when the provider issued the token of the sign-on. An earlier one than the
    recorded one changes nothing. Returns the scopes that are left: never more than the recorded.
    """
    who = {"subject": person.subject, "school_id": person.school_id or ""}
    new = {"scopes": sorted(person.scopes), "issued_at": issued_at, "kept_for": kept_for}
    with engine.connect() as connection:
        connection.execute(_RECORD_SIGN_ON, who | new)
        left = connection.scalars(_LATEST_SIGN_ON, who).one_or_none()
    return person.scopes if left is None else person.scopes & {Scope(scope) for scope in left}


def remove_expired(session: Session) -> int:
    """Remove expired identifiers, tokens and sign-ons; return their number.

    They are kept for as long after that as an expired token is accepted (`CLOCK_SKEW`).
    """
    return int(session.execute(_REMOVE_EXPIRED).scalar_one())
