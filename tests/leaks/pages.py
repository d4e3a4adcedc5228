"""The pages of the portal: people at two schools visit all of them, and nothing hidden is there.

Of a school that may know nothing, every page has to be as it was the first time, whatever has been
delivered, built, planned, handed over or recalled since.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from random import Random
from urllib.parse import urlencode
from uuid import UUID

import httpx

from services.portal.app import PAGES
from tests.leaks.deployment import ADMINISTRATION, Deployment
from tests.leaks.model import (
    NOTHING,
    SCHOOL_FEEDBACK,
    STUDENT_FEEDBACK,
    TEST_VIEWING,
    Keys,
    Requester,
    may_contain,
    secrets_of,
)
from tests.leaks.questions import UNKNOWN_ID
from tests.leaks.search import LeakError
from tests.leaks.world import World
from tests.portal.conftest import Person

SEARCH, AUDIT = "/klassen/zoeken", "/wie-keek"
VARYING = {AUDIT, "/delen"}
"""Pages of a school about itself, which differ without any release."""
TIMELINE = 'id="tijdlijn"'
"""The end of what is about students on the first page."""
SLOTS = 'id="momenten"'
"""The end of what is about students on the page of viewing: anyone may know the slots."""
PLANNED_LINKS = re.compile(
    r'<form class="search" method="post" action="/inzage/zoeken".*?</form>\n'
    r'|<p><a href="/(?:inzage|schoolfeedback)\?afname=\d+">.*?</a></p>',
    re.DOTALL,
)
"""A form and links that are there by slots and plans, whatever the school has of its own."""
STATUSES = {HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
PRODUCTS = STUDENT_FEEDBACK, SCHOOL_FEEDBACK, TEST_VIEWING
VISITS = 5
"""Pages of a person after each step, of a search that is not thorough."""

STUDENT_ROW = re.compile(r'<tr id="leerling-([0-9a-f-]{36})">(.*?)</tr>', re.DOTALL)
COLUMN = re.compile(r'<th scope="col" dir="auto">([^<]+)</th>')
CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
NO_RESULT = '<span class="none">–</span>'  # noqa: RUF001  # as the page has it
HANDED_OVER = re.compile(r"\d+ van (\d+) overhandigd")
COMPONENT = re.compile(r"Onderdeel-(\w+)")


def sign_on(deployment: Deployment, school: str) -> Person:
    """Return a head of the school who is signed on to the portal."""
    person = Person(deployment.installation.portal_url, httpx.Client(timeout=30))
    assert person.sign_on("head", school).status_code == HTTPStatus.OK
    return person


@dataclass
class PortalPages:
    """Visits to the portal of a world.

    `seen` counts them by page and by whether there was something to know; `told` are the pages that
    were then another one than of nothing.
    """

    world: World
    is_thorough: bool = False
    seen: Counter[tuple[str, bool]] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    people: dict[str, Person] = field(default_factory=dict)
    _of_nothing: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for requester in self._requesters():
            self.people[requester.name] = sign_on(self.world.deployment, str(requester.school))

    def close(self) -> None:
        for person in self.people.values():
            person.http.close()

    def visit(self, random: Random) -> None:
        """Visit the pages as each person, in random order.

        Raises:
            LeakError: for the first page that tells too much.
        """
        self.world.refresh()
        facts = self.world.knowledge.facts
        self._secrets = secrets_of(facts)
        hidden = {*self._secrets}.union(*facts.own.values())
        self._pattern = re.compile("|".join(map(re.escape, sorted(hidden))))
        visits = [
            (requester, path) for requester in self._requesters() for path in self._paths(requester)
        ]
        size = len(visits) if self.is_thorough else 2 * VISITS
        for requester, path in random.sample(visits, size):
            self._visit(requester, path, self._send(requester, path))

    def _requesters(self) -> Iterator[Requester]:
        yield from (self.world.requesters[name] for name in ("first", "second"))

    def _paths(self, requester: Requester) -> Iterator[str]:
        """Iterate over all pages about the class group of a student, and documents of anyone."""
        facts = self.world.knowledge.facts
        student = next(one for one in facts.students.values() if one.school == requester.school)
        query = urlencode({"afname": ADMINISTRATION, "klas": student.class_group})
        for path in PAGES:
            if "{" not in path:
                yield f"{path}?{query}"
        yield f"{AUDIT}?leerling={student.id}"
        yield f"{SEARCH}?{student.family_name}"
        for own in (True, False):
            documents = (one for one in facts.documents.values() if one.kind == "fiche")
            yield next(
                f"/documenten/{one.id}"
                for one in documents
                if (one.school == requester.school) is own
            )

    def _send(self, requester: Requester, path: str) -> httpx.Response:
        person, (page, _, query) = self.people[requester.name], path.partition("?")
        if page == SEARCH:
            return person.post(page, {"afname": ADMINISTRATION, "leerling": query})
        return person.get(path)

    def _visit(self, requester: Requester, path: str, page: httpx.Response) -> None:
        may_wait = self.world.knowledge.may_wait(requester)
        if page.status_code == HTTPStatus.SERVICE_UNAVAILABLE and may_wait:
            return
        assert page.status_code in STATUSES, f"{path}: {page.status_code}"
        if path.startswith("/documenten/"):
            self._require_document(requester, path, page)
            return
        may_know = self._may_know(requester)
        self.seen[path.partition("?")[0], may_know] += 1
        self._require_own(requester, path, page.text)
        if may_know:
            self._require_released(requester, path, page.text)
        else:
            self._require_nothing(requester, path, page.text)

    def _may_know(self, requester: Requester) -> bool:
        knowledge = self.world.knowledge
        topics = (
            knowledge.results,
            knowledge.documents,
            knowledge.entries,
            knowledge.registrations,
            partial(knowledge.figures, school=str(requester.school)),
        )
        return any(topic(requester) != NOTHING for topic in topics)

    def _require_document(self, requester: Requester, path: str, page: httpx.Response) -> None:
        document = path.rpartition("/")[2]
        if document in self.world.knowledge.documents(requester):
            return
        unknown = self.people[requester.name].get(f"/documenten/{UNKNOWN_ID}")
        if (page.status_code, page.content) != (unknown.status_code, unknown.content):
            raise LeakError(f"{path} for {requester.name}: {page.status_code}, {page.content!r}")

    def _require_own(self, requester: Requester, path: str, page: str) -> None:
        """Require that the page has no id and no name of what the person may not know."""
        knowledge = self.world.knowledge
        for found in set(self._pattern.findall(page)) - knowledge.own(requester):
            secret = self._secrets.get(found)
            if secret is None or not may_contain(knowledge, requester, secret):
                raise LeakError(f"{path} for {requester.name}: contains {found}")
        released = (knowledge.released(str(requester.school), product) for product in PRODUCTS)
        closed = set(COMPONENT.findall(page)).difference(*released)
        if closed:
            raise LeakError(f"{path} for {requester.name}: names {closed}")

    def _require_nothing(self, requester: Requester, path: str, page: str) -> None:
        if path.partition("?")[0] in VARYING:
            return
        page = _about_students(page)
        first = self._of_nothing.setdefault((requester.name, path), page)
        if page != first:
            raise LeakError(f"{path} for {requester.name}: {page}\nand of nothing: {first}")

    def _require_released(self, requester: Requester, path: str, page: str) -> None:
        """Require that the results and numbers of a page are of what is released."""
        knowledge = self.world.knowledge
        hidden = frozenset(results_in(page)) - knowledge.results(requester)
        if hidden:
            raise LeakError(f"{path} for {requester.name}: shows the results {sorted(hidden)}")
        counted = sum(map(int, HANDED_OVER.findall(page)))
        if counted > len(knowledge.fiches(requester)):
            raise LeakError(f"{path} for {requester.name}: counts {counted} fiches")
        if _about_students(page) != self._of_nothing.get((requester.name, path), page):
            self.told.add(path.partition("?")[0])


def _about_students(page: str) -> str:
    """Return a page without what is about slots and plans, which change with no release."""
    return PLANNED_LINKS.sub("", page.partition(TIMELINE)[0].partition(SLOTS)[0])


def results_in(page: str) -> Keys:
    """Return the results that the table of students shows, as student and component."""
    components = [COMPONENT.sub(r"\1", name) for name in COLUMN.findall(page)]
    return frozenset(
        f"{UUID(student)}/{component}"
        for student, row in STUDENT_ROW.findall(page)
        for component, cell in zip(components, CELL.findall(row), strict=False)
        if cell.strip() != NO_RESULT
    )
