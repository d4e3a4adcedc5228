"""A process that changes every list: some rows come, go and move, while others keep their place."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, inspect, update
from sqlalchemy.orm import Session

from shared.audit.repository import NewAuditEvent, append
from shared.client_changes.models import ClientChange
from shared.core.database import Base, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.removal_check import RemovalLimit
from shared.documents.models import Document
from shared.jobs.models import Job, JobFailure, JobItem
from shared.mandates.models import Mandate
from shared.oauth.clients.models import Client, Person
from shared.releases.models import ReleaseWindow
from shared.results.models import Administration
from shared.students.models import ClassGroup
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.deliveries.delivery_files import DeliveryFiles, correction, full, run_import

DELIVERED = "2047"
"""The administration that deliveries change; the documents are of the seeded one."""

FAMILY_NAMES = ("Aerts", "Çelik", "Öztürk", "Éloy", "Claes", "De Smet", "D'Hondt", "Zaman")
GIVEN_NAMES = ("An", "Ömer", "Zoë", "Àgnes", "Bo", "Élise")
CLASS_GROUPS = ("2A", "2B", "10A", "10B")
STABLE_ROWS, CHANGING_ROWS = 12, 8
PAUSE_SECONDS = 0.05  # most of the time is for those that read
EVERYTHING = RemovalLimit(max_share=1)
PROBLEM = {"code": "overfullFiche", "detail": "A fiche has too much text."}

EVENT = NewAuditEvent(
    organisation=OTHER,
    action="read",
    resource="/v1/x",
    outcome="allowed",
    rule="granted",
    trace_id=None,
)

Values = dict[str, Any]


class Lists:
    """The rows of all lists; `draws` decides about their values and about their changes."""

    def __init__(self, seeded: Seeded, seed: int) -> None:
        self.seeded = seeded
        self.draws = Random(seed)  # noqa: S311  # no secrets
        self.pupils: list[list[str]] = []
        self.sequence = 0
        self._added: dict[type[Base], list[Any]] = {model: [] for model in self._values()}
        self._person: UUID | None = None

    def seed(self, session: Session, directory: Path) -> None:
        """Add the rows that stay."""
        self._person = add(session, Person, name="Ann Peeters")
        for model, values in self._values().items():
            for _ in range(STABLE_ROWS):
                add(session, model, **values(session))
        item = add(session, JobItem, job_id=self.seeded.job, subject=SCHOOL, state="done")
        for subject in ("a", "b", "c"):
            add(session, JobFailure, item_id=item, subject=subject, problem=PROBLEM)
        for _ in range(STABLE_ROWS * 10):
            append(session, EVENT)
        self.pupils = [self._pupil(f"stays {number}") for number in range(STABLE_ROWS * 2)]
        self._deliver(session, self._full([]), directory)

    def deliver(self, session: Session, directory: Path) -> None:
        """Add, rename, move and remove pupils and schools by a delivery, and record an event."""
        append(session, EVENT)
        codes = [f"changes {number}" for number in range(CHANGING_ROWS)]
        changing = self.draws.sample(codes, self.draws.randint(1, CHANGING_ROWS))
        pupils = [self._pupil(code) for code in changing]
        if self.draws.random() < 1 / 3:
            return self._deliver(session, self._full(pupils), directory)
        corrected = [*pupils[:3], self.draws.choice(self.pupils)]
        delivery = correction(0, students=corrected, results=self._results(corrected))
        return self._deliver(session, delivery, directory)

    def change_rows(self, session: Session) -> None:
        """Add a row to each list, or remove one that was added."""
        for model, values in self._values().items():
            added = self._added[model]
            if len(added) < CHANGING_ROWS and self.draws.random() < 1 / 2:
                added.append(add(session, model, **values(session)))
            elif added:
                removed = added.pop(self.draws.randrange(len(added)))
                session.execute(_removal(model).where(inspect(model).primary_key[0] == removed))

    def _deliver(self, session: Session, delivery: DeliveryFiles, directory: Path) -> None:
        self.sequence += 1
        own = {"administrationId": DELIVERED, "deliveryId": f"lists {self.sequence}"}
        delivery.manifest |= own | {"sequence": self.sequence}
        outcome = run_import(
            session, delivery.pack(directory / "delivery.zip"), removals=EVERYTHING
        )
        assert outcome.status == "applied", outcome.report

    def _full(self, pupils: list[list[str]]) -> DeliveryFiles:
        """Return a full delivery with the pupils that stay, these, and some schools."""
        delivery, everyone = full(), [*self.pupils, *pupils]
        delivery.administration = {**(delivery.administration or {}), "id": DELIVERED}
        del delivery.rows["item_results.csv"]
        for name in ("class_groups.csv", "students.csv", "results.csv"):
            del delivery.rows[name][1:]
        stays = [f"1000{number:02}" for number in range(STABLE_ROWS)]
        changes = [f"{self.draws.randint(100, 999)}999" for _ in pupils]
        for school in {*stays, *changes}:
            delivery.add("schools.csv", school, "De Berk", "Genk", "211", "L4", "")
        for name in CLASS_GROUPS:
            delivery.add("class_groups.csv", SCHOOL, name, "LO4", "", "")
        delivery.rows["students.csv"] += everyone
        delivery.rows["results.csv"] += self._results(everyone)
        return delivery

    def _pupil(self, code: str) -> list[str]:
        choose = self.draws.choice
        names = choose(FAMILY_NAMES), choose(GIVEN_NAMES)
        return [code, SCHOOL, choose(CLASS_GROUPS), *names, "", ""]

    def _results(self, pupils: list[list[str]]) -> list[list[str]]:
        return [
            [pupil[0], component, "reported", self.draws.choice("EDC"), "100"]
            for pupil in pupils
            for component in ("LEZ4", "WIS4")
        ]

    def _day(self) -> date:
        return date(2020, 1, 1) + timedelta(days=self.draws.randrange(30))

    def _moment(self) -> datetime:
        start = datetime(2020, 1, 1, tzinfo=UTC)
        return start + timedelta(microseconds=self.draws.randrange(10**12))

    def _values(self) -> dict[type[Base], Callable[[Session], Values]]:
        """Return for each table the function that draws the values of a new row."""
        return {
            Administration: self._administration,
            Document: self._document,
            Job: self._job,
            JobItem: self._failed_item,
            ReleaseWindow: self._window,
            Mandate: self._mandate,
            Client: lambda _: {"name": self._name(), "kind": "integrator", "scopes": []},
            Person: lambda _: {"name": self._name()},
            ClientChange: self._client_change,
        }

    def _name(self) -> str:
        return f"{self.draws.choice(FAMILY_NAMES)} {uuid4()}"

    def _administration(self, _: Session) -> Values:
        day = self._day()
        dates = {"tested_from_on": day, "tested_until_on": day}
        return {"id": uuid4().hex, "school_year": "2019-2020", "name": "Toetsen", **dates}

    def _document(self, session: Session) -> Values:
        """Draw a bundle of a new class group."""
        of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL}
        name = f"{self.draws.choice(CLASS_GROUPS)} {uuid4()}"
        group = add(
            session, ClassGroup, **of, name=name, target_group_id=self.seeded.target_groups["LO4"]
        )
        return {
            **of,
            "kind": "ficheBundle",
            "class_group_id": group,
            "component_ids": [self.seeded.components["LO4-LEZ"]],
            "storage_keys": ["bundle"],
            "byte_offsets": [0],
            "byte_sizes": [1],
            "sha256": bytes(32),
            "media_type": "application/zip",
            "file_name": "bundle.zip",
            "template_version": "1",
            "content_sha256": bytes(32),
            "job_id": self.seeded.job,
        }

    def _job(self, _: Session) -> Values:
        of = {"kind": "documents.build", "lane": "bulk", "requested_by": "tests", "state": "done"}
        times = {"created_at": self._moment(), "finished_at": func.now()}
        return {**of, "subject": uuid4().hex, **times}

    def _failed_item(self, _: Session) -> Values:
        return {
            "job_id": self.seeded.job,
            "subject": uuid4().hex,
            "state": "failed",
            "problem": PROBLEM,
        }

    def _window(self, _: Session) -> Values:
        groups = [None, *self.seeded.target_groups.values()]
        opens_at = self._moment()
        return {
            "administration_id": ADMINISTRATION,
            "product": "schoolFeedback",
            "target_group_id": self.draws.choice(groups),
            "opens_at": opens_at,
            "closes_at": opens_at + timedelta(milliseconds=1),
        }

    def _mandate(self, _: Session) -> Values:
        day = self._day()
        return {
            "school_id": SCHOOL,
            "client": uuid4().hex,
            "products": ["schoolFeedback"],
            "from_on": day,
            "until_on": day,
            "purpose": "Report book",
            "decided_by": "tests",
        }

    def _client_change(self, _: Session) -> Values:
        return {
            "kind": "addKey",
            "values": {},
            "requested_by": self._person,
            "requested_at": self._moment(),
        }


def _removal(model: type[Base]) -> Any:
    """Return the statement that removes a row from its list; mandates are never deleted."""
    if model is Mandate:
        return update(Mandate).values(superseded_at=func.now())
    return delete(model)


def add(session: Session, model: type[Base], **values: Any) -> Any:
    return session.scalar(insert(model).values(**values).returning(inspect(model).primary_key[0]))


def change_lists(
    settings: Settings, lists: Lists, directory: Path, stopped: Event, steps: "Synchronized[int]"
) -> None:
    """Change the lists, each time in a transaction, until the event."""
    engine = open_engine(settings, application_name="tests")
    sessions = session_factory(engine)
    while not stopped.wait(PAUSE_SECONDS):
        with UnitOfWork(sessions) as unit:
            lists.deliver(unit.session, directory)
        for _ in range(5):
            with UnitOfWork(sessions) as unit:
                lists.change_rows(unit.session)
        steps.value += 1
    engine.dispose()
