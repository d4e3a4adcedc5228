"""JSON of hand-out lists: who has a fiche, and who has none and why."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseModel
from services.api.schemas.results import StudentReference
from shared.documents.hand_out_lists.content import MissingReason
from shared.documents.hand_out_lists.repository import HandOutRow
from shared.documents.texts import DUTCH


class FicheReference(ResponseModel):
    id: UUID
    href: Link


class MissingFiche(ResponseModel):
    """The reason for which there is no fiche, with texts for people at the school, in Dutch."""

    reason: Annotated[
        str,
        Field(
            description="`withheld`, `notAssigned` or `noResult`: no component can be shown. "
            "`undrawableText` or `overfullFiche`: the fiche could not be made. More may follow.",
            examples=["undrawableText"],
        ),
    ]
    title: Annotated[str, Field(examples=["Teken niet af te drukken"])]
    explanation: Annotated[
        str, Field(examples=["Een naam bevat een teken dat niet kan worden afgedrukt."])
    ]
    remedy: Annotated[
        str,
        Field(description="What the school can do.", examples=["Meld het aan het steunpunt."]),
    ]

    @classmethod
    def of(cls, reason: MissingReason) -> Self:
        words = DUTCH.hand_out.missing[reason]
        return cls(
            reason=reason, title=words.name, explanation=words.explanation, remedy=words.remedy
        )


class HandOutEntry(ResponseModel):
    """A student on the hand-out list of the class group: either `fiche` or `missing` is present."""

    student: StudentReference
    administration_id: str
    class_group: str
    family_name: Annotated[str, Field(examples=["Achternaam"])]
    given_name: Annotated[str, Field(examples=["Voornaam"])]
    stamnummer: Annotated[
        str | None, Field(description="The number that the school gave the student.")
    ] = None
    fiche: FicheReference | None = None
    missing: MissingFiche | None = None

    @classmethod
    def of(cls, row: HandOutRow, links: Links) -> Self:
        student, class_group, fiche_id, reason = row
        return cls(
            student=StudentReference(id=student.id, href=links.student(student.id)),
            administration_id=student.administration_id,
            class_group=class_group,
            family_name=student.family_name,
            given_name=student.given_name,
            stamnummer=student.stamnummer,
            fiche=fiche_id and FicheReference(id=fiche_id, href=links.document(fiche_id)),
            missing=None if fiche_id or not reason else MissingFiche.of(MissingReason(reason)),
        )


class HandOutEntryPage(Page):
    items: list[HandOutEntry]
