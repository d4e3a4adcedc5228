"""An instance of `up --demo`, and people who use its portal with Debian's Chromium.

These tests need Chromium, so that `make browser` runs them, and not `make test`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pypdfium2
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from embedded.data_directory import DataDirectory
from embedded.portal_programs import DEFAULT_SCHOOL, PORTAL_URL
from tests.browser.pages import DESK_VIEWS, VIEWS

collect_ignore_glob = [] if "BROWSER" in os.environ else ["test_*.py"]

CHROMIUM = "/usr/bin/chromium"
HEAD, OFFICER = "Dirk Directeur", "Ilse Inzage"
START_SECONDS, WAIT_MS = 900, 30_000


@dataclass(frozen=True)
class DemoPortal:
    """The portal of a demo, with the school and the class group that it offers.

    `places` has the ids of what views show, by their names in the paths; `codes` are those of
    visits of today that no view uses.
    """

    url: str
    class_group: str
    places: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    def views(self) -> dict[str, str]:
        """Return the address of each view by its name."""
        places = self.places | {"group": quote(self.class_group)}
        paths = VIEWS | DESK_VIEWS
        return {name: self.url + path.format(**places) for name, path in paths.items()}


@dataclass
class Visitor:
    """A person with a browser; `faults` has errors of the console and of the policy of pages."""

    portal: DemoPortal
    page: Page
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._record(message.type, message.text))
        self.page.on("pageerror", lambda error: self._record("error", str(error)))

    def sign_on(self, name: str) -> None:
        self.page.goto(self.portal.url)
        self.page.get_by_role("link", name="Aanmelden", exact=True).click()
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_url(re.compile(f"{re.escape(self.portal.url)}/(balie)?$"))

    def sign_off(self) -> None:
        self.page.get_by_role("button", name="Afmelden").click()

    def check_in(self, code: str) -> None:
        """Find a visit by its code, as an officer at the desk, and open it."""
        page = self.page
        page.get_by_role("textbox", name="Code van de bevestiging").fill(code)
        page.get_by_role("button", name="Zoek").click()
        page.get_by_role("checkbox", name="Ik heb de identiteitskaart").check()
        page.get_by_role("button", name="Begin de inzage").click()

    def open(self, view: str) -> None:
        """Sign on as a person who sees the view, and go there."""
        self.sign_on(OFFICER if view in DESK_VIEWS else HEAD)
        self.page.goto(self.portal.views()[view])

    def _record(self, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(text)


@pytest.fixture(scope="session")
def portal(chromium: Browser) -> Iterator[DemoPortal]:
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-browser-"))
    data, log = DataDirectory(directory / "data"), directory / "up.log"
    command = [sys.executable, "-m", "services.cli.main", "up", "--demo", "--data", str(data.path)]
    with log.open("wb") as output:
        up = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        portal = _when_loaded(data, log, up)
        _find_places(portal, chromium)
        yield portal
    finally:
        up.send_signal(SIGTERM)
        up.wait(timeout=60)
        shutil.rmtree(directory, ignore_errors=True)


def _when_loaded(data: DataDirectory, log: Path, up: "subprocess.Popen[bytes]") -> DemoPortal:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at and up.poll() is None:
        if "sign on to school" in log.read_text(errors="replace"):
            instance = data.read_running()
            assert instance is not None
            school = json.loads((data.keys / DEFAULT_SCHOOL).read_bytes())
            return DemoPortal(instance.environment[PORTAL_URL], school["class_group"])
        time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def _find_places(portal: DemoPortal, chromium: Browser) -> None:
    """Find the ids of what the views show: a component, a student, registrations, a visit."""
    context = chromium.new_context(locale="nl-BE")
    visitor = Visitor(portal, context.new_page())
    page, views = visitor.page, {name: portal.url + path for name, path in VIEWS.items()}
    visitor.sign_on(HEAD)
    page.goto(views["schoolfeedback"])
    portal.places["component"] = _query(page.get_by_text("Cijfers per klas").first, "onderdeel")
    page.goto(views["klas"].format(group=quote(portal.class_group)))
    row = page.locator("tbody tr[id]").last.get_attribute("id") or ""
    portal.places["student"] = row.removeprefix("leerling-")
    page.goto(views["inzage"])
    change = page.get_by_text("verplaats of zeg af")
    portal.places["registration"] = _query(change.last, "inschrijving")
    links = page.get_by_text("bevestiging (pdf)").all()
    addresses = [link.get_attribute("href") or "" for link in links]
    portal.codes.extend(_code_of(context, portal.url + address) for address in addresses[:-1])
    visitor.sign_off()
    visitor.sign_on(OFFICER)
    visitor.check_in(portal.codes.pop())
    portal.places["visit"] = parse_qs(urlsplit(page.url).query)["inschrijving"][0]
    portal.places["part"] = _query(page.locator(".chips a").first, "onderdeel")
    context.close()


def _query(link: Locator, name: str) -> str:
    return parse_qs(urlsplit(link.get_attribute("href") or "").query)[name][0]


def _code_of(context: BrowserContext, address: str) -> str:
    """Return the code on a confirmation, once a worker has made it."""
    ends_at = time.monotonic() + START_SECONDS
    while not (response := context.request.get(address)).ok:
        assert time.monotonic() < ends_at, response.status
        time.sleep(1)
    with closing(pypdfium2.PdfDocument(response.body())) as pdf:
        text = pdf[0].get_textpage().get_text_bounded()
    found = re.search(r"\b([0-9A-Z]{5})[ -]?([0-9A-Z]{5})\b", text)
    assert found is not None, text
    return found[1] + found[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {}


@pytest.fixture
def context(chromium: Browser, context_options: dict[str, Any]) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="nl-BE", accept_downloads=True, **context_options)
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    yield context
    context.close()


@pytest.fixture
def visitor(portal: DemoPortal, context: BrowserContext) -> Iterator[Visitor]:
    visitor = Visitor(portal, context.new_page())
    yield visitor
    assert visitor.faults == []
