"""The addresses of visitors at the API: it counts each of them, and not the portal."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert

from embedded.openid_provider.app import OpenIdProvider
from embedded.programs import child_environment, is_healthy, toetsfeedback_command
from services.portal.settings import PortalSettings
from services.portal.visiting import SESSION_COOKIE
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.models import RevokedToken
from shared.oauth.tokens import TokenAuthority
from tests.api.api_process import ApiProcess
from tests.api.seeding import Seeded
from tests.portal.conftest import Person
from tests.portal.installation import PortalInstallation, open_sessions

LIMIT, SECONDS = 5, 60
ATTEMPTS = 4 * LIMIT
"""More than twice the limit: a minute may end in between."""
LIMIT_VARIABLE = "TOETSFEEDBACK_API_ADDRESS_REQUESTS_PER_MINUTE"
START_SECONDS = 60
PROXY = "127.0.0.1"
"""The address of which portal and API believe `X-Forwarded-For` by default."""

Browser = Callable[[str], Person]


@pytest.fixture(scope="module")
def portal(
    api_settings: Settings,
    seeded: Seeded,  # noqa: ARG001  # rows to serve
    provider: OpenIdProvider,  # noqa: ARG001  # signs people on
    installation: PortalInstallation,
    sessions: Sessions,
) -> Iterator[PortalSettings]:
    """Yield the settings of a portal in a process of its own, as is its API."""
    assert "FORWARDED_ALLOW_IPS" not in os.environ
    described = str(installation.describe_provider())
    changes = {LIMIT_VARIABLE: str(LIMIT), "TOETSFEEDBACK_USER_PROVIDER_FILE": described}
    api = ApiProcess(api_settings, **changes)
    api.spawn()
    client_id = installation.register(sessions)
    settings = installation.settings(api.url, client_id, api_settings.redis_url)
    try:
        api.wait_until_healthy()
        with running_portal(settings):
            yield settings
    finally:
        api.close()


@contextmanager
def running_portal(settings: PortalSettings) -> Iterator[None]:
    values = settings.model_dump() | {"redis_url": settings.redis_url.get_secret_value()}
    environment = {f"TOETSFEEDBACK_PORTAL_{name.upper()}": str(values[name]) for name in values}
    command, environment = toetsfeedback_command("portal"), child_environment(environment)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        ends_at = time.monotonic() + START_SECONDS
        while not is_healthy(settings.port):
            assert process.poll() is None
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def browser(portal: PortalSettings) -> Iterator[Browser]:
    """Return a function that opens a browser at an address of loopback."""
    opened: list[httpx.Client] = []

    def open_browser(address: str) -> Person:
        transport = httpx.HTTPTransport(local_address=address)
        opened.append(httpx.Client(transport=transport, timeout=30))
        return Person(portal.url, opened[-1])

    yield open_browser
    for http in opened:
        http.close()


@pytest.fixture
def revoke(
    portal: PortalSettings, sessions: Sessions, api_settings: Settings
) -> Callable[[Person], None]:
    """Return a function that revokes the access token of a person's session."""
    issuer = api_settings.model_copy(update={"public_url": portal.api_url})
    authority = TokenAuthority.of(issuer)

    def revoke(person: Person) -> None:
        session = open_sessions(portal).find(person.cookies[SESSION_COOKIE])
        assert session is not None
        token = authority.verify(session.access_token)
        with UnitOfWork(sessions) as unit:
            values = {"id": token.id, "expires_at": token.expires_at}
            unit.session.execute(insert(RevokedToken).values(values))

    return revoke


def sign_on(person: Person, **headers: str) -> int:
    """Sign on as a head, and return the status of the first page."""
    person.sign_on("head")
    return person.get("/", **headers).status_code


def is_over_its_limit(person: Person, headers: Callable[[], dict[str, str]]) -> bool:
    """Request pages with a revoked token until the API refuses the address for some time."""
    pages = (person.get("/", **headers()) for _ in range(ATTEMPTS))
    limited = [page for page in pages if page.status_code == httpx.codes.TOO_MANY_REQUESTS]
    return any(1 <= int(page.headers["Retry-After"]) <= SECONDS for page in limited)


def test_visitor_over_a_limit_does_not_stop_another(
    browser: Browser, revoke: Callable[[Person], None]
) -> None:
    one, other = browser("127.0.0.2"), browser("127.0.0.3")
    assert sign_on(one) == 200
    revoke(one)
    assert is_over_its_limit(one, dict)
    assert sign_on(other) == 200


def test_visitor_chooses_no_address_by_a_header(
    browser: Browser, revoke: Callable[[Person], None]
) -> None:
    one = browser("127.0.0.4")
    assert sign_on(one, **chosen()) == 200
    revoke(one)
    assert is_over_its_limit(one, chosen)


def test_proxy_in_front_names_the_visitor(
    browser: Browser, revoke: Callable[[Person], None]
) -> None:
    one = browser(PROXY)
    other, address = replace(one, cookies={}), random_address()
    assert sign_on(one, **chosen(address)) == 200
    revoke(one)
    assert is_over_its_limit(one, lambda: chosen(address))
    assert sign_on(other, **chosen(random_address())) == 200


def chosen(*behind: str) -> dict[str, str]:
    """Return a header with an address that a visitor made up, and those that proxies added."""
    return {"X-Forwarded-For": ", ".join((random_address(), *behind))}


def random_address() -> str:
    first, second, third = uuid4().bytes[:3]
    return f"100.{first}.{second}.{third}"
