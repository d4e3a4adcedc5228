"""The table of operations: what each could tell, to whom it may, and the ways to ask for it.

Add a line for a new operation; `test_every_operation_is_in_the_table` fails until it is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.leaks.model import (
    NOTHING,
    SCHOOL_FEEDBACK,
    STUDENT_FEEDBACK,
    Keys,
    Knowledge,
    Requester,
    may_contain,
)
from tests.leaks.topics import (
    Ids,
    Revelation,
    Told,
    Topic,
    catalogue,
    document,
    documents,
    entries,
    fiche,
    fiches,
    figures,
    figures_told,
    findings,
    hand_over,
    link,
    own,
    own_events,
    own_of,
    public,
    registration,
    registrations,
    repeats_request,
    results,
    results_of_student,
    results_told,
    school,
    schools,
    student,
    students,
    versions,
    versions_told,
    viewed,
    viewed_component,
    viewed_told,
    visit,
    visit_with_code,
    visits,
)


@dataclass(frozen=True)
class Row:
    """An operation: its scopes, of which a token needs one, and what it tells about.

    `target` is the id in its path or body that may be one of something hidden. `filters` are the
    queries of a list. `reveals` decides about each text in the response that tells something, but
    for items of which `repeats` says that they only repeat a request of the requester. `told` finds
    the keys in a response. A school of which there is nothing `has_nothing`, instead of a 404, for
    a requester that reaches it by a mandate of the `product`, or of any without one. A list that
    `has_versions` has any number of entries for each key.
    """

    scopes: str
    topic: Topic
    target: str = ""
    filters: tuple[str, ...] = ()
    is_content: bool = False
    reveals: Revelation = may_contain
    told: Told = results_told
    product: str | None = STUDENT_FEEDBACK
    has_nothing: bool = False
    has_versions: bool = False
    repeats: Callable[[Requester, Mapping[str, Any]], bool] = lambda _requester, _item: False


COHORT = ("administrationId={administrationId}", "classGroup={classGroup}", "classGroup=9Z")
DOCUMENTS = (*COHORT, "kind=fiche", "kind=overview", "studentId={studentId}")
STATES = (*COHORT, "state=open", "state=done", "state=again")
MENTIONS = ("studentId={foreignStudentId}", "documentId={foreignDocumentId}")
OPERATORS_ONLY = "jobs:read"
PLANS = "releases:write releases:approve"
DOCUMENTS_READ = "documents:read feedback:read"
ADMINISTRATION = ("administrationId={administrationId}",)
VIEWING = "viewings:plan viewings:read"
DESK = "viewings:desk"

TABLE: dict[str, Row] = {
    "listSchools": Row("schools:read", schools),
    "getSchool": Row("schools:read", school, "schoolId"),
    "listSchoolStudents": Row("students:read", students, "schoolId", COHORT),
    "getStudent": Row("students:read", student, "studentId"),
    "listSchoolResults": Row("results:read", results, "schoolId", COHORT),
    "listStudentResults": Row("results:read", results_of_student, "studentId"),
    "listSchoolDocuments": Row(DOCUMENTS_READ, documents, "schoolId", DOCUMENTS, product=None),
    "getDocument": Row(DOCUMENTS_READ, document, "documentId"),
    "headDocumentContent": Row(DOCUMENTS_READ, document, "documentId", is_content=True),
    "getDocumentContent": Row(DOCUMENTS_READ, document, "documentId", is_content=True),
    "createDownloadGrant": Row(DOCUMENTS_READ, document, "documentId"),
    "useDownloadGrant": Row("", link, "secret", is_content=True),
    "listSchoolHandOutEntries": Row("documents:read", entries, "schoolId", COHORT),
    "listSchoolSupersededDocuments": Row(
        *(DOCUMENTS_READ, documents, "schoolId", ADMINISTRATION), has_versions=True
    ),
    "listSchoolClassGroups": Row("students:read", students, "schoolId", ADMINISTRATION),
    "searchSchoolStudents": Row("students:read", students, "schoolId"),
    "getSchoolFeedback": Row(
        *("feedback:read", figures, "schoolId"),
        told=figures_told,
        product=SCHOOL_FEEDBACK,
        has_nothing=True,
    ),
    "listSchoolFeedbackVersions": Row(
        "feedback:read", versions, "schoolId", told=versions_told, product=SCHOOL_FEEDBACK
    ),
    "listReadingGuides": Row("documents:read", public),
    "getReadingGuide": Row("documents:read", public),
    "listSchoolHandOvers": Row("handOvers:read", fiches, "schoolId", STATES),
    "listSchoolHandOverCounts": Row("handOvers:read", fiches, "schoolId", COHORT),
    "listStudentHandOvers": Row("handOvers:read", fiche, "studentId"),
    "recordHandOvers": Row("handOvers:write", fiche, "studentId"),
    "withdrawHandOvers": Row("handOvers:write", hand_over, "handOverId"),
    "listDeclarations": Row("handOvers:read declarations:write", own),
    "getDeclaration": Row(
        "handOvers:read declarations:write", own_of("declarationId"), "declarationId"
    ),
    "createDeclaration": Row("declarations:write", public),
    "withdrawDeclaration": Row("declarations:write", own_of("declarationId"), "declarationId"),
    "listAdministrations": Row("schools:read", catalogue),
    "listLevelScales": Row("schools:read", catalogue),
    "listComponents": Row("schools:read", catalogue),
    "createJob": Row("jobs:write", public),
    "listJobs": Row(OPERATORS_ONLY, public),
    "getJob": Row(OPERATORS_ONLY, public, "jobId"),
    "getJobResult": Row(OPERATORS_ONLY, public, "jobId"),
    "listJobFailures": Row(OPERATORS_ONLY, public, "jobId"),
    "streamJobEvents": Row(OPERATORS_ONLY, public, "jobId"),
    "cancelJob": Row("jobs:write", public, "jobId"),
    "retryJob": Row("jobs:write", public, "jobId"),
    "createDelivery": Row("deliveries:write", public),
    "getDelivery": Row("deliveries:write jobs:read", public, "deliveryId"),
    "listReleaseWindows": Row("releases:read", public),
    "getReleaseWindow": Row("releases:read", public),
    "listReleasePlans": Row(PLANS, public),
    "getReleasePlan": Row(PLANS, public),
    "replaceReleasePlan": Row("releases:write", public),
    "listOpenings": Row(PLANS, public),
    "getOpening": Row(PLANS, public, "openingId"),
    "getOpeningManifest": Row(PLANS, public, "openingId", reveals=findings),
    "listOpeningFindings": Row(PLANS, public, "openingId", reveals=findings),
    "verifyOpening": Row("releases:write", public, "openingId"),
    "approveOpening": Row("releases:approve", public, "openingId"),
    "listRecalls": Row(PLANS, public),
    "getRecall": Row(PLANS, public, "recallId"),
    "createRecall": Row("releases:write", public),
    "listSuccessions": Row(PLANS, public),
    "getSuccession": Row(PLANS, public, "successionId"),
    "confirmSuccession": Row("releases:approve", public),
    "revokeSuccession": Row("releases:write", public, "successionId"),
    "getViewingSettings": Row(VIEWING, public),
    "listViewingLocations": Row(VIEWING, public),
    "listViewingSlots": Row(VIEWING, public),
    "getViewingSlot": Row(VIEWING, public, "slotId"),
    "listViewingRegistrations": Row(
        "viewings:read", registrations, filters=(*ADMINISTRATION, "state=confirmed")
    ),
    "createViewingRegistration": Row("viewings:write", student, "studentId"),
    **dict.fromkeys(
        (
            *("replaceViewingSettings", "createViewingLocation", "createViewingDay"),
            *("changeViewingSlot", "listViewingDuties", "createViewingDuty"),
            "withdrawViewingDuty",
        ),
        Row("viewings:plan", public),
    ),
    **dict.fromkeys(
        ("getViewingRegistration", "getViewingConfirmation", "getViewingCalendar"),
        Row("viewings:read", registration, "registrationId"),
    ),
    **dict.fromkeys(
        ("moveViewingRegistration", "acceptViewingOffer", "cancelViewingRegistration"),
        Row("viewings:write", registration, "registrationId"),
    ),
    "lookUpRegistration": Row(DESK, visit_with_code, "code"),
    "listDeskRegistrations": Row(DESK, visits),
    "listDeskComponents": Row(DESK, viewed, "registrationId", told=viewed_told),
    "listDeskItems": Row(DESK, viewed_component, "registrationId", told=viewed_told),
    **dict.fromkeys(
        ("openDeskRegistration", "closeDeskRegistration", "annulDeskRegistration"),
        Row(DESK, visit, "registrationId"),
    ),
    "listMandates": Row("mandates:read", own),
    "getMandate": Row("mandates:read", own_of("mandateId"), "mandateId"),
    "createMandate": Row("mandates:write", public),
    "shortenMandate": Row("mandates:write", own_of("mandateId"), "mandateId"),
    "revokeMandate": Row("mandates:write", own_of("mandateId"), "mandateId"),
    "listAuditEvents": Row(
        "audit:read", public, filters=MENTIONS, reveals=own_events, repeats=repeats_request
    ),
    "listPersons": Row("clients:write", public),
    "listClients": Row("clients:write", public),
    "getClient": Row("clients:write", public, "clientId"),
    "createClient": Row("clients:write", public),
    "changeClient": Row("clients:write", public, "clientId"),
    "removeClientKey": Row("clients:write", public, "clientId"),
    "listClientChanges": Row("clients:write", public),
    "getClientChange": Row("clients:write", public, "changeId"),
    "createClientChange": Row("clients:write", public),
    "approveClientChange": Row("clients:write", public, "changeId"),
    "rejectClientChange": Row("clients:write", public, "changeId"),
    "applyClientChange": Row("clients:write", public, "changeId"),
    **dict.fromkeys(
        (
            *("issueToken", "introspectToken", "revokeToken", "addOwnKey", "removeOwnKey"),
            *("getMetadata", "getKeys", "checkHealth", "checkLiveness", "checkReadiness"),
            *("get_documentation_page", "get_openapi_document", "get_documentation_asset"),
            *("get_home_page", "get_home_style", "getMe"),
        ),
        Row("", public),
    ),
}


def verdict(
    row: Row, knowledge: Knowledge, requester: Requester, ids: Ids
) -> tuple[str, Keys | None]:
    """Return what the response has to be, and the keys that it may tell about.

    `unknown` and `forbidden` are refusals; `nothing` is the response about nothing; `something`
    may tell about the keys, or the same to everyone (None).
    """
    if row.scopes and not knowledge.is_known(requester):
        return "unknown", NOTHING
    if row.scopes and not requester.scopes & set(row.scopes.split()):
        return "forbidden", NOTHING
    keys = row.topic(knowledge, requester, ids)
    return ("nothing" if keys == NOTHING else "something"), keys
