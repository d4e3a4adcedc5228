"""Parameters in paths and queries that several operations share."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query

from services.api.schemas.documents import KindOfDocument
from services.api.schemas.model import PLAIN_TEXT, SCHOOL_ID, GivenDate
from shared.documents.repository import Shelf
from shared.students.repository import Cohort

SchoolPath = Annotated[
    str,
    Path(
        alias="schoolId",
        pattern=SCHOOL_ID,
        description="The instellingsnummer: six digits.",
        examples=["000028"],
    ),
]
StudentPath = Annotated[UUID, Path(alias="studentId")]
DocumentPath = Annotated[UUID, Path(alias="documentId")]
JobPath = Annotated[UUID, Path(alias="jobId")]
DeliveryPath = Annotated[UUID, Path(alias="deliveryId")]
ClientPath = Annotated[UUID, Path(alias="clientId")]
WindowPath = Annotated[UUID, Path(alias="windowId")]
MandatePath = Annotated[UUID, Path(alias="mandateId")]

AdministrationQuery = Annotated[
    str | None,
    Query(
        alias="administrationId",
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="Only of this administration.",
    ),
]
OneAdministrationQuery = Annotated[
    str,
    Query(
        alias="administrationId",
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="The administration it is about.",
    ),
]
ClassGroupQuery = Annotated[
    str | None,
    Query(
        alias="classGroup",
        min_length=1,
        max_length=64,
        pattern=PLAIN_TEXT,
        description="Only of the class group with this name.",
    ),
]
ReferenceDateQuery = Annotated[
    GivenDate | None,
    Query(
        alias="referenceDate",
        description="Only what gives access at any time of this day in Brussels.",
    ),
]


async def cohort_of(
    school_id: SchoolPath,
    administration_id: AdministrationQuery = None,
    class_group: ClassGroupQuery = None,
) -> Cohort:
    return Cohort(school_id, administration_id, class_group)


async def shelf_of(
    school_id: SchoolPath,
    administration_id: AdministrationQuery = None,
    kind: Annotated[KindOfDocument | None, Query(description="Only of this kind.")] = None,
    class_group: ClassGroupQuery = None,
    student_id: Annotated[
        UUID | None, Query(alias="studentId", description="Only about this student.")
    ] = None,
) -> Shelf:
    return Shelf(school_id, administration_id, kind, class_group, student_id)


CohortDep = Annotated[Cohort, Depends(cohort_of)]
ShelfDep = Annotated[Shelf, Depends(shelf_of)]
