"""The invented persons and the portal of an instance for development."""

from pathlib import Path

from clients.python.proofs import ProofKey
from embedded.data_directory import person_key, write_private
from embedded.portal_programs import PORTAL_CLIENT_ID, PORTAL_KEY
from services.cli.target import OPERATOR_REQUEST, sessions_of
from shared.client_changes.application import register_first_person
from shared.client_changes.repository import count_persons
from shared.client_changes.rules import FIRST_PERSONS
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.repository import client_with_key
from shared.oauth.clients.rules import ClientKind, allowed_scopes
from shared.oauth.clients.service import NewClient, register

PORTAL_NAME = "Portal for development"


def register_invented_persons(settings: Settings, directory: Path) -> None:
    """Register the first persons, as far as there are none, with private keys in a directory.

    Also register the portal, and write its `client_id` to a file there.
    """
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        for number in range(count_persons(unit.session) + 1, FIRST_PERSONS + 1):
            key = ProofKey.in_file(person_key(directory, number))
            jwk = key.key.as_dict(private=False)
            register_first_person(unit, OPERATOR_REQUEST, f"Person {number}", jwk)
        client_id = _register_portal(unit, ProofKey.in_file(directory / PORTAL_KEY))
    write_private(directory / PORTAL_CLIENT_ID, client_id.encode())


def _register_portal(unit: UnitOfWork, key: ProofKey) -> str:
    """Register the portal with its key unless it is registered; return its `client_id`."""
    if (client_id := client_with_key(unit.session, key.thumbprint)) is not None:
        return str(client_id)
    kind, jwk = ClientKind.PORTAL, key.key.as_dict(private=False)
    new = NewClient(PORTAL_NAME, kind, allowed_scopes(kind), [jwk])
    return str(register(unit, OPERATOR_REQUEST, new).client.id)
