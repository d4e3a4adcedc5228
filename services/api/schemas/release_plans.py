"""JSON of release plans."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    Link,
    Page,
    RequestBody,
    RequestDateTime,
    RequestUuid,
    ResponseDateTime,
    ResponseModel,
)
from services.api.schemas.release_windows import (
    CLOSES_AT,
    NEVER,
    OPENS_AT,
    PLANNED_FROM,
    ReleaseWindow,
)
from shared.access.products import Product
from shared.core.plain_text import PLAIN_TEXT
from shared.release_plans.plan import PlannedReopening, PlannedWindow, WindowTimes
from shared.release_plans.plan import ReleasePlan as Plan
from shared.release_plans.service import MAX_WINDOWS, PlanView
from shared.results.models import Administration

MAX_REOPENINGS = 100

KnownProduct = Annotated[Product, Field(strict=False)]


class NewPlannedWindow(RequestBody):
    """A window of a plan. The most specific window of a component decides."""

    product: KnownProduct
    target_group: Annotated[
        str | None, Field(min_length=1, max_length=32, pattern=PLAIN_TEXT, examples=["LO4"])
    ] = None
    component: Annotated[
        str | None, Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, examples=["LO4-LEZ"])
    ] = None
    planned_from: Annotated[RequestDateTime | None, Field(description=PLANNED_FROM)] = None
    opens_at: Annotated[RequestDateTime | None, Field(description=OPENS_AT)] = None
    closes_at: Annotated[RequestDateTime | None, Field(description=CLOSES_AT)] = None
    never: Annotated[bool, Field(description=NEVER)] = False

    def planned(self) -> PlannedWindow:
        times = WindowTimes(self.planned_from, self.opens_at, self.closes_at, self.never)
        return PlannedWindow(self.product, self.target_group, self.component, times)


class NewReopening(RequestBody):
    """The moment at which a recall ends; it needs a verification and approvals of its own."""

    recall_id: RequestUuid
    opens_at: RequestDateTime


class NewReleasePlan(RequestBody):
    """The whole plan of an administration: what is not in it is no longer planned."""

    windows: Annotated[list[NewPlannedWindow], Field(max_length=MAX_WINDOWS)]
    reopenings: Annotated[
        list[NewReopening], Field(max_length=MAX_REOPENINGS, default_factory=list)
    ]

    def plan(self) -> Plan:
        windows = [window.planned() for window in self.windows]
        reopenings = [PlannedReopening(one.recall_id, one.opens_at) for one in self.reopenings]
        return Plan(windows, reopenings)


class Reopening(ResponseModel):
    """The moment at which a recall ends, once it is verified and approved."""

    recall_id: UUID
    opens_at: ResponseDateTime


class ReleasePlan(ResponseModel):
    """The windows of one administration, and the ends of its recalls."""

    href: Link
    administration_id: str
    windows: list[ReleaseWindow]
    reopenings: list[Reopening]
    openings: Annotated[Link, Field(description="The openings that follow from the plan.")]
    recalls: Annotated[Link, Field(description="The recalls of the administration.")]
    changed_openings: Annotated[
        list[UUID] | None,
        Field(
            description="After a change: the openings that it added or changed. They need a new "
            "verification and new approvals."
        ),
    ] = None

    @classmethod
    def of(cls, view: PlanView, links: Links, changed: list[UUID] | None = None) -> Self:
        administration_id = view.administration_id
        return cls(
            href=links.release_plan(administration_id),
            administration_id=administration_id,
            windows=[ReleaseWindow.of(window, links) for window in view.windows],
            reopenings=[
                Reopening(recall_id=one.recall_id, opens_at=one.opens_at)
                for one in view.plan.reopenings
            ],
            openings=links.openings_of(administration_id),
            recalls=links.recalls_of(administration_id),
            changed_openings=changed,
        )


class ReleasePlanSummary(ResponseModel):
    """An administration with the link to its plan."""

    href: Link
    administration_id: str
    name: str

    @classmethod
    def of(cls, administration: Administration, links: Links) -> Self:
        return cls(
            href=links.release_plan(administration.id),
            administration_id=administration.id,
            name=administration.name,
        )


class ReleasePlanPage(Page):
    items: list[ReleasePlanSummary]
