"""The pages: escaping, headers, sizes, requests to the API, rights, and the release."""

import re
from collections.abc import Callable
from importlib.resources import files
from uuid import uuid4

import html5lib
import pytest
from fastapi import FastAPI

from services.portal.pages import load_texts
from tests.api.seeding import OTHER, SCHOOL, Seeded
from tests.portal.conftest import HOSTILE, Person
from tests.portal.seeding import REGISTRATION

CLASS = "?afname=2024&klas=4A"
PATHS = (
    "/",
    "/klassen",
    f"/klassen/klas{CLASS}",
    f"/klassen/klas{CLASS}&volgorde=LO4-LEZ",
    "/fiches",
    "/overhandigen",
    f"/overhandigen/klas{CLASS}",
    f"/overhandigen/lijst{CLASS}",
    "/overzicht",
    "/schoolfeedback",
    "/schoolfeedback/klassen?afname=2024&onderdeel=LO4-LEZ",
    "/inzage",
    f"/inzage/moment?afname=2024&inschrijving={REGISTRATION}",
    "/inzage/moment?afname=2024&leerling={student}",
    "/delen",
    "/wie-keek",
    "/hulp",
)
MAX_BYTES, MAX_REQUESTS = 60_000, 4
ERRORS_OF_NO_PARSER = {"expected-doctype-but-got-chars"}


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, seeded: Seeded) -> str:
    return path_of(request.param, seeded)


def path_of(page: str, seeded: Seeded) -> str:
    return page.format(student=seeded.students["first"])


def requests_to(app: FastAPI) -> float:
    """Return the number of requests to the API, without those that lacked the latest nonce."""
    return sum(
        float(sample.value)
        for metric in app.state.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "toetsfeedback_http_requests_total" and sample.labels["status"] != "401"
    )


@pytest.mark.usefixtures("open_now")
def test_page_is_valid_small_and_shows_names_as_text(head: Person, path: str) -> None:
    page = head.get(path)
    assert page.status_code == 200, page.text
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert len(page.content) <= MAX_BYTES
    assert "<img" not in page.text
    assert "<script>" not in page.text
    assert 'evil.example")' not in page.text
    changing = r'value="[^"]*"|[0-9a-f-]{36}|/static/\S+|\d\d:\d\d uur'
    assert "49" not in re.sub(changing, "", page.text)


@pytest.mark.usefixtures("open_now")
def test_names_of_all_students_are_on_their_pages(head: Person) -> None:
    page = head.get(f"/klassen/klas{CLASS}").text
    for label in ("first", "second"):
        for name in HOSTILE[label]:
            escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            assert escaped.replace('"', "&#34;").replace("'", "&#39;") in page


def test_headers_allow_nothing_from_elsewhere(head: Person, path: str) -> None:
    headers = head.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert {"frame-ancestors 'none'", "form-action 'self'", "trusted-types 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.usefixtures("open_now")
def test_page_needs_few_requests(head: Person, api: tuple[FastAPI, str], path: str) -> None:
    head.get("/hulp")
    before = requests_to(api[0])
    head.get(path)
    assert 0 <= requests_to(api[0]) - before <= MAX_REQUESTS


def test_before_the_release_no_page_has_a_level_or_a_fiche(head: Person, seeded: Seeded) -> None:
    pages = "".join(head.get(path_of(page, seeded)).text for page in PATHS)
    assert 'class="level' not in pages
    assert not re.search(r"/documenten/[0-9a-f]", pages)
    document = head.get(f"/documenten/{seeded.documents['fiche']}")
    assert document.status_code == 404


@pytest.mark.usefixtures("open_now")
def test_other_school_gets_the_page_of_what_does_not_exist(visitor: Person, seeded: Seeded) -> None:
    visitor.sign_on("head", OTHER)
    unknown = visitor.get(f"/documenten/{uuid4()}")
    foreign = visitor.get(f"/documenten/{seeded.documents['fiche']}")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert visitor.get(f"/wie-keek?leerling={seeded.students['first']}").status_code == 404
    assert "Familie" not in visitor.get(f"/klassen/klas{CLASS}").text


@pytest.mark.usefixtures("open_now")
def test_teacher_sees_the_pages_of_the_own_class_group(visitor: Person) -> None:
    visitor.sign_on("teacher", SCHOOL, "4A")
    groups = visitor.get("/klassen").text
    assert "klas=4A" in groups
    assert "klas=4B" not in groups
    assert visitor.get("/klassen/klas?klas=4B").status_code == 404
    assert visitor.get("/wie-keek").status_code == 403


@pytest.mark.usefixtures("open_now")
def test_secretary_sees_no_level(visitor: Person) -> None:
    visitor.sign_on("secretary")
    page = visitor.get(f"/klassen/klas{CLASS}")
    assert page.status_code == 200
    assert 'class="level' not in page.text
    assert "/documenten/" in page.text


def test_home_names_what_is_open_and_waits_for_the_person(
    visitor: Person, request: pytest.FixtureRequest
) -> None:
    links = {"/schoolfeedback?afname=2024": ("head",), "/inzage?afname=2024": ("head", "secretary")}
    for role in ("head", "secretary", "teacher"):
        visitor.sign_on(role)
        assert not any(link in visitor.get("/").text for link in links)
    request.getfixturevalue("open_now")
    for role in ("head", "secretary", "teacher"):
        visitor.sign_on(role)
        page = visitor.get("/").text
        for link, roles in links.items():
            assert (link in page) == (role in roles)


@pytest.mark.usefixtures("open_now")
def test_home_of_a_school_without_figures_does_not_promise_them(visitor: Person) -> None:
    link = "/schoolfeedback?afname=2024"
    visitor.sign_on("head", school=OTHER)
    assert link not in visitor.get("/").text
    visitor.sign_on("head")
    assert link in visitor.get("/").text


def test_every_text_exists_and_is_used() -> None:
    folder = files("services.portal")
    sources = [*(folder / "templates").iterdir(), *(folder / "views").iterdir()]
    source = "".join(file.read_text() for file in sources if file.is_file())
    texts = load_texts()
    named = set(re.findall(r"\bt\.([a-z_]+)\.([A-Za-z_0-9]+)", source)) - {
        (section, "get") for section in texts
    }
    assert {name for name in named if name[1] not in texts[name[0]]} == set()


@pytest.mark.parametrize("path", ["/onbekend", "/klassen/klas", "/static/x/../../settings.py"])
def test_unknown_page_is_not_found(head: Person, path: str) -> None:
    assert head.get(path).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_who_looked_at_a_fiche_is_shown_in_words(head: Person, seeded: Seeded) -> None:
    fiche, student = seeded.documents["fiche"], seeded.students["first"]
    assert head.get(f"/documenten/{fiche}").status_code == 200
    page = head.get(f"/wie-keek?leerling={student}").text
    assert '<td class="state">een document geopend of gedownload' in page
    assert "<td>een leerling bekeken" in page
    assert "staat vet" in page
    assert "klik in de rij van de leerling op Wie keek" in head.get("/wie-keek").text


Search = Callable[[str], str]


@pytest.mark.parametrize("name", ["</script>", "WWWW", "nobody", "", "\u202e", "x" * 5000])
def test_search_names_nobody_in_an_address(head: Person, name: str) -> None:
    found = head.post("/klassen/zoeken", {"afname": "2024", "leerling": name})
    assert found.status_code == 200
    assert ("W" * 100 in found.text) == (name == "WWWW")
    assert str(found.url).endswith("/klassen/zoeken")
