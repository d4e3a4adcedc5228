"""The search: asks every operation in every way, and compares each response with the model."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

from tests.leaks.deployment import ADMINISTRATION, EMPTY, FIRST, SECOND
from tests.leaks.model import Keys, Requester, secrets_of
from tests.leaks.questions import UNKNOWN, UNKNOWN_ID, Question, ways_of
from tests.leaks.requests import Reply
from tests.leaks.table import TABLE, verdict
from tests.leaks.topics import public
from tests.leaks.world import World
from tests.operations import SCHOOL_YEAR, operations_of

STATUSES = {"unknown": 401, "forbidden": 403}
LINK_USES = 8
PARALLEL = 4
"""Requests at a time: nothing that is stored changes what a response may tell meanwhile."""
_UNKNOWN_IDS = dict.fromkeys(
    (
        *("changeId", "clientId", "declarationId", "deliveryId", "handOverId", "jobId"),
        *("mandateId", "openingId", "recallId", "windowId", "successionId"),
        *("slotId", "registrationId", "dutyId", "locationId"),
    ),
    UNKNOWN_ID,
)
_FIXED_IDS = {
    "administrationId": ADMINISTRATION,
    "asset_name": "start.js",
    "component": "LEZ4",
    "day": "2030-01-01",
    "keyId": "0" * 43,
    "language": "fr",
    "manifestHash": "0" * 64,
    "name": "client",
    "planVersion": "0",
    "schoolYear": SCHOOL_YEAR,
}


class LeakError(AssertionError):
    """A response that tells its requester more than the model allows."""


@dataclass
class Search:
    """A search for leaks in a world.

    `seen` counts the questions by operation and by what the response had to be; `told` are the
    operations that have told something about a student.

    A thorough one asks each operation in every way, by three requesters; another one asks those
    that tell everyone the same in one way only, and by one requester.
    """

    world: World
    is_thorough: bool = False
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    _of_nothing: dict[str, Reply] = field(default_factory=dict)
    _link_uses: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        return self.world.sender.sent

    def ask_everything(self, random: Random, *operations: str) -> None:
        """Ask every operation, or those with these names, in every way and in random order.

        Raises:
            LeakError: for the first response that tells too much.
        """
        stored = self.world.refresh()
        self._secrets = secrets_of(self.world.knowledge.facts)
        self._pattern = re.compile("|".join(map(re.escape, self._secrets)))
        questions = list(self._questions(random, stored, operations))
        random.shuffle(questions)
        with ThreadPoolExecutor(PARALLEL) as pool:
            for _ in pool.map(self.ask, questions):
                pass

    def _questions(
        self, random: Random, stored: dict[str, list[str]], names: Collection[str]
    ) -> Iterator[Question]:
        requesters = [*self.world.requesters.values()]
        known = operations_of(self.world.deployment.app)
        for operation in [known[name] for name in names or known]:
            row, ways = TABLE[operation.name], list(ways_of(operation))
            if row.topic is public and not self.is_thorough:
                ways = [random.choice(ways)]
            entitled = [one for one in requesters if one.scopes & set(row.scopes.split())]
            for way in ways:
                asking = random.sample(requesters, 3 if self.is_thorough else 1)
                if row.topic is public and entitled:
                    asking.append(random.choice(entitled))
                for requester in asking:
                    yield Question(operation, way, requester, self.ids(random, stored))

    def ids(self, random: Random, stored: dict[str, list[str]]) -> dict[str, str]:
        """Draw the ids of a question: of a school and of what belongs to it, or to anyone."""
        facts = self.world.knowledge.facts
        school = random.choice((FIRST, SECOND))
        student = random.choice([one for one in facts.students.values() if one.school == school])
        documents = [one for one in facts.documents.values() if one.school == school]
        document = random.choice(documents)
        foreign = next(one for one in facts.documents.values() if one.school != school)
        links = [one for one in self.world.knowledge.links if self._link_uses[one] < LINK_USES]
        drawn = {name: random.choice((ids[-1], *ids)) for name, ids in stored.items()}
        return (
            _FIXED_IDS
            | _UNKNOWN_IDS
            | drawn
            | {
                "schoolId": school,
                "studentId": student.id,
                "classGroup": student.class_group,
                "documentId": document.id,
                "etag": document.sha256,
                "secret": random.choice(links) if links else "B" * 43,
                "foreignDocumentId": foreign.id,
                "foreignStudentId": foreign.student or student.id,
                "emptyStudentId": self._empty_student(),
                "locationId": random.choice(self.world.locations),
            }
            | self._registration_ids(random)
        )

    def _registration_ids(self, random: Random) -> dict[str, str]:
        registrations = list(self.world.knowledge.facts.registrations.values())
        component = {"viewed": random.choice(("LEZ4", "LEZ2"))}
        if not registrations:
            return {"registrationId": UNKNOWN_ID, "code": UNKNOWN["code"], **component}
        drawn = random.choice(registrations)
        return {"registrationId": drawn.id, "code": drawn.code, **component}

    def _empty_student(self) -> str:
        students = self.world.knowledge.facts.students.values()
        return next(one.id for one in students if one.school == EMPTY)

    def ask(self, question: Question) -> None:
        """Ask one question, unless the answer would change what is stored.

        Raises:
            LeakError: when the response tells too much.
        """
        operation, row = question.operation, TABLE[question.operation.name]
        expected, keys = verdict(row, self.world.knowledge, question.requester, question.ids)
        if expected == "something" and operation.method not in {"GET", "HEAD"}:
            return
        if row.target == "secret":
            self._link_uses[question.ids["secret"]] += 1
        reply = self._reply(question)
        self.seen[operation.name, expected] += 1
        if expected != "something":
            self._require_nothing(question, expected, reply)
        else:
            self._require_allowed(question, keys, reply)

    def _reader(self, question: Question) -> Requester:
        """Return the requester, for a link the one that made it: a link needs no token."""
        if TABLE[question.operation.name].target != "secret":
            return question.requester
        return self.world.knowledge.links[question.ids["secret"]][0]

    def _reply(self, question: Question) -> Reply:
        method, path, headers, body = question.request()
        return self.world.sender.send(question.requester, method, path, headers=headers, body=body)

    def _require_nothing(self, question: Question, expected: str, reply: Reply) -> None:
        if reply.status != STATUSES.get(expected, reply.status):
            raise LeakError(f"{question}: {expected} for the model, but {reply}")
        twin = question.about_nothing(self.world.knowledge, is_refused=expected in STATUSES)
        is_known = self.world.knowledge.is_known(twin.requester)  # a client may be suspended
        key = repr((expected, is_known, twin.requester.name, twin.request()))
        if self.world.knowledge.may_wait(question.requester):
            if is_being_rebuilt(reply):
                return
            if (earlier := self._of_nothing.get(key)) and is_being_rebuilt(earlier):
                self._of_nothing.pop(key, None)  # the rebuild has ended
        nothing = self._of_nothing.get(key)
        if nothing is None:
            nothing = self._of_nothing[key] = self._reply(twin).about(twin.targets())
        if HTTPStatus.TOO_MANY_REQUESTS in {reply.status, nothing.status}:
            self._of_nothing.pop(key, None)  # five wrong codes a minute, whatever they are
        elif reply.about(question.targets()) != nothing:
            raise LeakError(f"{question}: {reply}\nand about nothing: {nothing}")

    def _require_allowed(self, question: Question, keys: Keys | None, reply: Reply) -> None:
        row, page = TABLE[question.operation.name], _json_of(reply)
        items = [
            item for item in page.get("items", ()) if not row.repeats(question.requester, item)
        ]
        told = json.dumps(items) if items else "" if page.get("items") else repr(reply)
        for found in set(self._pattern.findall(told)) - {*question.ids.values()}:
            secret = self._secrets[found]
            if not row.reveals(self.world.knowledge, self._reader(question), secret):
                raise LeakError(f"{question}: contains {found}, which is {secret}: {told}")
        if keys is None:
            return
        contained = set(row.told(question.ids, page))
        has_told = page.get("items") or (not page and reply.status == HTTPStatus.OK)
        if contained or has_told or "id" in page:
            self.told.add(question.operation.name)
        if page.get("total", 0) > len(keys) and not (row.has_versions and keys):
            raise LeakError(f"{question}: {page['total']} in all, and {len(keys)} for the model")
        if not contained <= keys:
            raise LeakError(f"{question}: contains {sorted(contained - keys)}")


def is_being_rebuilt(reply: Reply) -> bool:
    """Return True for the refusal of what is being made again after a correction.

    A response to HEAD has no body that names it.
    """
    is_named = not reply.body or b":documentBeingRebuilt" in reply.body
    return reply.status == HTTPStatus.SERVICE_UNAVAILABLE and is_named


def _json_of(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of a reply; an empty one for other content."""
    if not reply.body.startswith(b"{"):
        return {}
    found: dict[str, Any] = json.loads(reply.body)
    return found
