"""JSON of OAuth clients."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    Link,
    Page,
    RequestBody,
    ResponseDateTime,
    ResponseModel,
)
from shared.access.rules import Scope
from shared.core.plain_text import PLAIN_TEXT
from shared.oauth.clients.models import ClientKey
from shared.oauth.clients.rules import ClientKind, ClientState
from shared.oauth.clients.service import ClientView, NewClient

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)]
_PART = Annotated[str | None, Field(max_length=1024)]


class PublicKey(RequestBody):
    """The public half of a key as a JWK: P-256, Ed25519, or RSA of 3072 to 4096 bits."""

    kty: Annotated[str, Field(max_length=8, examples=["EC"])]
    crv: Annotated[str | None, Field(max_length=16, examples=["P-256"])] = None
    x: _PART = None
    y: _PART = None
    n: _PART = None
    e: _PART = None
    kid: Annotated[str | None, Field(max_length=256, description="Ignored.")] = None
    use: Annotated[str | None, Field(max_length=16, description="Ignored.")] = None
    alg: Annotated[str | None, Field(max_length=16, description="Ignored.")] = None

    def jwk(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class NewClientBody(RequestBody):
    """An OAuth client to register."""

    name: Name
    kind: Annotated[ClientKind, Field(strict=False)]
    scopes: Annotated[
        list[Annotated[Scope, Field(strict=False)]],
        Field(min_length=1, description="The scopes that it needs, and no others."),
    ]
    keys: Annotated[
        list[PublicKey] | None,
        Field(min_length=1, max_length=1, description="Its key; it adds further ones itself."),
    ] = None

    def new_client(self) -> NewClient:
        return NewClient(
            name=self.name,
            kind=self.kind,
            scopes=frozenset(self.scopes),
            keys=[key.jwk() for key in self.keys or ()],
        )


class ClientPatch(RequestBody):
    """A JSON merge patch: absent fields do not change."""

    name: Name | None = None
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]] | None, Field(min_length=1)] = (
        None
    )
    state: Annotated[ClientState | None, Field(strict=False)] = None

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return given | ({"scopes": frozenset(given["scopes"])} if "scopes" in given else {})


class RegisteredKey(ResponseModel):
    id: Annotated[str, Field(description="Thumbprint of the key (RFC 7638).")]
    kty: str
    added_at: ResponseDateTime

    @classmethod
    def of(cls, key: ClientKey) -> Self:
        return cls(id=key.thumbprint, kty=key.jwk["kty"], added_at=key.added_at)


class RegisteredClient(ResponseModel):
    """An OAuth client; it can request tokens unless it is suspended."""

    href: Link
    id: Annotated[UUID, Field(description="The `client_id`.")]
    name: str
    kind: ClientKind
    scopes: list[str]
    state: ClientState
    person_id: Annotated[
        UUID | None, Field(description="The person behind the client of an operator.")
    ] = None
    keys: list[RegisteredKey]
    created_at: ResponseDateTime

    @classmethod
    def of(cls, view: ClientView, links: Links) -> Self:
        client = view.client
        return cls(
            href=links.client(client.id),
            id=client.id,
            name=client.name,
            kind=ClientKind(client.kind),
            scopes=client.scopes,
            state=ClientState(client.state),
            person_id=client.person_id,
            keys=[RegisteredKey.of(key) for key in view.keys],
            created_at=client.created_at,
        )


class RegisteredClientPage(Page):
    items: list[RegisteredClient]
