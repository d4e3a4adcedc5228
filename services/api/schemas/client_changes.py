"""JSON of requested changes of clients, and of the persons that agree to them."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator

from services.api.http.links import Links
from services.api.schemas.clients import Name, PublicKey
from services.api.schemas.model import (
    Link,
    MergePatch,
    Page,
    ResponseDateTime,
    ResponseModel,
    refuse_null,
)
from shared.access.rules import Scope
from shared.client_changes.rules import ChangeKind, ChangeState
from shared.client_changes.service import ChangeView, NewChange
from shared.oauth.clients.models import Person
from shared.oauth.clients.service import MAX_KEYS

Scopes = Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1)]
Keys = Annotated[list[PublicKey], Field(min_length=1, max_length=MAX_KEYS)]
Id = Annotated[UUID, Field(strict=False)]
_NEEDED = "The scopes that it needs, and no others."


class _NewChange(MergePatch):
    """A change to request, by its `kind`; no field can be null."""

    @field_validator("scopes", mode="before", check_fields=False)
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        return refuse_null(value)

    def new_change(self) -> NewChange:
        values: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        values |= {"kind": ChangeKind(values["kind"])}
        if "scopes" in values:
            values["scopes"] = frozenset(values["scopes"])
        if "keys" in values:
            values["keys"] = [key.jwk() for key in values["keys"]]
        return NewChange(**values)


class NewPerson(_NewChange):
    """Register a person with a first client."""

    kind: Literal["registerPerson"]
    person_name: Annotated[Name, Field(description="Name or label of the person.")]
    name: Annotated[Name, Field(description="Name of the client.")]
    scopes: Annotated[Scopes, Field(description=_NEEDED)]
    keys: Keys


class NewOperatorClient(_NewChange):
    """Register a further client of a person."""

    kind: Literal["registerClient"]
    person_id: Id
    name: Annotated[Name, Field(description="Name of the client.")]
    scopes: Annotated[Scopes, Field(description=_NEEDED)]
    keys: Keys


class NewKeys(_NewChange):
    """Add keys to a client."""

    kind: Literal["addKey"]
    client_id: Id
    keys: Keys


class NewScopes(_NewChange):
    """Replace the scopes of a client."""

    kind: Literal["changeScopes"]
    client_id: Id
    scopes: Scopes


class Activation(_NewChange):
    """Activate a suspended client."""

    kind: Literal["activateClient"]
    client_id: Id


NewClientChange = Annotated[
    NewPerson | NewOperatorClient | NewKeys | NewScopes | Activation, Field(discriminator="kind")
]


class ClientChange(ResponseModel):
    """A change of a client that several persons have to agree to."""

    href: Link
    id: UUID
    kind: ChangeKind
    state: ChangeState
    client_id: UUID | None = None
    person_id: Annotated[
        UUID | None, Field(description="The person that the client belongs to, if it has one.")
    ] = None
    person_name: Annotated[str | None, Field(description="Name of the new person.")] = None
    name: Annotated[str | None, Field(description="Name of the new client.")] = None
    scopes: list[str] | None = None
    keys: Annotated[
        list[dict[str, Any]] | None, Field(description="The public keys that are added, as JWK.")
    ] = None
    requested_by: Annotated[UUID, Field(description="The person that requested the change.")]
    requested_at: ResponseDateTime
    approved_by: Annotated[list[UUID], Field(description="The persons that approved it.")]
    takes_effect_at: Annotated[
        ResponseDateTime | None,
        Field(description="From when it can be applied; absent until enough persons agree."),
    ] = None
    applied_at: ResponseDateTime | None = None

    @classmethod
    def of(cls, view: ChangeView, links: Links) -> Self:
        change = view.change
        values = change.values
        return cls(
            href=links.client_change(change.id),
            id=change.id,
            kind=ChangeKind(change.kind),
            state=view.state,
            client_id=change.client_id,
            person_id=change.person_id,
            person_name=values.get("personName"),
            name=values.get("name"),
            scopes=values.get("scopes"),
            keys=values.get("keys"),
            requested_by=change.requested_by,
            requested_at=change.requested_at,
            approved_by=sorted(view.approved_by),
            takes_effect_at=change.takes_effect_at,
            applied_at=change.applied_at,
        )


class ClientChangePage(Page):
    items: list[ClientChange]


class OperatorPerson(ResponseModel):
    """A person behind clients of operators."""

    id: UUID
    name: str
    created_at: ResponseDateTime

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls(id=person.id, name=person.name, created_at=person.created_at)


class OperatorPersonPage(Page):
    items: list[OperatorPerson]
