"""People who are viewing officers: their tokens, their own duties, and the end of their role."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from clients.python.token_auth import TokenAuth
from services.api.app import create_app
from shared.core.clock import BRUSSELS
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.oauth.clients.rules import ClientKind
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.api.conftest import serve
from tests.api.oauth_clients import HTTP, OAuthClient, register_client
from tests.api.seeding import SCHOOL, Seeded
from tests.oauth.provider_process import RULES, OpenIdProvider, openid_provider
from tests.viewings.seeding import Viewing, seed_viewing, viewing_opened

DESK, DUTIES = "/v1/viewings/desk", "/v1/viewings/duties"
OFFICERS = {"target_group": "GID", "organisation": "OVO000001", "role": "Inzagebegeleider"}
TODAY = datetime.now(BRUSSELS).date().isoformat()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def viewing(sessions: Sessions, seeded: Seeded) -> Iterator[Viewing]:
    rows = seed_viewing(sessions, seeded)
    with viewing_opened(sessions):
        yield rows


@pytest.fixture(scope="module")
def portal(
    api_settings: Settings, provider: OpenIdProvider, viewing: Viewing
) -> Iterator[OAuthClient]:
    file = provider.key_file.with_name("provider.json")
    described = provider.settings(claims=RULES | {"officers": OFFICERS})
    file.write_text(described.model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serve(app) as url:
        yield register_client(viewing.sessions, url, ClientKind.PORTAL)


@pytest.fixture(scope="module")
def operator(portal: OAuthClient, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, portal.url, ClientKind.OPERATOR)


def exchange(portal: OAuthClient, token: str) -> httpx.Response:
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "grant_type": GRANT_TYPE}
    return portal.request_token(**form)


def token_of(provider: OpenIdProvider, subject: str, **changes: Any) -> str:
    organisation = OFFICERS["organisation"]
    of = {"vo_id": subject, "vo_doelgroepcode": "GID", "vo_orgcode": organisation}
    role = {"toetsfeedback_rol_3d": [f"{OFFICERS['role']}:{organisation}"]}
    return provider.token(**of | role | changes)


@dataclass(frozen=True)
class SignedOn:
    """A person with an access token, and the proofs of the portal."""

    portal: OAuthClient
    token: str

    def get(self, path: str) -> httpx.Response:
        return self._send("GET", path)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        auth = TokenAuth(lambda: self.token, self.portal.proofs)
        return HTTP.request(method, f"{self.portal.url}{path}", json=body, auth=auth)


def officer(portal: OAuthClient, provider: OpenIdProvider, subject: str) -> SignedOn:
    response = exchange(portal, token_of(provider, subject))
    assert response.status_code == 200, response.text
    return SignedOn(portal, response.json()["access_token"])


def names_seen_by(person: SignedOn) -> list[str]:
    return [one["familyName"] for one in person.get(f"{DESK}/registrations").json()["items"]]


def plan_duty(
    operator: OAuthClient, client: OAuthClient, viewing: Viewing, subject: str | None
) -> httpx.Response:
    body = {"clientId": client.id, "locationId": str(viewing.location), "day": TODAY}
    return operator.request("POST", DUTIES, body | ({"subject": subject} if subject else {}))


def register_today(viewing: Viewing, school: httpx.Client) -> None:
    """Register a student for a slot, and let that be today."""
    slot = viewing.slot(3)
    of = {"studentId": str(viewing.seeded.students["first"]), "slotId": str(slot)}
    made = school.post("/v1/viewings/registrations", json=of)
    assert made.status_code == 201, made.text
    viewing.run_now(slot)


def test_an_officer_gets_a_token_of_no_school(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    response = exchange(portal, token_of(provider, "ilse"))
    assert response.json()["scope"] == "viewings:desk"
    person = SignedOn(portal, response.json()["access_token"])
    me = person.get("/v1/me").json()
    assert (me["kind"], me["subject"], me["clientId"]) == ("officer", "ilse", portal.id)
    assert "schoolId" not in me
    assert names_seen_by(person) == []
    assert person.get(f"/v1/schools/{SCHOOL}").status_code == 403


def test_a_duty_is_that_of_one_person(
    portal: OAuthClient,
    operator: OAuthClient,
    provider: OpenIdProvider,
    viewing: Viewing,
    school: httpx.Client,
) -> None:
    register_today(viewing, school)
    ilse, other = (officer(portal, provider, name) for name in ("ilse", "other"))
    made = plan_duty(operator, portal, viewing, "ilse")
    assert (made.status_code, made.json()["subject"]) == (201, "ilse")
    assert names_seen_by(ilse) == ["Familie-first"]
    assert names_seen_by(other) == []
    wrong = [ilse.post(f"{DESK}/lookUps", {"code": "0000000000"}) for _ in range(6)]
    assert [one.status_code for one in wrong] == [404] * 5 + [429]
    assert other.post(f"{DESK}/lookUps", {"code": "0000000000"}).status_code == 404
    newest = school.get("/v1/auditEvents").json()["items"]
    seen = [one for one in newest if one["action"] == "listDeskRegistrations"]
    assert [one["callerSubject"] for one in seen] == ["ilse"]
    viewing.clear()


def test_a_duty_names_an_officer_or_a_person_of_a_portal(
    portal: OAuthClient, operator: OAuthClient, viewing: Viewing, sessions: Sessions
) -> None:
    program = register_client(sessions, portal.url, ClientKind.OFFICER)
    assert plan_duty(operator, portal, viewing, None).status_code == 400
    assert plan_duty(operator, program, viewing, "ilse").status_code == 400
    assert plan_duty(operator, program, viewing, None).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"vo_orgcode": "OVO000002"},
        {"vo_doelgroepcode": "OV"},
        {"toetsfeedback_rol_3d": ["Inzagebegeleider:OVO000002"]},
        {"toetsfeedback_rol_3d": [f"Raadpleger:{SCHOOL}"], "vo_orgcode": SCHOOL},
    ],
)
def test_others_of_the_target_group_are_no_officers(
    portal: OAuthClient, provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    refused = exchange(portal, token_of(provider, f"person-{uuid4()}", **changes))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_a_role_that_ended_ends_earlier_tokens(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    person = officer(portal, provider, "leaver")
    assert person.get(f"{DESK}/registrations").status_code == 200
    refused = exchange(portal, token_of(provider, "leaver", toetsfeedback_rol_3d=[]))
    assert refused.status_code == 400
    assert person.get(f"{DESK}/registrations").status_code == 403


def test_a_person_is_an_officer_and_at_a_school_with_separate_tokens(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    at_school = {"vo_doelgroepcode": "OV", "vo_orgcode": SCHOOL}
    role = {"toetsfeedback_rol_3d": [f"Raadpleger:{SCHOOL}"]}
    teacher = exchange(portal, token_of(provider, "both", **at_school, **role)).json()
    desk = officer(portal, provider, "both")
    assert "viewings:desk" not in teacher["scope"]
    person = SignedOn(portal, teacher["access_token"])
    assert person.get(f"/v1/schools/{SCHOOL}").status_code == 200
    assert desk.get(f"{DESK}/registrations").status_code == 200
