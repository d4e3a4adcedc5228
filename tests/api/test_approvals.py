"""Approvals of openings, and the ways around them that others have found."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.releases.models import Manifest, Opening
from tests.api.approved_releases import (
    DAY,
    Release,
    change_a_student,
    planning,
    problem,
    window,
)
from tests.api.conftest import Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import SCHOOL


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "planner", "first", "second", "third")


@pytest.fixture
def release(
    sessions: Sessions, persons: Sequence[Operator], settings: Settings
) -> Iterator[Release]:
    with planning(sessions, persons, settings) as release:
        yield release


def test_what_two_persons_approved_opens_at_its_moment(
    release: Release, school: httpx.Client
) -> None:
    opening = release.approved()
    documents = f"/v1/schools/{SCHOOL}/documents"
    assert school.get(documents).json()["total"] == 0
    release.pass_time(DAY)
    assert release.state(opening) == ("open", None)
    assert school.get(documents).json()["total"] > 0


def test_one_person_is_not_enough(release: Release, school: httpx.Client) -> None:
    opening = release.planned()
    manifest = release.verify(opening)
    assert release.approve(opening, manifest, 1).status_code == 200
    again = release.approve(opening, manifest, 1)
    assert (again.status_code, problem(again)) == (409, "alreadyApproved")
    release.pass_time(DAY)
    assert release.state(opening) == ("blocked", "approvalsMissing")
    assert school.get(f"/v1/schools/{SCHOOL}/documents").json()["total"] == 0


def test_one_person_with_two_clients_counts_once(
    release: Release, sessions: Sessions, callers: Callers
) -> None:
    opening = release.planned()
    manifest = release.verify(opening)
    assert release.approve(opening, manifest, 1).status_code == 200
    person = release.persons[1].person_id
    scopes = ["releases:approve", "releases:write", "releases:read"]
    with UnitOfWork(sessions) as unit:
        other = {"name": "second client", "kind": "operator", "scopes": scopes}
        new = insert(Client).values(other | {"person_id": person}).returning(Client.id)
        client_id = unit.session.execute(new).scalar_one()
    second = Operator(callers, person, client_id)
    body = {"manifestHash": manifest}
    refused = second.api.post(f"/v1/openings/{opening}/approve", json=body)
    assert problem(refused) == "alreadyApproved"
    assert release.state(opening) == ("planned", "approvalsMissing")


def test_a_renamed_client_is_the_same_person(release: Release) -> None:
    opening = release.planned()
    manifest = release.verify(opening)
    assert release.approve(opening, manifest, 1).status_code == 200
    client = f"/v1/clients/{release.persons[1].client_id}"
    admin = release.persons[0]
    renamed = admin.api.patch(client, json={"name": "another name"})
    assert renamed.status_code == 200
    assert problem(release.approve(opening, manifest, 1)) == "alreadyApproved"


def test_nobody_approves_what_they_planned(release: Release) -> None:
    opening = release.planned()
    refused = release.approve(opening, release.verify(opening), 0)
    assert (refused.status_code, problem(refused)) == (403, "missingPermission")
    release.plan(window(datetime.now(UTC) + 2 * DAY), person=1)
    (changed,) = (
        one["id"]
        for one in release.persons[0].api.get("/v1/openings").json()["items"]
        if one["state"] == "planned"
    )
    manifest = release.verify(changed)
    assert release.approve(changed, manifest, 1).status_code == 403
    for person, status in ((0, 200), (2, 200)):
        assert release.approve(changed, manifest, person).status_code == status


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_approvals_are_never_enough(
    release: Release, sessions: Sessions, settings: Settings, number: int
) -> None:
    release.planned()
    with pytest.raises(IntegrityError, match="two_persons_approve"), UnitOfWork(sessions) as unit:
        unit.session.execute(update(Opening).values(approvals_needed=number))
    with pytest.raises(ValidationError):
        Settings.model_validate(settings.model_dump() | {"release_approvals": number})


def test_an_approval_of_an_older_manifest_does_not_count(
    release: Release, sessions: Sessions
) -> None:
    opening = release.planned()
    first = release.verify(opening)
    assert release.approve(opening, first, 1).status_code == 200
    change_a_student(sessions)
    assert problem(release.approve(opening, first, 2)) == "manifestOutdated"
    second = release.verify(opening)
    assert second != first
    assert problem(release.approve(opening, first, 2)) == "manifestOutdated"
    assert release.approve(opening, second, 2).status_code == 200
    assert release.state(opening) == ("planned", "approvalsMissing")


def test_an_approver_who_is_suspended_before_it_does_not_count(release: Release) -> None:
    opening = release.approved()
    client = f"/v1/clients/{release.persons[2].client_id}"
    suspended = release.persons[1].api.patch(client, json={"state": "suspended"})
    assert suspended.status_code == 200, suspended.text
    assert release.state(opening) == ("planned", "approvalsMissing")
    release.pass_time(DAY)
    assert release.state(opening) == ("blocked", "approvalsMissing")


def test_an_approver_who_is_suspended_after_it_closes_nothing(release: Release) -> None:
    opening = release.approved()
    release.pass_time(DAY)
    client = f"/v1/clients/{release.persons[2].client_id}"
    assert release.persons[1].api.patch(client, json={"state": "suspended"}).status_code == 200
    assert release.state(opening) == ("open", None)


def test_an_approval_after_the_moment_is_refused(release: Release) -> None:
    opening = release.planned()
    manifest = release.verify(opening)
    assert release.approve(opening, manifest, 1).status_code == 200
    release.pass_time(DAY)
    assert problem(release.approve(opening, manifest, 2)) == "openingPassed"
    assert release.state(opening) == ("blocked", "approvalsMissing")


def test_an_approval_that_expires_before_the_moment_can_be_given_again(release: Release) -> None:
    opening = release.planned(timedelta(days=4))
    manifest = release.verify(opening)
    for person in (1, 2):
        assert release.approve(opening, manifest, person).status_code == 200
    assert release.state(opening) == ("planned", "approvalsMissing")
    release.pass_time(2 * DAY)
    for person in (1, 2):
        assert release.approve(opening, manifest, person).status_code == 200
    assert release.state(opening) == ("ready", None)


def test_a_change_of_facts_voids_the_approvals_of_its_administration(
    release: Release, sessions: Sessions
) -> None:
    opening = release.approved()
    change_a_student(sessions, "another")
    assert release.state(opening) == ("ready", None)
    change_a_student(sessions)
    assert release.state(opening) == ("planned", "manifestOutdated")
    manifest = release.verify(opening)
    for person in (1, 2):
        assert release.approve(opening, manifest, person).status_code == 200
    assert release.state(opening) == ("ready", None)


def test_a_change_of_facts_after_it_closes_nothing(release: Release, sessions: Sessions) -> None:
    opening = release.approved()
    release.pass_time(DAY)
    change_a_student(sessions)
    assert release.state(opening) == ("open", None)


def test_a_change_of_the_plan_voids_what_it_concerns_only(release: Release) -> None:
    september, january = (datetime.now(UTC) + days * DAY for days in (1, 2))
    feedback = "schoolFeedback"
    calibration = window(january, feedback, component="SO2A-KAL")
    planned = release.plan(window(september, feedback), calibration).json()
    for opening in planned["changedOpenings"]:
        manifest = release.verify(opening)
        for person in (1, 2):
            assert release.approve(opening, manifest, person).status_code == 200
    later = september + timedelta(hours=1)
    release.plan(window(later, feedback), calibration)
    states = {
        tuple(one["components"]): one["state"]
        for one in release.persons[0].api.get("/v1/openings").json()["items"]
        if one["state"] != "withdrawn"
    }
    assert states == {("SO2A-KAL",): "ready", ("LO4-LEZ", "LO4-WIS", "SO2A-LEZ"): "planned"}


def test_a_change_of_the_days_of_viewing_voids_the_fiches_that_name_them(release: Release) -> None:
    opens_at = datetime.now(UTC) + DAY
    viewing = window(opens_at, "testViewing")
    planned = release.plan(window(opens_at), viewing).json()
    student, *_ = (
        one["id"]
        for one in release.persons[0].api.get("/v1/openings").json()["items"]
        if one["product"] == "studentFeedback"
    )
    assert student in planned["changedOpenings"]
    manifest = release.verify(student)
    for person in (1, 2):
        assert release.approve(student, manifest, person).status_code == 200
    later = release.plan(window(opens_at), window(opens_at + DAY, "testViewing"))
    assert student in later.json()["changedOpenings"]
    assert release.state(student) == ("planned", "manifestOutdated")


def test_an_incomplete_or_unsigned_manifest_is_not_approved(
    release: Release, sessions: Sessions
) -> None:
    opening = release.planned()
    manifest = release.verify(opening)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(Manifest).values(is_complete=False))
    assert problem(release.approve(opening, manifest, 1)) == "manifestIncomplete"
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(Manifest).values(is_complete=True, signature="e30..e30"))
    assert problem(release.approve(opening, manifest, 1)) == "manifestNotSigned"
