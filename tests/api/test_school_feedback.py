"""School feedback through the API: figures of the caller's school, component by component."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, insert

from shared.access.products import Product
from shared.access.rules import Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.school_feedback.figures import (
    ComponentFigures,
    FigureLevel,
    FigureRow,
    MeanScore,
    NotTested,
    Reference,
    ReferenceKind,
    ReferenceName,
    RowKind,
)
from shared.school_feedback.models import SchoolFeedbackSnapshot
from shared.school_feedback.stored_figures import figures_to_json
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.releasing import add_recall, add_window, close_everything

FEEDBACK = f"/v1/schools/{SCHOOL}/feedback?administrationId={ADMINISTRATION}"
VERSIONS = f"/v1/schools/{SCHOOL}/feedback/versions?administrationId={ADMINISTRATION}"
NOW = datetime(2024, 9, 1, tzinfo=UTC)


def figures(component: str, version: int) -> ComponentFigures:
    levels = (
        FigureLevel("B", "Niveau B", 1, attains_basic_literacy=False),
        FigureLevel("A", "Niveau A", 2, attains_basic_literacy=True),
    )
    rows = (
        FigureRow(RowKind.SCHOOL, counts=(10 + version, 12), not_assigned=1),
        FigureRow(RowKind.CLASS_GROUP, "4A", "1", "Station Street"),
    )
    return ComponentFigures(
        component=component,
        name=f"Onderdeel {component}",
        subject="wiskunde",
        position=1,
        is_calibration=component == "SO2A-KAL",
        levels=levels,
        rows=rows,
        mean=MeanScore(201.25, 3.5),
        not_tested=NotTested(7, None, None),
        references=(
            Reference(ReferenceName.FLANDERS, ReferenceKind.COMPUTED, shares=(0.25, 0.75)),
            Reference(ReferenceName.SIMILAR, ReferenceKind.DELIVERED, basic_literacy=0.5),
        ),
        has_late_corrections=version == 1,
        version=version,
        reason="first" if version == 1 else "correctionsLeftOut",
        computed_at=NOW + timedelta(days=version),
    )


@pytest.fixture(autouse=True)
def _snapshots(sessions: Sessions, seeded: Seeded) -> Iterator[None]:
    """Add two versions of each component of the school, and one of another school."""
    with UnitOfWork(sessions) as unit:
        for school, versions in ((SCHOOL, (1, 2)), (OTHER, (1,))):
            for code, component_id in seeded.components.items():
                for version in versions:
                    found = figures(code, version)
                    values: dict[str, Any] = {
                        "administration_id": ADMINISTRATION,
                        "school_id": school,
                        "component_id": component_id,
                        "version": version,
                        "reason": found.reason,
                        "figures": figures_to_json(found),
                        "audit": {"isPassed": True},
                        "computed_at": found.computed_at,
                    }
                    unit.session.execute(insert(SchoolFeedbackSnapshot).values(values))
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(SchoolFeedbackSnapshot))
        close_everything(unit.session)


def open_feedback(sessions: Sessions, *components: str, opens_in: int = -1) -> None:
    with UnitOfWork(sessions) as unit:
        opens_at = datetime.now(UTC) + timedelta(hours=opens_in)
        for component in components:
            add_window(
                unit.session,
                ADMINISTRATION,
                Product.SCHOOL_FEEDBACK,
                component=component,
                opens_at=opens_at,
            )


def components_in(client: httpx.Client) -> list[str]:
    response = client.get(FEEDBACK)
    assert response.status_code == 200, response.text
    groups = response.json()["targetGroups"]
    return [one["component"] for group in groups for one in group["components"]]


def test_a_school_reads_the_latest_version_of_released_components(
    sessions: Sessions, school: httpx.Client
) -> None:
    assert components_in(school) == []
    open_feedback(sessions, "LO4-WIS", "SO2A-KAL")
    open_feedback(sessions, "SO2A-LEZ", opens_in=1)
    assert components_in(school) == ["LO4-WIS", "SO2A-KAL"]
    body = school.get(FEEDBACK).json()
    assert body["self"].endswith(FEEDBACK)
    first = body["targetGroups"][0]["components"][0]
    assert (first["version"], first["reason"]) == (2, "correctionsLeftOut")
    assert first["hasLateCorrections"] is False
    assert first["school"] == {
        "kind": "school",
        "isHidden": False,
        "students": 24,
        "counts": [12, 12],
        "percentages": [50, 50],
        "basicLiteracy": 12,
        "notAssigned": 1,
    }
    assert first["classGroups"] == [
        {
            "kind": "classGroup",
            "classGroup": "4A",
            "site": "1",
            "siteName": "Station Street",
            "isHidden": True,
        }
    ]
    assert first["mean"] == {"value": 201.25, "standardError": 3.5}
    assert first["notTested"] == {"absent": 7}
    assert [one["kind"] for one in first["references"]] == ["computed", "delivered"]


def test_versions_are_listed_of_released_components_alone(
    sessions: Sessions, school: httpx.Client
) -> None:
    assert school.get(VERSIONS).json()["total"] == 0
    open_feedback(sessions, "LO4-WIS")
    listed = school.get(VERSIONS).json()
    assert [(one["component"], one["version"]) for one in listed["items"]] == [
        ("LO4-WIS", 1),
        ("LO4-WIS", 2),
    ]


def test_a_recall_and_the_end_of_a_window_close_the_figures(
    sessions: Sessions, school: httpx.Client
) -> None:
    open_feedback(sessions, "LO4-WIS")
    assert components_in(school) == ["LO4-WIS"]
    with UnitOfWork(sessions) as unit:
        add_recall(unit.session, ADMINISTRATION, Product.SCHOOL_FEEDBACK, school_id=SCHOOL)
    assert components_in(school) == []
    assert school.get(VERSIONS).json()["total"] == 0


def test_another_school_and_a_token_without_the_scope_get_nothing(
    sessions: Sessions, other: httpx.Client, callers: Callers
) -> None:
    open_feedback(sessions, "LO4-WIS")
    for path in (FEEDBACK, VERSIONS):
        assert other.get(path).status_code == 404
        denied = callers.school(SCHOOL, Scope.RESULTS_READ).get(path)
        assert (denied.status_code, denied.json()["requiredScopes"]) == (403, ["feedback:read"])


def test_each_read_is_in_the_audit_log_of_the_school(
    school: httpx.Client, audit_log: AuditLog
) -> None:
    school.get(FEEDBACK)
    school.get(VERSIONS)
    assert audit_log.decisions() == [
        ("getSchoolFeedback", SCHOOL, "allowed", "granted"),
        ("listSchoolFeedbackVersions", SCHOOL, "allowed", "granted"),
    ]


def test_an_unknown_parameter_and_a_missing_one_are_refused(school: httpx.Client) -> None:
    assert school.get(f"/v1/schools/{SCHOOL}/feedback").status_code == 400
    assert school.get(f"{FEEDBACK}&classGroup=4A").status_code == 400
