"""Parameters in paths and queries that several operations share."""

from typing import Annotated

from fastapi import Depends, Path, Query

from services.api.schemas.documents import KindOfDocument
from services.api.schemas.model import SCHOOL_ID, RequestDate, RequestUuid
from shared.core.plain_text import PLAIN_TEXT
from shared.documents.repository import DocumentFilter
from shared.students.repository import Cohort

SchoolPath = Annotated[
    str,
    Path(
        alias="schoolId",
        pattern=SCHOOL_ID,
        description="The school number (instellingsnummer): six digits.",
        examples=["000028"],
    ),
]
StudentPath = Annotated[RequestUuid, Path(alias="studentId")]
DocumentPath = Annotated[RequestUuid, Path(alias="documentId")]
JobPath = Annotated[RequestUuid, Path(alias="jobId")]
DeliveryPath = Annotated[RequestUuid, Path(alias="deliveryId")]
ClientPath = Annotated[RequestUuid, Path(alias="clientId")]
WindowPath = Annotated[RequestUuid, Path(alias="windowId")]
MandatePath = Annotated[RequestUuid, Path(alias="mandateId")]
DeclarationPath = Annotated[RequestUuid, Path(alias="declarationId")]
OpeningPath = Annotated[RequestUuid, Path(alias="openingId")]
RecallPath = Annotated[RequestUuid, Path(alias="recallId")]
SlotPath = Annotated[RequestUuid, Path(alias="slotId")]
DutyPath = Annotated[RequestUuid, Path(alias="dutyId")]
RegistrationPath = Annotated[RequestUuid, Path(alias="registrationId")]
SuccessionPath = Annotated[RequestUuid, Path(alias="successionId")]
AdministrationPath = Annotated[
    str,
    Path(
        alias="administrationId",
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="Id of the administration.",
    ),
]

AdministrationQuery = Annotated[
    str | None,
    Query(
        alias="administrationId",
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="Only for this administration.",
    ),
]
OneAdministrationQuery = Annotated[
    str,
    Query(
        alias="administrationId",
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="The administration.",
    ),
]
ClassGroupQuery = Annotated[
    str | None,
    Query(
        alias="classGroup",
        min_length=1,
        max_length=64,
        pattern=PLAIN_TEXT,
        description="Only for the class group with this name.",
    ),
]
OneSchoolQuery = Annotated[
    str | None,
    Query(alias="schoolId", pattern=SCHOOL_ID, description="Only for this school."),
]
DayQuery = Annotated[RequestDate | None, Query(description="Only on this day, in Brussels.")]
ReferenceDateQuery = Annotated[
    RequestDate | None,
    Query(
        alias="referenceDate",
        description="Only mandates in force at any time of this day, in Brussels.",
    ),
]


async def cohort_of(
    school_id: SchoolPath,
    administration_id: AdministrationQuery = None,
    class_group: ClassGroupQuery = None,
) -> Cohort:
    return Cohort(school_id, administration_id, class_group)


async def document_filter(
    school_id: SchoolPath,
    administration_id: AdministrationQuery = None,
    kind: Annotated[
        KindOfDocument | None, Query(description="Only documents of this kind.")
    ] = None,
    class_group: ClassGroupQuery = None,
    student_id: Annotated[
        RequestUuid | None,
        Query(alias="studentId", description="Only documents about this student."),
    ] = None,
) -> DocumentFilter:
    return DocumentFilter(school_id, administration_id, kind, class_group, student_id)


CohortDep = Annotated[Cohort, Depends(cohort_of)]
DocumentFilterDep = Annotated[DocumentFilter, Depends(document_filter)]
