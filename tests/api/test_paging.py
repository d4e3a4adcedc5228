"""Pages of every list while another process changes the lists.

The environment variable `PAGING_RUNS` sets how often all lists are read; `make paging` reads them
500 times.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from clients.python.token_auth import TokenAuth
from services.api.openapi import build_openapi
from shared.access.products import Product
from shared.access.rules import CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import Callers
from tests.api.list_changes import DELIVERED, Lists, change_lists
from tests.api.seeding import ADMINISTRATION, LONG_AGO, OTHER, SCHOOL, Seeded, release
from tests.operations import operations_of
from tests.releasing import add_window

RUNS = int(os.environ.get("PAGING_RUNS", "3"))
PATHS = {
    "listSchools": "/v1/schools",
    "listSchoolStudents": f"/v1/schools/{SCHOOL}/students",
    "listSchoolClassGroups": f"/v1/schools/{SCHOOL}/classGroups",
    "listSchoolResults": f"/v1/schools/{SCHOOL}/results",
    "listStudentResults": "/v1/students/{studentId}/results",
    "listSchoolDocuments": f"/v1/schools/{SCHOOL}/documents?kind=fiche",
    "listSchoolHandOvers": f"/v1/schools/{SCHOOL}/handOvers",
    "listSchoolHandOverCounts": f"/v1/schools/{SCHOOL}/handOverCounts",
    "listStudentHandOvers": "/v1/students/{studentId}/handOvers",
    "listDeclarations": "/v1/declarations",
    "listReadingGuides": "/v1/readingGuides",
    "listSchoolSupersededDocuments": f"/v1/schools/{SCHOOL}/supersededDocuments",
    "listSchoolHandOutEntries": f"/v1/schools/{SCHOOL}/handOutEntries?administrationId=2024",
    "listSchoolFeedbackVersions": f"/v1/schools/{SCHOOL}/feedback/versions?administrationId=2024",
    "listAdministrations": "/v1/administrations",
    "listJobs": "/v1/jobs",
    "listJobFailures": "/v1/jobs/{jobId}/failures",
    "listReleaseWindows": "/v1/releaseWindows",
    "listReleasePlans": "/v1/releasePlans",
    "listOpenings": "/v1/openings",
    "listOpeningFindings": "/v1/openings/{openingId}/findings",
    "listRecalls": "/v1/recalls",
    "listSuccessions": "/v1/successions",
    "listMandates": "/v1/mandates",
    "listAuditEvents": "/v1/auditEvents",
    "listPersons": "/v1/persons",
    "listClientChanges": "/v1/clientChanges",
    "listClients": "/v1/clients",
    "listViewingLocations": "/v1/viewings/locations",
    "listViewingSlots": "/v1/viewings/slots",
    "listViewingRegistrations": "/v1/viewings/registrations",
    "listViewingDuties": "/v1/viewings/duties",
}
PAGE_SIZES = dict.fromkeys(PATHS, 7) | {
    "listReadingGuides": 3,
    "listStudentResults": 1,
    "listAuditEvents": 100,
}
OF_A_SCHOOL = {"listSchoolStudents", "listSchoolResults", "listStudentResults"}
"""Lists of which pupils change their place; in the others, rows come and go only."""

OF_OPERATORS = (
    *("/v1/jobs", "/v1/persons", "/v1/client"),
    *("/v1/releasePlans", "/v1/openings", "/v1/recalls", "/v1/viewings/duties"),
    "/v1/successions",
)

Item = tuple[Any, ...]
Reader = Callable[[str], list[Item]]


def identity(item: dict[str, Any]) -> Item:
    """Return what an item of any list is about, in all its versions."""
    names = ["id", "schoolId", "component", "position", "item", "subject", "language"]
    names += ["documentId", "version", "administrationId", "code"]
    names += ["classGroup"] if {"again", "students"} & item.keys() else []
    student = item.get("student", {}).get("id")
    return student, *(item.get(name) for name in names)


def pages(client: httpx.Client, path: str, page_size: int) -> Iterator[dict[str, Any]]:
    link: str | None = str(httpx.URL(path).copy_merge_params({"pageSize": page_size}))
    while link:
        response = client.get(link)
        assert response.status_code == 200, response.text
        yield response.json()
        link = response.json().get("next")


@pytest.fixture(scope="module")
def api_settings(settings_of: Callable[[str], Settings]) -> Settings:
    unlimited = dict.fromkeys(
        ("api_school_requests_per_minute", "api_client_requests_per_minute"), 10_000_000
    )
    return settings_of("api").model_copy(update=unlimited)


@pytest.fixture(scope="module")
def lists(seeded: Seeded, sessions: Sessions, tmp_path_factory: pytest.TempPathFactory) -> Lists:
    lists = Lists(seeded, seed=1)
    with UnitOfWork(sessions) as unit:
        lists.seed(unit.session, tmp_path_factory.mktemp("delivery"))
        release(unit)
        of_feedback = ADMINISTRATION, Product.SCHOOL_FEEDBACK
        add_window(unit.session, *of_feedback, component="LO4-WIS", opens_at=LONG_AGO)
        opens_at = datetime.now(UTC) - timedelta(hours=1)
        add_window(unit.session, DELIVERED, opens_at=opens_at)
    return lists


@pytest.fixture(scope="module")
def read(callers: Callers, seeded: Seeded, lists: Lists) -> Reader:
    """Return a function that reads all pages of a list by its `operationId`."""

    def renewing(kind: CallerKind, school_id: str | None = None) -> httpx.Client:
        client = callers.client()
        client.auth = TokenAuth(lambda: callers.token(kind, school_id), callers.key)
        return client

    school, other = (renewing(CallerKind.SCHOOL, number) for number in (SCHOOL, OTHER))
    operator = renewing(CallerKind.OPERATOR)
    ids = {"jobId": seeded.job, "studentId": seeded.students["first"]}
    ids["openingId"] = lists.opening

    def read(name: str) -> list[Item]:
        path, client = PATHS[name].format_map(ids), school
        if name == "listAuditEvents":
            client = other
        elif name in {"listSchools", "listAdministrations", "listReleaseWindows"} or (
            path.startswith(OF_OPERATORS)
        ):
            client = operator
        found = pages(client, path, PAGE_SIZES[name])
        return [identity(item) for page in found for item in page["items"]]

    return read


@contextmanager
def changing(settings: Settings, lists: Lists, directory: Path) -> Iterator[Callable[[], int]]:
    """Change the lists in another process; yield a function that counts the deliveries so far."""
    spawn = get_context("spawn")
    stopped, steps = spawn.Event(), spawn.Value("i", 0)
    process = spawn.Process(
        target=change_lists, args=(settings, lists, directory, stopped, steps), daemon=True
    )
    process.start()
    try:
        while steps.value == 0:
            assert process.is_alive()
        yield lambda: steps.value
    finally:
        stopped.set()
        process.join(60)
    assert process.exitcode == 0


def test_every_list_is_read(app: FastAPI) -> None:
    paged = {
        name
        for name, operation in build_openapi(app)["paths"].items()
        for parameter in operation.get("get", {}).get("parameters", ())
        if parameter["name"] == "after"
    }
    assert {operations_of(app)[name].path for name in PATHS} == paged


def test_nobody_is_missed_or_read_twice_while_lists_change(
    read: Reader,
    lists: Lists,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # the other process imports `tests`
    stable = {name: read(name) for name in PATHS}
    for name, items in stable.items():
        assert len(items) == len(set(items)) > PAGE_SIZES[name], name
    with changing(settings, lists, tmp_path) as deliveries:
        for _ in range(RUNS):
            before = deliveries()
            for name, expected in stable.items():
                found = read(name)
                kept = set(expected)
                assert [item for item in found if item in kept] == expected, name
                assert name in OF_A_SCHOOL or len(found) == len(set(found)), name
            assert deliveries() > before
