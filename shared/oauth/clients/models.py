"""Tables of registered clients, their public keys, and the persons behind operators' clients."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.collation import SORT_KEY, key_of_name
from shared.core.database import INSTANT, Base


class Person(Base):
    """A person behind the clients of operators, under a name or label that operators know."""

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(String(200), unique=True)
    sort_key: Mapped[str] = mapped_column(SORT_KEY, default=key_of_name)
    created_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class Client(Base):
    """A program that may request tokens; its id is the `client_id` of OAuth.

    The client of an operator belongs to one person. `registered_by` is the person who registered
    the client of others, if that is known.
    """

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint(
            "kind in ('portal', 'integrator', 'operator', 'officer')", name="kind_known"
        ),
        CheckConstraint("state in ('active', 'suspended')", name="state_known"),
        CheckConstraint(
            "case when kind = 'operator' then person_id is not null or state = 'suspended'"
            " else person_id is null end",
            name="operator_has_person",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(String(200), unique=True)
    sort_key: Mapped[str] = mapped_column(SORT_KEY, default=key_of_name)
    kind: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str] = mapped_column(String(16), server_default=text("'active'"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    registered_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class FormerClientName(Base):
    """A name that a client had before; a trigger adds it, and no other client gets it."""

    __tablename__ = "former_client_names"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)


class ClientKey(Base):
    """A public key of one client, by its thumbprint (RFC 7638); no two clients share one."""

    __tablename__ = "client_keys"

    thumbprint: Mapped[str] = mapped_column(String(43), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), index=True)
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    added_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
