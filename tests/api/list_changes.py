"""A process that changes every list: some rows come, go and move, while others keep their place."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.audit.repository import NewAuditEvent, append
from shared.client_changes.models import ClientChange
from shared.core.collation import class_list_key
from shared.core.database import Base, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.removal_check import RemovalLimit
from shared.documents.hand_out_lists.models import MissingFiche
from shared.documents.models import Document
from shared.documents.superseded.models import SupersededDocument
from shared.hand_overs.declarations.models import Declaration
from shared.hand_overs.models import HandOver
from shared.jobs.models import Job, JobFailure, JobItem
from shared.mandates.models import Mandate
from shared.oauth.clients.models import Client, Person
from shared.releases.models import Opening, Recall, ReleaseWindow
from shared.results.models import Administration
from shared.schools.models import Succession
from shared.students.models import ClassGroup, Student
from tests.api import list_rows
from tests.api.list_rows import add
from tests.api.list_viewings import viewing_values
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
OF_VIEWING: Values = {"administration_id": ADMINISTRATION, "product": "testViewing"}


class Lists:
    """The rows of all lists; `draws` decides about their values and about their changes."""

    def __init__(self, seeded: Seeded, seed: int) -> None:
        self.seeded = seeded
        self.draws = Random(seed)  # noqa: S311  # no secrets
        self.pupils: list[list[str]] = []
        self.sequence = 0
        self._numbers = count()
        self._added: dict[type[Base], list[Any]] = {model: [] for model in self._values()}
        self._person: UUID | None = None
        self.opening: UUID | None = None

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
        self.opening = list_rows.add_opening_with_findings(session)
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
                list_rows.remove(session, model, added.pop(self.draws.randrange(len(added))))

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
        changes = [f"{self.draws.randint(100, 799)}999" for _ in pupils]
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
            **list_rows.feedback_versions(self.seeded, self.draws),
            Administration: self._administration,
            Document: self._document,
            MissingFiche: self._missing_fiche,
            SupersededDocument: lambda session: list_rows.superseded_overview(
                session, self.seeded.components["LO4-LEZ"], self._moment()
            ),
            Job: self._job,
            JobItem: self._failed_item,
            ReleaseWindow: self._window,
            Opening: lambda _: {**OF_VIEWING, "opens_at": self._moment()},
            Recall: lambda _: {**OF_VIEWING, "reason": "a fault"},
            Mandate: lambda _: list_rows.mandate_of(self._day()),
            Succession: lambda session: list_rows.succession_of(
                session, f"8{next(self._numbers):05}"
            ),
            HandOver: self._hand_over,
            Declaration: self._declaration,
            Client: lambda _: {"name": self._name(), "kind": "integrator", "scopes": []},
            Person: lambda _: {"name": self._name()},
            ClientChange: self._client_change,
            **viewing_values(self.draws, self.seeded.students["first"]),
        }

    def _name(self) -> str:
        return f"{self.draws.choice(FAMILY_NAMES)} {uuid4()}"

    def _administration(self, _: Session) -> Values:
        day = self._day()
        dates = {"tested_from_on": day, "tested_until_on": day}
        return {"id": uuid4().hex, "school_year": "2019-2020", "name": "Toetsen", **dates}

    def _document(self, session: Session) -> Values:
        """Draw the fiche of a new student in a new class group."""
        of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL}
        name = f"{self.draws.choice(CLASS_GROUPS)} {uuid4()}"
        group = add(
            session, ClassGroup, **of, name=name, target_group_id=self.seeded.target_groups["LO4"]
        )
        code = uuid4().hex
        key = class_list_key(name, "Aerts", "An", code)
        names = {"family_name": "Aerts", "given_name": "An", "sort_key": key}
        student = add(session, Student, **of, **names, class_group_id=group, delivered_as=code)
        return {
            **of,
            "kind": "fiche",
            "class_group_id": group,
            "student_id": student,
            "component_ids": [self.seeded.components["LO4-LEZ"]],
            "storage_keys": ["fiche"],
            "byte_offsets": [0],
            "byte_sizes": [1],
            "sha256": bytes(32),
            "media_type": "application/pdf",
            "file_name": "fiche.pdf",
            "template_version": "1",
            "content_sha256": bytes(32),
            "job_id": self.seeded.job,
        }

    def _missing_fiche(self, session: Session) -> Values:
        """Draw a new student without a fiche."""
        of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL}
        name, code = self.draws.choice(FAMILY_NAMES), str(uuid4())
        student = add(
            session,
            Student,
            **of,
            class_group_id=self.seeded.class_groups["4A"],
            delivered_as=code,
            family_name=name,
            given_name="Noor",
            sort_key=class_list_key("4A", name, "Noor", code),
        )
        components = [self.seeded.components["LO4-LEZ"]]
        facts = {"component_ids": components, "reason": "noResult", "facts_revision": 1}
        return {**of, "student_id": student, **facts}

    def _job(self, _: Session) -> Values:
        return list_rows.finished_job(self._moment())

    def _failed_item(self, _: Session) -> Values:
        return {
            "job_id": self.seeded.job,
            "subject": uuid4().hex,
            "state": "failed",
            "problem": PROBLEM,
        }

    def _window(self, _: Session) -> Values:
        opens_at = self._moment()
        return {
            "administration_id": ADMINISTRATION,
            "product": "schoolFeedback",
            "target_group_id": self.draws.choice([None, *self.seeded.target_groups.values()]),
            "opens_at": opens_at,
            "closes_at": opens_at + timedelta(milliseconds=1),
        }

    def _hand_over(self, session: Session) -> Values:
        student = self.seeded.students["first"]
        last = select(func.coalesce(func.max(HandOver.number), 0))
        number = session.scalar(last.where(HandOver.student_id == student)) or 0
        of = {"school_id": SCHOOL, "student_id": student, "number": number + 1}
        return of | {"content_sha256": b"1", "means": "printed", "handed_over_on": self._day()}

    def _declaration(self, _: Session) -> Values:
        of = {"school_id": SCHOOL, "school_year": f"{self.draws.randint(1000, 8999)}-2020"}
        return of | {"number": self.draws.randint(1, 10**9), "declared_on": self._day()}

    def _client_change(self, _: Session) -> Values:
        return {
            "kind": "addKey",
            "values": {},
            "requested_by": self._person,
            "requested_at": self._moment(),
        }


def change_lists(
    settings: Settings, lists: Lists, directory: Path, stopped: Event, steps: "Synchronized[int]"
) -> None:
    """Change the lists, each time in a transaction, until the event."""
    engine = open_engine(settings, application_name="tests")
    sessions = session_factory(engine)
    changes: list[Callable[[Session], None]] = [lists.change_rows] * 5
    changes.append(partial(lists.deliver, directory=directory))
    while not stopped.wait(PAUSE_SECONDS):
        for change in changes:
            with UnitOfWork(sessions) as unit:
                change(unit.session)
        steps.value += 1
    engine.dispose()
