"""JSON of hand-overs: without results."""

from datetime import date
from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    AdministrationId,
    Link,
    Page,
    RequestBody,
    RequestDate,
    RequestUuid,
    ResponseDateTime,
    ResponseModel,
)
from shared.core.plain_text import PLAIN_TEXT
from shared.hand_overs import repository, service
from shared.hand_overs.rules import HandOverState, Means, state_of

MAX_IDS = 200

MeansOfHandOver = Literal[Means.DIGITAL, Means.PRINTED]
StateOfHandOver = Literal[HandOverState.OPEN, HandOverState.DONE, HandOverState.AGAIN]
"""Every member; unlike the enums, these are no schemas of their own in the OpenAPI document."""

if get_args(MeansOfHandOver) != tuple(Means) or get_args(StateOfHandOver) != tuple(HandOverState):
    raise TypeError("the API does not list every means and state of hand-overs")

_MEANS = "`digital` or `printed`."
_DAY = "The day of the hand-over, in Brussels."
_STATE = (
    "`open`: not handed over; `done`: the current fiche was handed over; `again`: the fiche was "
    "corrected after its hand-over, and has to be handed over again."
)


class NewHandOvers(RequestBody):
    """Hand-overs to record: of the fiches of a class group, or of named students."""

    administration_id: AdministrationId
    class_group: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            pattern=PLAIN_TEXT,
            description="All students of this class group who have a fiche.",
        ),
    ] = None
    student_ids: Annotated[
        list[RequestUuid] | None,
        Field(
            min_length=1,
            max_length=MAX_IDS,
            description="These students, in place of a class group; each needs a fiche.",
        ),
    ] = None
    means: Annotated[MeansOfHandOver, Field(description=_MEANS)]
    handed_over_on: Annotated[
        RequestDate | None, Field(description=f"{_DAY[:-1]}; today when absent.")
    ] = None

    def wanted(self) -> service.NewHandOvers:
        return service.NewHandOvers(
            administration_id=self.administration_id,
            means=self.means,
            class_group=self.class_group,
            student_ids=self.student_ids,
            handed_over_on=self.handed_over_on,
        )


class RecordedHandOvers(ResponseModel):
    """The hand-overs that a request recorded."""

    hand_over_ids: Annotated[
        list[UUID],
        Field(description="Ids of the new hand-overs, to withdraw those that are wrong."),
    ]
    unchanged: Annotated[
        int, Field(ge=0, description="Number of fiches that were handed over already.")
    ]


class HandOverWithdrawal(RequestBody):
    """Hand-overs that were recorded by mistake."""

    hand_over_ids: Annotated[list[RequestUuid], Field(min_length=1, max_length=MAX_IDS)]


class HandOver(ResponseModel):
    """The hand-over of a fiche to a family, as the school recorded it."""

    id: UUID
    student_id: UUID
    means: Annotated[str, Field(description=_MEANS)]
    handed_over_on: Annotated[date, Field(description=_DAY)]
    recorded_at: ResponseDateTime
    withdrawn_at: Annotated[
        ResponseDateTime | None, Field(description="When the school withdrew it.")
    ] = None

    @classmethod
    def of(cls, row: repository.HandOverRow) -> Self:
        hand_over = row.hand_over
        return cls(
            id=hand_over.id,
            student_id=hand_over.student_id,
            means=hand_over.means,
            handed_over_on=hand_over.handed_over_on,
            recorded_at=hand_over.recorded_at,
            withdrawn_at=row.withdrawn_at,
        )


class HandOverPage(Page):
    items: list[HandOver]


class NamedStudent(ResponseModel):
    """A student by name."""

    id: UUID
    href: Link
    family_name: Annotated[str, Field(examples=["Achternaam"])]
    given_name: Annotated[str, Field(examples=["Voornaam"])]


class FicheHandOver(ResponseModel):
    """The current fiche of a student, and its hand-over; without a result."""

    student: NamedStudent
    administration_id: str
    class_group: str
    fiche: Annotated[Link, Field(description="URL of the fiche.")]
    state: Annotated[str, Field(description=_STATE)]
    hand_over: Annotated[
        HandOver | None,
        Field(description="The last hand-over to this student that was not withdrawn."),
    ] = None

    @classmethod
    def of(cls, row: repository.FicheRow, links: Links) -> Self:
        student, last = row.student, row.hand_over
        return cls(
            student=NamedStudent(
                id=student.id,
                href=links.student(student.id),
                family_name=student.family_name,
                given_name=student.given_name,
            ),
            administration_id=student.administration_id,
            class_group=row.class_group,
            fiche=links.document(row.document_id),
            state=state_of(row.content_sha256, None if last is None else last.content_sha256),
            hand_over=None if last is None else HandOver.of(repository.HandOverRow(last, None)),
        )


class FicheHandOverPage(Page):
    items: list[FicheHandOver]


class HandOverCount(ResponseModel):
    """The number of fiches of a class group in each state of their hand-over."""

    administration_id: str
    class_group: str
    open: Annotated[int, Field(ge=0, description="Not handed over.")]
    done: Annotated[int, Field(ge=0, description="Handed over.")]
    again: Annotated[
        int, Field(ge=0, description="Corrected since their hand-over, to be handed over again.")
    ]

    @classmethod
    def of(cls, row: repository.ClassGroupRow) -> Self:
        return cls(**row._asdict())


class HandOverCountPage(Page):
    items: list[HandOverCount]
