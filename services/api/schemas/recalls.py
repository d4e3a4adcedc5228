"""JSON of recalls."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    SCHOOL_ID,
    AdministrationId,
    Link,
    Page,
    RequestBody,
    ResponseDateTime,
    ResponseModel,
)
from services.api.schemas.release_plans import KnownProduct
from shared.core.plain_text import PLAIN_TEXT
from shared.release_plans.recalls import NewRecall as NewRecallFacts
from shared.release_plans.recalls import RecallView

_REASON = "The reason; do not name a student."


class NewRecall(RequestBody):
    """A recall: of a target group, a component or a school, or without these of all.

    It concerns every product unless it names one.
    """

    administration_id: AdministrationId
    product: KnownProduct | None = None
    target_group: Annotated[
        str | None, Field(min_length=1, max_length=32, pattern=PLAIN_TEXT, examples=["LO4"])
    ] = None
    component: Annotated[
        str | None, Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, examples=["LO4-LEZ"])
    ] = None
    school_id: Annotated[str | None, Field(pattern=SCHOOL_ID)] = None
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=300,
            pattern=PLAIN_TEXT,
            description=_REASON,
            examples=["Levels of mathematics were computed with a wrong norm"],
        ),
    ]

    def facts(self) -> NewRecallFacts:
        return NewRecallFacts(
            administration_id=self.administration_id,
            reason=self.reason,
            product=self.product,
            target_group=self.target_group,
            component=self.component,
            school_id=self.school_id,
        )


class Recall(ResponseModel):
    """The end of a release before the end of its window; an opening with approvals ends it."""

    href: Link
    id: UUID
    administration_id: str
    product: str
    target_group: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    component: Annotated[str | None, Field(description="Code; all of them when absent.")] = None
    school_id: Annotated[str | None, Field(description="All schools when absent.")] = None
    reason: Annotated[str, Field(examples=["Levels were computed with a wrong norm"])]
    recalled_at: ResponseDateTime
    recalled_by: Annotated[UUID | None, Field(description="The person that recalled it.")] = None
    reopens_at: Annotated[
        ResponseDateTime | None, Field(description="When it ends, if the opening is approved.")
    ] = None
    is_active: Annotated[bool, Field(description="False once an opening has ended it.")]

    @classmethod
    def of(cls, view: RecallView, links: Links) -> Self:
        recall = view.recall
        return cls(
            href=links.recall(recall.id),
            id=recall.id,
            administration_id=recall.administration_id,
            product=recall.product,
            target_group=view.target_group,
            component=view.component,
            school_id=recall.school_id,
            reason=recall.reason,
            recalled_at=recall.recalled_at,
            recalled_by=recall.recalled_by,
            reopens_at=recall.reopens_at,
            is_active=view.is_active,
        )


class NewRecalls(ResponseModel):
    """The recalls that were made: one for each product."""

    items: list[Recall]


class RecallPage(Page):
    items: list[Recall]
