"""Documents of school feedback need feedback:read and the release of their own product."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from shared.access.products import Product
from shared.access.rules import Scope
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import AuditLog, Callers
from tests.api.feedback_seeding import with_report
from tests.api.seeding import ADMINISTRATION, OVERVIEW, SCHOOL, Seeded, released
from tests.releasing import add_window

LIST = f"/v1/schools/{SCHOOL}/documents"


@pytest.fixture(scope="module", name="report")
def _report(seeded: Seeded, sessions: Sessions) -> Iterator[UUID]:
    with with_report(sessions, seeded) as report:
        yield report


def add_feedback_window(sessions: Sessions) -> None:
    """Release school feedback; `released` removes all windows at its end."""
    with UnitOfWork(sessions) as unit:
        opens_at = database_now(unit.session) - timedelta(hours=1)
        add_window(unit.session, ADMINISTRATION, Product.SCHOOL_FEEDBACK, opens_at=opens_at)


def kinds(client: httpx.Client) -> set[str]:
    response = client.get(LIST)
    assert response.status_code == 200, response.text
    return {item["kind"] for item in response.json()["items"]}


def statuses(client: httpx.Client, document: UUID) -> list[int]:
    href = f"/v1/documents/{document}"
    return [
        client.get(href).status_code,
        client.head(f"{href}/content").status_code,
        client.get(f"{href}/content").status_code,
        client.post(f"{href}/grants").status_code,
    ]


ABSENT, SERVED = [404] * 4, [200, 200, 200, 201]


def test_each_scope_reads_the_documents_of_its_product(
    callers: Callers, seeded: Seeded, report: UUID, sessions: Sessions, audit_log: AuditLog
) -> None:
    of_students = callers.school(SCHOOL, Scope.DOCUMENTS_READ)
    of_school = callers.school(SCHOOL, Scope.FEEDBACK_READ)
    with released(sessions):
        add_feedback_window(sessions)
        assert kinds(of_school) == {"schoolFeedbackReport"}
        assert "schoolFeedbackReport" not in kinds(of_students)
        assert statuses(of_school, report) == SERVED
        assert statuses(of_students, report) == ABSENT
        assert audit_log.decisions()[-1] == ("createDownloadGrant", SCHOOL, "refused", "scope")
        assert statuses(of_school, seeded.documents["overview"]) == ABSENT
        assert statuses(of_students, seeded.documents["overview"]) == SERVED


def test_a_document_of_school_feedback_waits_for_its_own_release(
    callers: Callers, report: UUID, sessions: Sessions
) -> None:
    school = callers.school()
    with released(sessions):
        assert statuses(school, report) == ABSENT
        assert "schoolFeedbackReport" not in kinds(school)
        add_feedback_window(sessions)
        assert statuses(school, report) == SERVED
        assert statuses(callers.school("007947"), report) == ABSENT


def test_a_link_to_a_document_of_school_feedback_serves_it_without_a_token(
    callers: Callers, unauthenticated: httpx.Client, report: UUID, sessions: Sessions
) -> None:
    with released(sessions):
        add_feedback_window(sessions)
        school = callers.school(SCHOOL, Scope.FEEDBACK_READ)
        href = school.post(f"/v1/documents/{report}/grants").json()["href"]
        assert unauthenticated.get(href).content == OVERVIEW


def test_an_integrator_needs_a_mandate_for_the_product_of_the_document(
    integrator: httpx.Client, report: UUID, sessions: Sessions
) -> None:
    with released(sessions):
        add_feedback_window(sessions)
        assert statuses(integrator, report) == ABSENT


def test_tokens_without_either_scope_are_forbidden(callers: Callers) -> None:
    assert callers.school(SCHOOL, Scope.RESULTS_READ).get(LIST).status_code == 403
