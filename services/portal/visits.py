"""A request of a person who is signed on, and the pages and redirects that respond to it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from clients.python.api import Api
from services.portal.pages import Pages
from services.portal.sessions import Session

SEE_OTHER = 303
MAX_NAME = 100
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Form = Mapping[str, Sequence[str]]

MENU = (
    ("home", "/", None),
    ("class_groups", "/klassen", "students:read"),
    ("fiches", "/fiches", "documents:read"),
    ("hand_overs", "/overhandigen", "handOvers:read"),
    ("overview", "/overzicht", "documents:read"),
    ("school_feedback", "/schoolfeedback", "feedback:read"),
    ("viewing", "/inzage", "viewings:read"),
    ("sharing", "/delen", "mandates:read"),
    ("audit", "/wie-keek", "audit:read"),
    ("help", "/hulp", None),
    ("desk", "/balie", "viewings:desk"),
)
"""The pages by their names in the texts, with the scope that a person needs to see one; without a
scope all people at a school do."""


class PageNotFoundError(Exception):
    """A page that does not exist for this person."""


@dataclass
class Visit:
    """A request with its session; `form` has the fields of a POST, without the form token."""

    request: Request
    session: Session
    pages: Pages
    open_api: Callable[[str], Api]
    form: Form = field(default_factory=dict)
    _api: Api | None = None

    @property
    def address(self) -> str:
        """The address of the browser."""
        return self.request.client.host if self.request.client else ""

    @property
    def api(self) -> Api:
        """The API for this person; the first use may renew the access token.

        No `cached_property`: it would let all persons wait for one another (until Python 3.12).
        """
        if self._api is None:
            self._api = self.open_api(self.address)
        return self._api

    @property
    def is_officer(self) -> bool:
        """True for a viewing officer, who belongs to no school."""
        return self.may("viewings:desk")

    def may(self, scope: str) -> bool:
        return scope in self.session.scopes

    def _sees(self, scope: str | None) -> bool:
        return not self.is_officer if scope is None else self.may(scope)

    def value(self, name: str) -> str:
        """Return a field of the form or the query; empty if there is none."""
        fields = self.form.get(name)
        return fields[0] if fields else str(self.request.query_params.get(name, ""))

    @property
    def administration(self) -> dict[str, Any]:
        """The administration that was chosen, or the newest one; empty if there is none."""
        wanted = self.value("afname")
        offered = self.session.administrations
        chosen = [one for one in offered if one["id"] == wanted]
        return chosen[0] if chosen else (offered[0] if offered and not wanted else {})

    @property
    def administration_id(self) -> str:
        """The id of the chosen administration; raise PageNotFoundError if there is none."""
        if not self.administration:
            raise PageNotFoundError
        return str(self.administration["id"])

    def identifier(self, name: str) -> str:
        """Return a field that is an id of the API; raise PageNotFoundError for anything else."""
        value = self.value(name)
        if not UUID.fullmatch(value):
            raise PageNotFoundError
        return value

    def day(self, name: str) -> str:
        """Return a field that is a date; empty for anything else."""
        try:
            return date.fromisoformat(self.value(name)).isoformat()
        except ValueError:
            return ""

    def find_students(self, name: str) -> list[dict[str, Any]]:
        """Return the students that pages show whose names begin so; no URL names a person."""
        wanted = name.strip()[:MAX_NAME]
        if not any(map(str.isalnum, wanted)):
            return []
        body = {"administrationId": self.administration_id, "name": wanted}
        path = f"/v1/schools/{quote(self.session.school['id'])}/students/search"
        response = self.api.request("POST", path, body) or {"items": []}
        return [one for one in response["items"] if self.shows(one["classGroup"])]

    def class_group(self) -> str:
        """Return the class group that was chosen; raise PageNotFoundError for one of others."""
        name = self.value("klas")
        if not name or not self.shows(name):
            raise PageNotFoundError
        return name

    def shows(self, class_group: str) -> bool:
        """Check that the pages of this person show a class group."""
        return not self.session.class_groups or class_group in self.session.class_groups

    def school_path(self, noun: str, **query: str | int) -> str:
        """Return the path of a list of the school at the API, for the chosen administration."""
        chosen = {"administrationId": self.administration_id, **query}
        return f"/v1/schools/{quote(self.session.school['id'])}/{noun}?{urlencode(chosen)}"

    def page(self, template: str, current: str, **facts: Any) -> Response:
        """Return a page with the menu of the person, and the notice of what was done."""
        notice, self.session.notice = self.session.notice, {}
        menu = [(name, path) for name, path, scope in MENU if self._sees(scope)]
        common = {
            "session": self.session,
            "menu": menu,
            "current": current,
            "administration": self.administration,
            "notice": notice,
            "may": self.may,
            "path": self.request.url.path,
        }
        return HTMLResponse(self.pages.render(template, common | facts))

    def redirect(self, path: str, **query: str) -> Response:
        """Lead the browser to another page after a change."""
        location = f"{path}?{urlencode(query)}" if query else path
        return RedirectResponse(location, status_code=SEE_OTHER)
