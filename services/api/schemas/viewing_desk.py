"""JSON of the desk: who comes, and right or wrong per item, without any number that tells more."""

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import BeforeValidator, Field

from services.api.http.links import Links
from services.api.schemas.model import Link, RequestBody, ResponseDateTime, ResponseModel
from shared.core.plain_text import PLAIN_TEXT
from shared.viewings.desk_repository import ComponentItems, ItemRow, VisitorRow
from shared.viewings.rules import AnnulmentReason

ReasonOfAnnulment = Literal[
    AnnulmentReason.NO_SHOW, AnnulmentReason.NO_IDENTITY, AnnulmentReason.MISTAKE
]
"""Every member; unlike the enum, it is no schema of its own in the OpenAPI document."""

if get_args(ReasonOfAnnulment) != tuple(AnnulmentReason):
    raise TypeError("the API does not list every reason of an annulment")


class CodeLookUp(RequestBody):
    """The code on the confirmation of a student, as typed or scanned."""

    code: Annotated[
        str, Field(min_length=1, max_length=40, pattern=PLAIN_TEXT, examples=["7ZK3M-Q04XD"])
    ]


def _require_boolean(value: object) -> object:
    """Return the value; raise ValueError for a number, to which `True` is equal in Python."""
    if not isinstance(value, bool):
        raise ValueError("Must be true.")  # noqa: TRY004  # pydantic reports a ValueError
    return value


class IdentityCheck(RequestBody):
    """The officer's statement that the student has proved their identity."""

    identity_checked: Annotated[Literal[True], BeforeValidator(_require_boolean)]


class Annulment(RequestBody):
    """The reason why a registration ends without a visit."""

    reason: Annotated[ReasonOfAnnulment, Field(description="`noShow`, `noIdentity` or `mistake`.")]


class Visitor(ResponseModel):
    """A registration at the desk: the names to compare with an identity card."""

    href: Link
    id: UUID
    family_name: Annotated[str, Field(examples=["Achternaam"])]
    given_name: Annotated[str, Field(examples=["Voornaam"])]
    school_name: str
    starts_at: ResponseDateTime
    ends_at: ResponseDateTime
    companions: Annotated[int, Field(description="Number of persons who come with the student.")]
    state: Annotated[
        str, Field(description="`offered`, `confirmed`, `open`, `closed`, `annulled`.")
    ]

    @classmethod
    def of(cls, row: VisitorRow, links: Links) -> Self:
        return cls(
            href=links.desk_registration(row.registration.id),
            id=row.registration.id,
            family_name=row.family_name,
            given_name=row.given_name,
            school_name=row.school_name,
            starts_at=row.slot.starts_at,
            ends_at=row.slot.ends_at,
            companions=row.registration.companions,
            state=row.registration.state,
        )


class VisitorList(ResponseModel):
    """The registrations of today at the officer's location."""

    items: list[Visitor]


class ViewableComponent(ResponseModel):
    """A component of which the student can see the items."""

    code: Annotated[str, Field(examples=["LO4-LEZ"])]
    name: Annotated[str, Field(examples=["Lezen"])]

    @classmethod
    def of(cls, component: ComponentItems) -> Self:
        return cls(code=component.code, name=component.name)


class ViewableComponentList(ResponseModel):
    """The components that the student can see, in the order of the test."""

    items: list[ViewableComponent]


class ViewedItem(ResponseModel):
    """An item, and whether the student answered it correctly; nothing else.

    The two answers are equally long, so that the size of a response does not count them.
    """

    item: Annotated[str, Field(examples=["LO4-LEZ-07"])]
    answer: Annotated[Literal["right", "wrong"], Field(description="`right` or `wrong`.")]

    @classmethod
    def of(cls, row: ItemRow) -> Self:
        return cls(item=row.item, answer="right" if row.is_correct else "wrong")


class ViewedItemList(ResponseModel):
    """The items of one component, in the order of the test."""

    component: ViewableComponent
    items: list[ViewedItem]

    @classmethod
    def of_component(cls, component: ComponentItems) -> Self:
        items = [ViewedItem.of(row) for row in component.items]
        return cls(component=ViewableComponent.of(component), items=items)
