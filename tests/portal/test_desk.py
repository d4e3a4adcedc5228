"""The desk: codes, identity, right or wrong per item, and no other page for an officer."""

import re
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID, uuid4

import html5lib
import pytest
from sqlalchemy import delete, insert, select, update

from services.portal.app import DESK_FORMS, DESK_PAGES, FORMS, PAGES
from services.portal.pages import load_texts
from services.portal.settings import PortalSettings
from shared.core.clock import BRUSSELS
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import ItemResult
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingDuty, ViewingLocation, ViewingRegistration
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.portal.conftest import HOSTILE, Person
from tests.portal.test_pages import MAX_BYTES
from tests.viewings.seeding import ITEMS, Viewing

PAGE = "/balie"
TEXTS = load_texts()["desk"]
TODAY = datetime.now(BRUSSELS).date()
pytestmark = pytest.mark.usefixtures("open_now")


@pytest.fixture(scope="module", name="location")
def _location(sessions: Sessions, seeded: Seeded) -> UUID:  # noqa: ARG001  # has its rows
    with UnitOfWork(sessions) as unit:
        return unit.session.scalars(select(ViewingLocation.id)).one()


@pytest.fixture
def registration(sessions: Sessions, seeded: Seeded, location: UUID, key: ViewingKey) -> UUID:
    """Add a registration of a slot that runs now, in place of the others of the student."""
    viewing, registration = Viewing(sessions, seeded, location), uuid4()
    slot = viewing.slot(3)
    viewing.run_now(slot)
    of = {"administration_id": ADMINISTRATION, "slot_id": slot}
    student = {"school_id": SCHOOL, "student_id": seeded.students["first"], "companions": 1}
    code = {"code_hash": key.hash_of(key.code_of(registration)), "state": "confirmed"}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ViewingRegistration))
        made = {"id": registration, **of, **student, **code}
        unit.session.execute(insert(ViewingRegistration).values(made))
    return registration


@pytest.fixture
def duty(sessions: Sessions, portal_settings: PortalSettings, location: UUID) -> Iterator[None]:
    """Give the person `officer` of the portal a duty today."""
    of = {"client_id": UUID(portal_settings.client_id), "location_id": location, "day": TODAY}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(insert(ViewingDuty).values(**of, subject="officer"))
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ViewingDuty))


@pytest.fixture(scope="module", name="key")
def _key(settings: Settings) -> ViewingKey:
    return ViewingKey.read(settings.require_file("viewing_key_file"))


@pytest.fixture
def officer(visitor: Person) -> Person:
    assert visitor.sign_on("officer").status_code == 200
    visitor.own_page = PAGE
    assert visitor.get("/").headers["Location"] == PAGE
    return visitor


def post(officer: Person, path: str, **form: str) -> str:
    """Send a form of the desk and return the page that it leads to."""
    done = officer.post(f"{PAGE}/{path}", form)
    assert done.status_code == 303, done.text
    return officer.get(done.headers["Location"]).text


@pytest.mark.usefixtures("duty")
def test_officer_checks_in_by_code_and_shows_each_answer(
    officer: Person, registration: UUID, key: ViewingKey
) -> None:
    today = officer.get(PAGE).text
    for name in HOSTILE["first"]:
        assert name not in today
    assert "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in today
    code = key.code_of(registration)
    assert TEXTS["resourceNotFound"] in post(officer, "code", code=code[::-1])
    visit = post(officer, "code", code=f" {code[:5]}-{code[5:]}".lower())
    assert TEXTS["compare"] in visit
    assert "/balie/onderdeel" not in visit
    own = {"inschrijving": str(registration)}
    assert TEXTS["check_identity"] in post(officer, "beginnen", **own)
    opened = post(officer, "beginnen", **own, identiteit="ja")
    link = re.search(r'href="(/balie/onderdeel[^"]+)"', opened)
    assert link is not None
    items = officer.get(link[1].replace("&amp;", "&"))
    shown = re.findall(r'<th scope="row" dir="auto">([^<]+)</th><td>([^<]+)</td>', items.text)
    answers = [TEXTS[one] for one in ("right", "wrong", "right", "right", "wrong")]
    assert shown == list(zip(ITEMS, answers, strict=False))
    assert TEXTS["closed"] in post(officer, "sluiten", **own)
    assert officer.get(link[1].replace("&amp;", "&")).status_code == 404


@pytest.mark.usefixtures("duty")
def test_no_byte_of_a_page_depends_on_how_many_answers_are_right(
    officer: Person, registration: UUID, seeded: Seeded, sessions: Sessions
) -> None:
    own = f"inschrijving={registration}"
    post(officer, "beginnen", inschrijving=str(registration), identiteit="ja")
    pages = set()
    student, reading = seeded.students["first"], seeded.components["LO4-LEZ"]
    of = (ItemResult.student_id == student, ItemResult.component_id == reading)
    for correct in ([True] * 5, [False] * 5, [True, False, True, True, False]):
        with UnitOfWork(sessions) as unit:
            unit.session.execute(update(ItemResult).where(*of).values(correct=correct))
        shown = officer.get(f"{PAGE}/onderdeel?{own}&onderdeel=LO4-LEZ")
        hidden = re.sub(f"{TEXTS['right']}|{TEXTS['wrong']}", "?", shown.text)
        visit = officer.get(f"{PAGE}/bezoek?{own}").text
        pages.add((len(shown.content), shown.headers["Content-Length"], hidden, visit))
    assert len(pages) == 1


@pytest.mark.usefixtures("duty")
def test_student_who_did_not_come_is_annulled(officer: Person, registration: UUID) -> None:
    own = {"inschrijving": str(registration)}
    assert TEXTS["annulled"] in post(officer, "annuleren", **own, reden="noShow")
    assert str(registration) not in officer.get(PAGE).text
    assert TEXTS["registrationEnded"] in post(officer, "sluiten", **own)


def test_officer_without_a_duty_sees_nobody(officer: Person, registration: UUID) -> None:
    assert TEXTS["nobody"] in officer.get(PAGE).text
    assert officer.get(f"{PAGE}/bezoek?inschrijving={registration}").status_code == 404


@pytest.mark.usefixtures("duty")
def test_officer_finds_no_page_of_schools_and_schools_no_desk(
    officer: Person, registration: UUID
) -> None:
    for path in PAGES.keys() - {"/"}:
        address = re.sub(r"\{.*?\}", str(uuid4()), path)
        assert officer.get(address).status_code == 404, path
    for path in FORMS:
        assert officer.post(path, {}).status_code == 404, path
    assert not re.search(r'href="/(klassen|fiches|hulp|inzage)', officer.get(PAGE).text)
    officer.sign_on("head")
    officer.own_page = "/hulp"
    for path in DESK_PAGES:
        assert officer.get(f"{path}?inschrijving={registration}").status_code == 404
    for path in DESK_FORMS:
        assert officer.post(path, {"inschrijving": str(registration)}).status_code == 404
    assert PAGE not in officer.get("/").text


@pytest.mark.usefixtures("duty")
def test_pages_of_the_desk_are_valid_and_small(officer: Person, registration: UUID) -> None:
    own = f"inschrijving={registration}"
    post(officer, "beginnen", inschrijving=str(registration), identiteit="ja")
    for path in (PAGE, f"{PAGE}/bezoek?{own}", f"{PAGE}/onderdeel?{own}&onderdeel=LO4-LEZ"):
        page = officer.get(path)
        assert page.status_code == 200
        html5lib.HTMLParser(strict=True).parse(page.text)
        assert len(page.content) <= MAX_BYTES
