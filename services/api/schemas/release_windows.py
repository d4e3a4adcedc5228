"""JSON of release windows."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    AdministrationId,
    Link,
    MergePatch,
    Page,
    RequestBody,
    RequestDateTime,
    ResponseDateTime,
    ResponseModel,
)
from shared.access.products import Product
from shared.core.plain_text import PLAIN_TEXT
from shared.releases.service import WindowPlan, WindowView

_PLANNED_FROM = "The announced target date; it opens nothing."
_OPENS_AT = "When the window opens; without it the window stays closed."
_CLOSES_AT = "When the window closes again."
_NEVER = "The window never opens; it then has no `opensAt` and no `closesAt`."


ReleasableProduct = Literal[Product.STUDENT_FEEDBACK]
"""The products that have routes; the gate already knows the others."""


class NewReleaseWindow(RequestBody):
    """A release window to create. The most specific window of a component decides."""

    administration_id: AdministrationId
    product: ReleasableProduct = Product.STUDENT_FEEDBACK
    target_group: Annotated[
        str | None, Field(min_length=1, max_length=32, pattern=PLAIN_TEXT, examples=["LO4"])
    ] = None
    component: Annotated[
        str | None, Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, examples=["LO4-LEZ"])
    ] = None
    planned_from: Annotated[RequestDateTime | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[RequestDateTime | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[RequestDateTime | None, Field(description=_CLOSES_AT)] = None
    never: Annotated[bool, Field(description=_NEVER)] = False

    def plan(self) -> WindowPlan:
        return WindowPlan(
            administration_id=self.administration_id,
            product=self.product,
            target_group=self.target_group,
            component=self.component,
            planned_from_at=self.planned_from,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            never=self.never,
        )


class ReleaseWindowChange(MergePatch):
    """A JSON merge patch: absent fields do not change, null removes a value."""

    planned_from: Annotated[RequestDateTime | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[RequestDateTime | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[RequestDateTime | None, Field(description=_CLOSES_AT)] = None
    never: Annotated[
        bool, Field(description=_NEVER, json_schema_extra=lambda schema: schema.pop("default"))
    ] = False

    def changes(self) -> dict[str, Any]:
        names = {"planned_from": "planned_from_at"}
        return {names.get(name, name): getattr(self, name) for name in self.model_fields_set}


class ReleaseWindow(ResponseModel):
    """The period in which a product of an administration, target group or component is visible."""

    href: Link
    id: UUID
    administration_id: str
    product: str
    target_group: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    component: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    planned_from: Annotated[ResponseDateTime | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[ResponseDateTime | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[ResponseDateTime | None, Field(description=_CLOSES_AT)] = None
    never: Annotated[bool, Field(description=_NEVER)]
    state: Annotated[
        str,
        Field(description="`open`, `planned`, `closed` or `never`, by the clock of the service."),
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
