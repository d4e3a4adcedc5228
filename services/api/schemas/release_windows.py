"""JSON of release windows."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseDateTime, ResponseModel
from shared.releases.service import WindowView

PLANNED_FROM = "The announced target date; it opens nothing."
OPENS_AT = (
    "When the window opens, if its opening is approved by then; without it the window stays closed."
)
CLOSES_AT = "When the window closes again."
NEVER = "The window never opens; it then has no `opensAt` and no `closesAt`."


class ReleaseWindow(ResponseModel):
    """The period in which a product of an administration, target group or component is visible."""

    href: Link
    id: UUID
    administration_id: str
    product: str
    target_group: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    component: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    planned_from: Annotated[ResponseDateTime | None, Field(description=PLANNED_FROM)] = None
    opens_at: Annotated[ResponseDateTime | None, Field(description=OPENS_AT)] = None
    closes_at: Annotated[ResponseDateTime | None, Field(description=CLOSES_AT)] = None
    never: Annotated[bool, Field(description=NEVER)]
    state: Annotated[
        str,
        Field(
            description="`open`, `planned`, `blocked` (its moment came without approvals), "
            "`recalled`, `closed` or `never`, by the clock of the service."
        ),
    ]
    updated_at: ResponseDateTime

    @classmethod
    def of(cls, view: WindowView, links: Links) -> Self:
        window = view.window
        return cls(
            href=links.window(window.id),
            id=window.id,
            administration_id=window.administration_id,
            product=window.product,
            target_group=view.target_group,
            component=view.component,
            planned_from=window.planned_from_at,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
            never=window.never,
            state=view.state.value,
            updated_at=window.updated_at,
        )


class ReleaseWindowPage(Page):
    items: list[ReleaseWindow]
