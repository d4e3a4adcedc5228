"""SQL of clients and their keys."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.oauth.clients.models import Client, ClientKey, FormerClientName


def page_of_clients(session: Session, selection: PageSelection) -> Page[Client]:
    return page_of_scalars(
        session, select(Client), ListOrder(Client.sort_key, Client.id), selection
    )


def find_client(session: Session, client_id: UUID, *, for_update: bool = False) -> Client | None:
    """Return the client; `for_update` locks its row until the transaction ends."""
    return session.get(Client, client_id, with_for_update=for_update or None)


def find_names(session: Session, client_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of the clients that exist."""
    query = select(Client.id, Client.name).where(Client.id.in_(list(client_ids)))
    return {row.id: row.name for row in session.execute(query)}


def add_client(session: Session, values: Mapping[str, Any]) -> Client | None:
    """Add a client; return None when the name is taken."""
    statement = insert(Client).values(**values).on_conflict_do_nothing().returning(Client)
    return session.scalars(statement).one_or_none()


def names_of_others(session: Session, client_id: UUID | None = None) -> Sequence[str]:
    """Return the present and former names of all clients but one.

    No client gets another name until the commit.
    """
    lock_until_commit(session, "names of clients")
    former = FormerClientName
    query = union(
        select(Client.name).where(Client.id.is_distinct_from(client_id)),
        select(former.name).where(former.client_id.is_distinct_from(client_id)),
    )
    return session.scalars(query).all()


def keys_of(session: Session, client_ids: Sequence[UUID]) -> Sequence[ClientKey]:
    query = select(ClientKey).where(ClientKey.client_id.in_(client_ids))
    return session.scalars(query.order_by(ClientKey.added_at, ClientKey.thumbprint)).all()


def client_with_key(session: Session, thumbprint: str) -> UUID | None:
    """Return the client that has the key, if there is one."""
    return session.scalar(select(ClientKey.client_id).where(ClientKey.thumbprint == thumbprint))


def add_key(session: Session, client_id: UUID, thumbprint: str, jwk: Mapping[str, Any]) -> bool:
    """Add a key; return False when a client has it already."""
    values = {"client_id": client_id, "thumbprint": thumbprint, "jwk": jwk}
    statement = insert(ClientKey).values(values).on_conflict_do_nothing()
    return session.scalar(statement.returning(ClientKey.thumbprint)) is not None


def remove_key(session: Session, client_id: UUID, thumbprint: str) -> bool:
    """Remove a key; return False when the client has no such key.

    The API may do so for operators and for the client itself, through the function of the database.
    """
    return session.scalar(select(func.remove_client_key(client_id, thumbprint))) is not None
