"""Hostile texts in every field that a page shows: each page is valid and breaks no policy.

`make browser` opens the pages in Chromium as well.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright
from sqlalchemy import Update, insert, update

from services.portal.app import PAGES
from services.portal.settings import PortalSettings
from services.portal.visiting import SESSION_COOKIE
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.models import Mandate
from shared.results.models import Administration, Component, Level, TargetGroup
from shared.schools.models import Participation, School
from shared.students.models import ClassGroup, Student
from tests.api.matrix_rows import mandate
from tests.api.seeding import SCHOOL, Seeded, released
from tests.browser.conftest import CHROMIUM
from tests.browser.pages import VIEWS
from tests.portal.conftest import Person
from tests.portal.installation import open_sessions
from tests.portal.seeding import open_products
from tests.portal.test_pages import PATHS

TEXTS = {
    "end of a script": "</script><script>alert(1)</script>",
    "attribute": "'\"><img src=x onerror=alert(1)>",
    "formula": '=HYPERLINK("http://evil.example")',
    "template": "{{ 7 * 7 }}{% raw %}",
    "comment and entity": "<!-- ]]> &copy;&#0;",
    "right to left": "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}-\N{HEBREW LETTER BET}",
    "100 letters": "W" * 100,
}
FINDABLE = "Voornaam"
DOWNLOADS = {path for path in PAGES if "{" in path}
ADDRESSES = {"href", "src", "action", "formaction"}
FORBIDDEN = {"img", "iframe", "object", "embed", "base", "style", "applet", "frame"}
"""Elements that no page has; the policy of pages refuses what they load or change."""


@pytest.mark.parametrize("paths", [PATHS, VIEWS.values()], ids=["here", "in the browser"])
def test_every_page_is_visited(paths: Iterable[str]) -> None:
    assert {path.partition("?")[0] for path in paths} == set(PAGES) - DOWNLOADS


@pytest.fixture(scope="module", params=TEXTS)
def text(request: pytest.FixtureRequest, sessions: Sessions, seeded: Seeded) -> Iterator[str]:
    """Store a text in every field that a page shows, of a school with released feedback."""
    hostile = TEXTS[request.param]
    with UnitOfWork(sessions) as unit:
        for statement in renamings(hostile, seeded):
            unit.session.execute(statement)
        purpose = mandate(str(uuid4()), date(2030, 1, 1)) | {"purpose": hostile}
        unit.session.execute(insert(Mandate).values(purpose))
    with released(sessions):
        with UnitOfWork(sessions) as unit:
            open_products(unit.session)
        yield hostile


def renamings(text: str, seeded: Seeded) -> Iterator[Update]:
    for model, length in ((School, 200), (Participation, 200), (Administration, 100)):
        yield update(model).values(name=text[:length])
    for code, component in seeded.components.items():
        yield update(Component).where(Component.id == component).values(name=f"{text}{code}")
    for name, group in seeded.class_groups.items():
        changes = {"name": f"{text[:60]}{name}", "site": "1", "site_name": text}
        yield update(ClassGroup).where(ClassGroup.id == group).values(changes)
    for name, target_group in seeded.target_groups.items():
        changes = {"code": f"{text[:10]}{name}", "name": f"{text}{name}"}
        yield update(TargetGroup).where(TargetGroup.id == target_group).values(changes)
    yield update(Student).values(family_name=text, given_name=text)
    findable = Student.id == seeded.students["first"]
    yield update(Student).where(findable).values(given_name=FINDABLE)
    yield update(Level).values(code=Level.ordinal.concat(text[:10]), label=text)


@pytest.fixture(scope="module")
def person(portal_url: str, portal_settings: PortalSettings, text: str) -> Iterator[Person]:
    """Return a head whose own name is the text as well."""
    with httpx.Client(timeout=30) as http:
        person = Person(portal_url, http)
        person.sign_on("head")
        store, secret = open_sessions(portal_settings), person.cookies[SESSION_COOKIE]
        session = store.find(secret)
        assert session is not None
        session.name = text
        store.save(secret, session)
        yield person


@pytest.mark.parametrize("path", PATHS)
def test_page_is_valid_and_has_nothing_that_the_policy_reports(
    person: Person, text: str, path: str, seeded: Seeded
) -> None:
    page = person.get(path_about(path, text, seeded))
    assert page.status_code == 200, page.text
    tree = parsed(page)
    assert list(faults_in(tree)) == []
    assert text in "".join(tree.itertext())


@pytest.mark.skipif("BROWSER" not in os.environ, reason="make browser runs it")
def test_browser_reports_nothing(person: Person, text: str, seeded: Seeded) -> None:
    reports: list[str] = []
    with sync_playwright() as playwright, open_chromium(playwright) as browser:
        cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        page = browser.new_page(extra_http_headers={"Cookie": cookies})
        page.on("console", lambda message: reports.append(message.text))
        page.on("pageerror", lambda error: reports.append(str(error)))
        page.on("dialog", lambda dialog: reports.append(dialog.message))
        for path in PATHS:
            page.goto(person.portal_url + path_about(path, text, seeded))
            assert text in page.locator("body").inner_text()
    assert reports == []


def open_chromium(playwright: Playwright) -> Browser:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


def path_about(path: str, text: str, seeded: Seeded) -> str:
    """Return the path of a page about a student, or the class group with the text in its name."""
    path = path.format(student=seeded.students["first"])
    return path.replace("klas=4A", f"klas={quote(text[:60])}4A")


@pytest.mark.parametrize("name", [FINDABLE, None])
def test_page_of_found_students_is_valid(person: Person, text: str, name: str | None) -> None:
    form = {"afname": "2024", "leerling": name or text}
    page = person.post("/klassen/zoeken", form)
    assert page.status_code == 200, page.text
    tree = parsed(page)
    assert list(faults_in(tree)) == []
    if name:
        assert text in [element.text for element in tree.findall(".//{*}bdi")]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/delen/geven", {"leverancier": "{text}", "wat": "x", "tot": "{text}", "waarvoor": "x"}),
        ("/delen/intrekken", {"mandaat": "{text}"}),
        ("/overhandigen/noteren", {"afname": "2024", "klas": "{text}", "wie": "klas"}),
        ("/overhandigen/ongedaan", {"afname": "2024", "klas": "x", "overhandiging": "{text}"}),
    ],
)
def test_page_of_a_refused_form_is_valid(
    person: Person, text: str, path: str, form: dict[str, str]
) -> None:
    sent = {name: value.replace("{text}", text) for name, value in form.items()}
    page = person.post(path, sent)
    assert page.status_code in {303, 400, 404}
    if page.status_code != 303:
        assert list(faults_in(parsed(page))) == []


def test_pages_around_the_sign_on_are_valid(visitor: Person, text: str) -> None:
    query = quote(text)
    for path in ("/aanmelden", f"/aanmelden/terug?state={query}&code={query}", f"/{query}"):
        assert list(faults_in(parsed(visitor.get(path)))) == []
    pages = [visitor.sign_on("onlooker", SCHOOL, text), visitor.get("/"), visitor.get("/klassen")]
    pages.append(visitor.post("/afmelden", {"form_token": text}))
    for page in pages:
        assert list(faults_in(parsed(page))) == []


def parsed(page: httpx.Response) -> Element:
    """Return the tree of a page; raise ParseError if it is not valid."""
    tree: Element = html5lib.HTMLParser(strict=True).parse(page.text)
    return tree


def faults_in(tree: Element) -> Iterator[str]:
    """Iterate over what a browser would refuse or load from elsewhere."""
    for element in tree.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in FORBIDDEN or (name == "script" and (element.text or not element.get("src"))):
            yield name
        for attribute, value in element.items():
            if attribute.startswith("on") or attribute in {"style", "srcdoc"}:
                yield f"{name} {attribute}"
            if attribute in ADDRESSES and not is_own(value):
                yield f"{name} {attribute}={value}"


def is_own(address: Any) -> bool:
    return address.startswith(("/", "#", "?")) and not address.startswith("//")
