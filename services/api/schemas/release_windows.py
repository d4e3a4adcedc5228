"""JSON of release windows."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    PLAIN_TEXT,
    AdministrationId,
    Answer,
    GivenInstant,
    Instant,
    Link,
    MergePatch,
    Page,
    RequestBody,
)
from shared.access.products import Product
from shared.releases.service import WindowPlan, WindowView

_PLANNED_FROM = "The target that was announced; opens nothing."
_OPENS_AT = "The effective moment; without it the window stays closed."
_CLOSES_AT = "From this moment on it is closed again."
_NEVER = "A promise that nothing opens; allows no effective moment."


ReleasableProduct = Literal[Product.STUDENT_FEEDBACK]
"""The products that have routes; the gate already knows the others."""


class NewReleaseWindow(RequestBody):
    """Plans when a product may be seen; the most specific window of a component decides alone."""

    administration_id: AdministrationId
    product: ReleasableProduct = Product.STUDENT_FEEDBACK
    target_group: Annotated[
        str | None, Field(min_length=1, max_length=32, pattern=PLAIN_TEXT, examples=["LO4"])
    ] = None
    component: Annotated[
        str | None, Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, examples=["LO4-LEZ"])
    ] = None
    planned_from: Annotated[GivenInstant | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[GivenInstant | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[GivenInstant | None, Field(description=_CLOSES_AT)] = None
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
    """A JSON merge patch: what is absent stays, what is null is taken away."""

    planned_from: Annotated[GivenInstant | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[GivenInstant | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[GivenInstant | None, Field(description=_CLOSES_AT)] = None
    never: Annotated[
        bool, Field(description=_NEVER, json_schema_extra=lambda schema: schema.pop("default"))
    ] = False

    def changes(self) -> dict[str, Any]:
        names = {"planned_from": "planned_from_at"}
        return {names.get(name, name): getattr(self, name) for name in self.model_fields_set}


class ReleaseWindow(Answer):
    """When a product of an administration, a target group or a component may be seen."""

    href: Link
    id: UUID
    administration_id: str
    product: str
    target_group: Annotated[str | None, Field(description="Code; every one when absent.")] = None
    component: Annotated[str | None, Field(description="Code; every one when absent.")] = None
    planned_from: Annotated[Instant | None, Field(description=_PLANNED_FROM)] = None
    opens_at: Annotated[Instant | None, Field(description=_OPENS_AT)] = None
    closes_at: Annotated[Instant | None, Field(description=_CLOSES_AT)] = None
    never: Annotated[bool, Field(description=_NEVER)]
    state: Annotated[
        str,
        Field(description="By the service's clock: `open`, `planned`, `closed` or `never`."),
    ]
    updated_at: Instant

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
