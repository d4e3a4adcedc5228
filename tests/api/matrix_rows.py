"""Rows that the access matrix adds for a request."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from shared.access.products import Product
from shared.access.rules import GRANTABLE, CallerKind
from shared.client_changes.repository import add_person
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.release_plans.manifest_signatures import ManifestKey
from shared.results.models import Administration
from tests.api.seeding import ADMINISTRATION, LONG_AGO, SCHOOL
from tests.releasing import AddedManifest, add_opening

MANIFEST = b'{"administrationId":"2024"}'


def add_verified(unit: UnitOfWork, number: int, key: ManifestKey) -> UUID:
    """Add an opening to come, with a complete manifest that has a finding."""
    opens_at = datetime(3000, 1, 1, tzinfo=UTC) + timedelta(days=number)
    manifest = AddedManifest(content=MANIFEST, key=key)
    product = Product.TEST_VIEWING
    return add_opening(unit.session, ADMINISTRATION, product, opens_at, [manifest])


def add_administration(unit: UnitOfWork, administration_id: str) -> None:
    """Add an administration without a plan."""
    day = date(2024, 1, 1)
    days = {"tested_from_on": day, "tested_until_on": day}
    named = {"id": administration_id, "school_year": "2023-2024", "name": "Toetsen"}
    unit.session.execute(insert(Administration).values(named | days))


def activation(client_id: str, requested_by: UUID) -> dict[str, Any]:
    about = {"kind": "activateClient", "client_id": UUID(client_id), "values": {}}
    return about | {"requested_by": requested_by}


def operator_with(unit: UnitOfWork, client_id: str) -> UUID:
    """A new person with a client of this id."""
    person = add_person(unit.session, f"person {client_id}")
    assert person is not None
    scopes = sorted(GRANTABLE[CallerKind.OPERATOR])
    values = {"id": UUID(client_id), "name": client_id, "kind": "operator", "scopes": scopes}
    unit.session.execute(insert(Client).values(values | {"person_id": person}))
    return person


def mandate(client: str, until_on: date, product: str = Product.STUDENT_FEEDBACK) -> dict[str, Any]:
    return {
        "school_id": SCHOOL,
        "client": client,
        "products": [product],
        "from_on": LONG_AGO.date(),
        "until_on": until_on,
        "purpose": "Report book",
        "decided_by": "portal",
    }
