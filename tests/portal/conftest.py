"""A running portal with a real API, provider and Valkey, and people who use it."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from embedded.openid_provider.app import OpenIdProvider
from embedded.ports import choose_port
from services.api.app import create_app
from services.portal.app import create_app as create_portal
from services.portal.settings import PortalSettings
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage
from shared.students.models import Student
from tests.api.conftest import serve
from tests.api.seeding import SCHOOL, Seeded, released, seed_schools
from tests.portal.installation import PortalInstallation
from tests.portal.seeding import open_products, seed_products

HOSTILE = {
    "first": ("</script><script>alert(1)</script>", '=HYPERLINK("http://evil.example")'),
    "second": (
        "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}\N{HEBREW LETTER ALEF}",
        "'\"><img src=x>",
    ),
    "third": ("W" * 100, "{{ 7 * 7 }}"),
}
"""Names by the label of a seeded student."""


@dataclass
class Person:
    """Somebody with a browser: it keeps cookies, also of http on loopback, and follows nothing.

    `own_page` is one that this person can see.
    """

    portal_url: str
    http: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)
    own_page: str = "/hulp"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._send("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, Any], **headers: str) -> httpx.Response:
        """Send the form of a page of the portal, with its form token."""
        return self.send(path, {"form_token": self.form_token(), **form}, **headers)

    def form_token(self) -> str:
        token = re.search(r'name="form_token" value="([^"]+)"', self.get(self.own_page).text)
        return token[1] if token else ""

    def send(self, path: str, form: dict[str, Any], **headers: str) -> httpx.Response:
        """Send a form as it is."""
        headers = {"Sec-Fetch-Site": "same-origin", **headers}
        return self._send("POST", path, data=form, headers=headers)

    def sign_on(self, code: str, school: str = SCHOOL, class_group: str = "") -> httpx.Response:
        """Sign on as one of the people to be; return the page at which the portal ends it."""
        return self.get(self.sign_on_elsewhere(code, school, class_group))

    def sign_on_elsewhere(self, code: str, school: str = SCHOOL, class_group: str = "") -> str:
        """Return the path with which the provider leads back to the portal."""
        begun = self.get("/aanmelden/begin")
        page = self.http.get(begun.headers["Location"])
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        form = {name: html.unescape(value) for name, value in hidden}
        form |= {"person": code, "school": school, "class_group": class_group}
        address = urlsplit(begun.headers["Location"])
        back = self.http.post(f"{address.scheme}://{address.netloc}/authorize", data=form)
        return back.headers["Location"].removeprefix(self.portal_url)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**options.pop("headers"), "Cookie": cookies}
        options["headers"] = httpx.Headers(headers, encoding="latin-1")  # as a server reads them
        response = self.http.request(method, f"{self.portal_url}{path}", **options)
        for header in response.headers.get_list("Set-Cookie"):
            self.set_cookies.append(header)
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return response


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session, storage)
    seed_products(sessions, seeded)
    with UnitOfWork(sessions) as unit:
        for label, (family_name, given_name) in HOSTILE.items():
            names = {"family_name": family_name, "given_name": given_name}
            of = Student.id == seeded.students[label]
            unit.session.execute(update(Student).where(of).values(names))
    return seeded


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> PortalInstallation:
    return PortalInstallation.in_directory(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def provider(installation: PortalInstallation) -> Iterator[OpenIdProvider]:
    provider = installation.provider()
    with serve(provider.app(), port=installation.provider_port):
        yield provider


@pytest.fixture(scope="module")
def api(
    api_settings: Settings,
    provider: OpenIdProvider,  # noqa: ARG001  # signs people on
    seeded: Seeded,  # noqa: ARG001  # rows to serve
    installation: PortalInstallation,
) -> Iterator[tuple[FastAPI, str]]:
    port = choose_port()
    url = f"http://127.0.0.1:{port}"
    changes = {"user_provider_file": installation.describe_provider(), "public_url": url}
    app = create_app(api_settings.model_copy(update=changes))
    with serve(app, port=port):
        yield app, url


@pytest.fixture(scope="module")
def portal_settings(
    api: tuple[FastAPI, str],
    installation: PortalInstallation,
    settings: Settings,
    sessions: Sessions,
) -> PortalSettings:
    client_id = installation.register(sessions)
    return installation.settings(api[1], client_id, settings.redis_url)


@pytest.fixture(scope="module")
def portal_url(portal_settings: PortalSettings) -> Iterator[str]:
    with serve(create_portal(portal_settings), port=portal_settings.port) as url:
        yield url


@pytest.fixture
def visitor(portal_url: str) -> Iterator[Person]:
    """Return a person who has not signed on."""
    with httpx.Client(timeout=30) as http:
        yield Person(portal_url, http)


@pytest.fixture
def head(visitor: Person) -> Person:
    assert visitor.sign_on("head").status_code == 200
    return visitor


@pytest.fixture
def open_now(sessions: Sessions) -> Iterator[None]:
    with released(sessions):
        with UnitOfWork(sessions) as unit:
            open_products(unit.session)
        yield
