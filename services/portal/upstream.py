"""The API, as the portal calls it for a person: their access token, and the facts of a session."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from clients.python.api import Api
from clients.python.registered_client import RegisteredClient
from clients.python.token_auth import TokenAuth
from services.portal.sessions import Session

RENEW_BEFORE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Upstream:
    """The API at one address; all persons share its connections and the key of the portal."""

    client: RegisteredClient
    http: httpx.Client

    def api_of(self, session: Session, address: str) -> Api:
        """Return the API for the person of a session, whose browser is at the address.

        Raises:
            ApiRefusal: the person has no rights at their school, or their sign-on has ended.
        """
        headers = _forwarded_for(address)
        if session.access_ends_at - RENEW_BEFORE_SECONDS < time.time():
            self._renew(session, headers)
        auth = TokenAuth(lambda: session.access_token, self.client.proofs)
        return Api(self.http, self.client.url, auth, headers)

    def end(self, tokens: Iterable[str], address: str) -> None:
        """End access tokens, and the downloads that run with them.

        Raises:
            ApiRefusal: the portal is refused.
        """
        for token in tokens:
            self.client.revoke_token(self.http, token, _forwarded_for(address))

    def _renew(self, session: Session, headers: dict[str, str]) -> None:
        token = self.client.exchange_token(self.http, session.subject_token, headers)
        auth = TokenAuth(lambda: token.value, self.client.proofs)
        api = Api(self.http, self.client.url, auth, headers)
        me, school, administrations = api.read("/v1/me"), {}, []
        if "schoolId" in me:
            school = _facts_of_school(api, me["schoolId"], token.scopes)
        if "schools:read" in token.scopes:
            administrations = api.read("/v1/administrations?pageSize=20")["items"]
        session.subject, session.school = me["subject"], school
        session.administrations = administrations
        session.scopes = sorted(token.scopes)
        session.access_token = token.value
        session.access_ends_at = time.time() + token.expires_in


def _forwarded_for(address: str) -> dict[str, str]:
    """Return the header with the address of the browser; what a proxy made up is none."""
    return {"X-Forwarded-For": address} if address.isascii() else {}


def _facts_of_school(api: Api, school_id: str, scopes: frozenset[str]) -> dict[str, Any]:
    if "schools:read" not in scopes:
        return {"id": school_id, "name": school_id}
    school = api.read(f"/v1/schools/{school_id}")
    return {"id": school_id, "name": school["name"]}
