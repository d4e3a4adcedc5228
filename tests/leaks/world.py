"""A deployment with its requesters, and the model of what each of them may know."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, text, update

from shared.access.rules import GRANTABLE, CallerKind
from shared.core.clock import BRUSSELS
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.oauth.models import RevokedToken
from shared.oauth.tokens import AccessToken, TokenAuthority
from shared.viewings.models import ViewingLocation, ViewingSettings
from tests.deliveries.delivery_files import DeliveryFiles
from tests.leaks.deployment import (
    ADMINISTRATION,
    BARE,
    EMPTY,
    FIRST,
    SECOND,
    Deployment,
    earlier_delivery,
    first_delivery,
)
from tests.leaks.model import (
    INTEGRATOR,
    OFFICER,
    OPERATOR,
    SCHOOL,
    SCHOOL_FEEDBACK,
    STUDENT_FEEDBACK,
    TEST_VIEWING,
    Facts,
    Knowledge,
    Requester,
)
from tests.leaks.release_model import OpeningKey, ReleaseModel, Story
from tests.leaks.requests import Reply, Sender
from tests.leaks.stored_facts import read_facts, read_ids, read_now
from tests.releasing import add_persons, close_everything

PRODUCTS = STUDENT_FEEDBACK, SCHOOL_FEEDBACK, TEST_VIEWING
TARGET_GROUPS = {"LEZ4": "LO4", "WIS4": "LO4", "LEZ2": "SO2A"}
PERSONS = ("planner", "first approver", "second approver")
OFFICERS = "officer", "other officer", "idle officer"
FLAWS = ("no token", "forged token", "another key", "revoked token")


def _add_client(unit: UnitOfWork, kind: CallerKind, name: str) -> str:
    """Register a client, and return its id."""
    values = {"name": name, "kind": kind.value, "scopes": sorted(scopes_of(kind))}
    return str(unit.session.scalar(insert(Client).values(values).returning(Client.id)))


def _add_locations(unit: UnitOfWork) -> list[str]:
    """Add two locations, with a registration until the last moment; return their ids."""
    settings = {"administration_id": ADMINISTRATION, "deadline_days": 0}
    unit.session.execute(insert(ViewingSettings).values(settings))
    added = []
    for name in ("Belpaire", "Consciencegebouw"):
        place = {"name": name, "address": "Brussel", "sort_key": name}
        statement = insert(ViewingLocation).values(place).returning(ViewingLocation.id)
        added.append(str(unit.session.scalar(statement)))
    return added


def scopes_of(kind: CallerKind) -> frozenset[str]:
    return frozenset(scope.value for scope in GRANTABLE[kind])


class World:
    """A deployment with its requesters, and `knowledge`, the model of what each may know."""

    def __init__(self, deployment: Deployment, authority: TokenAuthority) -> None:
        self.deployment = deployment
        self.sender = Sender(authority, deployment.url, self._revoke)
        self.history: list[str] = []
        with UnitOfWork(deployment.owner) as unit:
            persons = add_persons(unit.session, *PERSONS)
            clients = [
                unit.session.scalar(select(Client.id).where(Client.person_id == person))
                for person in persons
            ]
            vendors = [
                _add_client(unit, CallerKind.INTEGRATOR, name)
                for name in ("vendor", "other vendor", "untouched")
            ]
            officers = [_add_client(unit, CallerKind.OFFICER, name) for name in OFFICERS]
        named = zip(clients, PERSONS, strict=True)
        self.persons = [self._person(str(client), name) for client, name in named]
        self._add_requesters(vendors, officers)
        self.deliver(earlier_delivery())
        self.deliver(first_delivery())
        self.run_job("/v1/jobs", {"kind": "documents.build", "administrationId": ADMINISTRATION})
        with UnitOfWork(self.deployment.owner) as unit:
            self.locations = _add_locations(unit)
        self.begin()

    def begin(self) -> None:
        """Begin a new history: nothing is planned, released or shared."""
        self.story, self.history = Story(), []
        with UnitOfWork(self.deployment.owner) as unit:
            close_everything(unit.session)
            for table in ("hand_over_withdrawals", "hand_overs"):
                unit.session.execute(text(f"delete from {table}"))
            unit.session.execute(text("set local session_replication_role = replica"))
            for name in ("confirmations", "registrations", "school_days", "duties", "slots"):
                unit.session.execute(text(f"delete from viewing_{name}"))
            unit.session.execute(text("delete from mandates"))
            unit.session.execute(update(Client).values(state="active"))
        releases, now = {one: ReleaseModel(TARGET_GROUPS) for one in PRODUCTS}, self.now()
        facts = self._facts()
        self.knowledge = Knowledge(facts, releases, now, now.astimezone(BRUSSELS).date())
        self.manifests: defaultdict[tuple[str, OpeningKey], list[str]] = defaultdict(list)

    def _facts(self) -> Facts:
        with UnitOfWork(self.deployment.owner) as unit:
            return read_facts(unit.session, self.deployment.viewing_key)

    def _add_requesters(self, vendors: list[str], officers: list[str]) -> None:
        everything = scopes_of(CallerKind.SCHOOL)
        self.empty = Requester("empty school", SCHOOL, "portal", everything, EMPTY)
        bare = Requester("bare school", SCHOOL, "portal", everything, BARE)
        integrator = scopes_of(CallerKind.INTEGRATOR)
        untouched = Requester("untouched", INTEGRATOR, vendors[2], integrator)
        first = Requester("first", SCHOOL, "portal", everything, FIRST, twin=bare)
        operator = Requester("operator", OPERATOR, "ops", scopes_of(CallerKind.OPERATOR))
        narrow = frozenset({"schools:read"})
        desk = scopes_of(CallerKind.OFFICER)
        idle = Requester(OFFICERS[2], OFFICER, officers[2], desk)
        self.officers = [
            Requester(name, OFFICER, client, desk, twin=idle)
            for name, client in zip(OFFICERS[:2], officers, strict=False)
        ]
        requesters = [
            first,
            Requester("second", SCHOOL, "portal", everything, SECOND, twin=bare),
            Requester("vendor", INTEGRATOR, vendors[0], integrator, twin=untouched),
            Requester("other vendor", INTEGRATOR, vendors[1], integrator, twin=untouched),
            Requester("first, one scope", SCHOOL, "portal", narrow, FIRST, twin=bare),
            operator,
            self.persons[0],
            *self.officers,
            idle,
            *(Requester(flaw, SCHOOL, "portal", everything, FIRST, flaw) for flaw in FLAWS),
        ]
        self.requesters = {one.name: one for one in requesters}
        self.operator, self.vendor = operator, self.requesters["vendor"]

    @staticmethod
    def _person(client: str, name: str) -> Requester:
        scopes = {"releases:read", "releases:write", "releases:approve", "clients:write"}
        return Requester(name, OPERATOR, client, frozenset(scopes))

    def _revoke(self, token: AccessToken) -> None:
        with UnitOfWork(self.deployment.owner) as unit:
            values = {"id": token.id, "expires_at": token.expires_at}
            unit.session.execute(insert(RevokedToken).values(values))

    def refresh(self) -> dict[str, list[str]]:
        """Read what is stored now, and return the ids to ask about."""
        self.knowledge.now = self.now()
        self.knowledge.today = self.knowledge.now.astimezone(BRUSSELS).date()
        self.knowledge.facts = self._facts()
        with UnitOfWork(self.deployment.owner) as unit:
            return read_ids(unit.session)

    def now(self) -> datetime:
        """Return the present moment of the story."""
        with UnitOfWork(self.deployment.owner) as unit:
            return self.story.at(read_now(unit.session))

    def day_in(self, days: int) -> date:
        """Return the day of the story, so many days from today, in Brussels."""
        return self.now().astimezone(BRUSSELS).date() + timedelta(days=days)

    def call(
        self,
        requester: Requester,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request of a step, with a JSON body."""
        content = None if body is None else json.dumps(body).encode()
        of_body = {"Content-Type": "application/json"} if content else {}
        return self.sender.send(
            requester, method, path, headers={**of_body, **(headers or {})}, body=content
        )

    def read(self, requester: Requester, path: str) -> dict[str, Any]:
        reply = self.call(requester, "GET", path)
        assert reply.status == HTTPStatus.OK, reply
        found: dict[str, Any] = json.loads(reply.body)
        return found

    def run_job(self, path: str, body: Any = None, requester: Requester | None = None) -> None:
        """Start a job, and let the worker end it."""
        reply = self.call(requester or self.operator, "POST", path, body)
        assert reply.status == HTTPStatus.ACCEPTED, reply
        self.deployment.work()

    def deliver(self, delivery: DeliveryFiles) -> None:
        """Submit a delivery, and let the worker apply it."""
        self.sequence = delivery.manifest["sequence"]
        packed = delivery.pack(self.deployment.directory / f"{uuid4()}.zip").read_bytes()
        zipped = {"Content-Type": "application/zip"}
        reply = self.sender.send(
            self.operator, "POST", "/v1/deliveries", headers=zipped, body=packed
        )
        assert reply.status == HTTPStatus.ACCEPTED, reply
        self.deployment.work()
        job = json.loads(reply.body)
        report = self.read(self.operator, f"/v1/deliveries/{job['subject']}")
        assert report["status"] == "applied", report

    def portal_of(self, school: str) -> Requester:
        """Return the requester that acts for a school."""
        return next(one for one in (*self.requesters.values(), self.empty) if one.school == school)
