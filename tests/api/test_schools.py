import httpx
import pytest

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.schools.models import School
from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION, GONE, OTHER, SCHOOL


def ids(client: httpx.Client, path: str) -> list[str]:
    return [item["id"] for item in client.get(path).json()["items"]]


def test_a_school_reads_only_itself(school: httpx.Client) -> None:
    assert ids(school, "/v1/schools") == [SCHOOL]
    assert school.get(f"/v1/schools/{SCHOOL}").json() == {
        "href": str(school.base_url.join(f"/v1/schools/{SCHOOL}")),
        "id": SCHOOL,
        "name": f"School {SCHOOL}",
        "municipality": "Genk",
        "mainStructure": "211",
    }


def test_a_merged_school_has_all_its_predecessors(school: httpx.Client, sessions: Sessions) -> None:
    def succeed(*predecessors: str) -> None:
        with UnitOfWork(sessions) as unit:
            row = unit.session.get_one(School, SCHOOL)
            row.successor_of = [*predecessors] or None

    succeed("000019", "000027")
    assert school.get(f"/v1/schools/{SCHOOL}").json()["successorOf"] == ["000019", "000027"]
    succeed()


def test_an_operator_lists_every_participating_school(operator: httpx.Client) -> None:
    assert ids(operator, "/v1/schools") == [SCHOOL, OTHER]
    assert ids(operator, f"/v1/schools?administrationId={ADMINISTRATION}") == [SCHOOL, OTHER]
    assert ids(operator, "/v1/schools?administrationId=2025") == []


def test_an_integrator_without_a_mandate_reads_no_school(integrator: httpx.Client) -> None:
    assert integrator.get("/v1/schools").json()["total"] == 0
    assert integrator.get(f"/v1/schools/{SCHOOL}").status_code == 404


@pytest.mark.parametrize("school_id", [OTHER, GONE, "999999"])
def test_another_school_is_not_found(school: httpx.Client, school_id: str) -> None:
    assert school.get(f"/v1/schools/{school_id}").status_code == 404


def test_reading_school_names_is_not_recorded_in_the_audit_log(
    school: httpx.Client, audit_log: AuditLog
) -> None:
    school.get("/v1/schools")
    assert audit_log.entries() == []


def test_administrations_are_those_of_schools_within_reach(
    school: httpx.Client, operator: httpx.Client, integrator: httpx.Client
) -> None:
    assert school.get("/v1/administrations").json()["items"] == [
        {
            "id": ADMINISTRATION,
            "name": "Vlaamse toetsen 2024",
            "schoolYear": "2023-2024",
            "testedFrom": "2024-04-22",
            "testedUntil": "2024-05-17",
        }
    ]
    assert ids(operator, "/v1/administrations") == [ADMINISTRATION]
    assert ids(integrator, "/v1/administrations") == []


@pytest.mark.parametrize("noun", ["levelScales", "components"])
def test_code_lists_are_those_of_administrations_within_reach(
    operator: httpx.Client, integrator: httpx.Client, noun: str
) -> None:
    path = f"/v1/refData/{noun}?administrationId="
    unknown = integrator.get(f"{path}2025").json()
    assert integrator.get(f"{path}{ADMINISTRATION}").json() == unknown == {"items": [], "total": 0}
    assert operator.get(f"{path}{ADMINISTRATION}").json()["total"] > 0


def test_level_scales_list_the_lowest_level_first(school: httpx.Client) -> None:
    path = f"/v1/refData/levelScales?administrationId={ADMINISTRATION}"
    scales = school.get(path).json()["items"]
    assert [scale["code"] for scale in scales] == ["LO", "SO"]
    assert [level["code"] for level in scales[0]["levels"]] == list("EDCBA")
    assert scales[0]["levels"][0] == {"code": "E", "label": "Niveau E", "ordinal": 1}


def test_components_are_listed_without_calibrations(school: httpx.Client) -> None:
    path = f"/v1/refData/components?administrationId={ADMINISTRATION}"
    body = school.get(path).json()
    codes = [component["code"] for component in body["items"]]
    assert codes == ["LO4-LEZ", "LO4-WIS", "SO2A-LEZ"]
    assert body["total"] == len(codes)
