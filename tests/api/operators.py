"""Registered persons with clients of their own, as operators of a running API."""

from collections.abc import Sequence
from uuid import UUID

import httpx
from sqlalchemy import select

from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from tests.api.conftest import Callers
from tests.releasing import add_persons


class Operator:
    """A person with a client, and an HTTP client with tokens of that."""

    def __init__(self, callers: Callers, person_id: UUID, client_id: UUID) -> None:
        self.person_id, self.client_id = person_id, client_id
        self._callers = callers
        self.api = self.with_scopes(*GRANTABLE[CallerKind.OPERATOR])

    def with_scopes(self, *scopes: Scope) -> httpx.Client:
        caller = Caller(str(self.client_id), CallerKind.OPERATOR, frozenset(scopes))
        return self._callers.client(self._callers.issue(caller))


def operators(sessions: Sessions, callers: Callers, *names: str) -> Sequence[Operator]:
    """Register persons with these names."""
    with UnitOfWork(sessions) as unit:
        persons = add_persons(unit.session, *names)
        query = select(Client.person_id, Client.id).where(Client.person_id.in_(persons))
        clients = {row.person_id: row.id for row in unit.session.execute(query)}
    return [Operator(callers, person, clients[person]) for person in persons]
