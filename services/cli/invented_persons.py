"""The invented persons of an instance for development, each with a client of operators."""

from pathlib import Path

from embedded.data_directory import person_key
from services.cli.signing import ProofKey
from services.cli.target import OPERATOR_REQUEST, sessions_of
from shared.client_changes.application import register_first_person
from shared.client_changes.repository import count_persons
from shared.client_changes.rules import FIRST_PERSONS
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork


def register_invented_persons(settings: Settings, directory: Path) -> None:
    """Register the first persons, as far as there are none, with private keys in a directory."""
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        for number in range(count_persons(unit.session) + 1, FIRST_PERSONS + 1):
            key = ProofKey.in_file(person_key(directory, number))
            jwk = key.key.as_dict(private=False)
            register_first_person(unit, OPERATOR_REQUEST, f"Person {number}", jwk)
