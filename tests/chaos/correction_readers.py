"""A school that reads a student's results, its documents and the fiche over and over."""

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from threading import Event
from uuid import UUID

import httpx

from tests.chaos.corrected_students import CorrectedStudent, Snapshot
from tests.chaos.deployment import ADMINISTRATION, Deployment

Versions = frozenset[tuple[UUID, int, str]]
"""Id, version and hash of each document in a list."""


class Stage(IntEnum):
    """What a response shows; a school never goes back to an earlier stage."""

    OLD = 0
    BEING_REBUILT = 1
    NEW = 2


@dataclass
class Reading:
    """What a school observed in order: labels, lists of documents, hashes of the fiche, or None.

    None is the response that the documents are being rebuilt.
    """

    student: CorrectedStudent
    observed: list[tuple[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def require_no_mixture(self, before: Snapshot, after: Snapshot) -> None:
        """Require old results and documents, then at once no old ones, and new ones at the end."""
        assert self.faults == []
        expected = (
            self._expected(before, self.student.label),
            self._expected(after, self.student.new_label),
        )
        stage, last = Stage.OLD, Stage.OLD
        for kind, value in self.observed:
            if value is None:
                last = Stage.BEING_REBUILT
            else:
                old, new = (of[kind] for of in expected)
                assert value in {old, new}, kind
                last = Stage.OLD if value == old else Stage.NEW
            is_result = kind == "label"
            assert last >= (min(stage, Stage.BEING_REBUILT) if is_result else stage), kind
            stage = max(stage, min(last, Stage.BEING_REBUILT) if is_result else last)
        assert stage == last == Stage.NEW

    def _expected(self, snapshot: Snapshot, label: str) -> dict[str, object]:
        own = {
            (id_, one.version, one.digest)
            for id_, one in snapshot.items()
            if one.school_id == self.student.school_id
        }
        (fiche,) = (one for one in snapshot.values() if one.student_id == self.student.id)
        return {"label": label, "documents": frozenset(own), "fiche": fiche.digest}


class Reader:
    """A thread that reads until it is stopped."""

    def __init__(self, deployment: Deployment, student: CorrectedStudent, stopped: Event) -> None:
        self.reading = Reading(student)
        self._deployment, self._stopped = deployment, stopped

    def run(self) -> None:
        student, observe = self.reading.student, self.reading.observed.append
        with self._deployment.school(student.school_id) as client:
            fiche = self._fiche(client)
            while not self._stopped.is_set():
                observe(("label", self._label(client)))
                observe(("documents", self._documents(client)))
                observe(("fiche", self._content(client, fiche)))

    def _fiche(self, client: httpx.Client) -> str:
        student = self.reading.student
        query = {"kind": "fiche", "studentId": str(student.id)}
        path = f"/v1/schools/{student.school_id}/documents"
        (item,) = client.get(path, params=query).raise_for_status().json()["items"]
        return f"{item['href']}/content"

    def _label(self, client: httpx.Client) -> str:
        path = f"/v1/students/{self.reading.student.id}/results"
        items = client.get(path).raise_for_status().json()["items"]
        component = self.reading.student.component
        (label,) = (one["level"]["label"] for one in items if one["component"] == component)
        return str(label)

    def _documents(self, client: httpx.Client) -> Versions | None:
        """Read all pages of the list."""
        found: set[tuple[UUID, int, str]] = set()
        link: str | None = f"/v1/schools/{self.reading.student.school_id}/documents"
        query: dict[str, str] | None = {"administrationId": ADMINISTRATION, "pageSize": "200"}
        while link is not None:
            response = client.get(link, params=query)
            if self._is_being_rebuilt(response):
                return None
            body = response.json()
            found |= {
                (UUID(one["id"]), one["version"], one["content"]["sha256"]) for one in body["items"]
            }
            link, query = body.get("next"), None
        return frozenset(found)

    def _content(self, client: httpx.Client, fiche: str) -> str | None:
        response = client.get(fiche)
        if self._is_being_rebuilt(response):
            return None
        digest = sha256(response.content).hexdigest()
        assert response.headers["ETag"] == f'"{digest}"'
        return digest

    def _is_being_rebuilt(self, response: httpx.Response) -> bool:
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            if not response.json()["type"].endswith(":documentBeingRebuilt"):
                self.reading.faults.append(response.text)
            if int(response.headers["Retry-After"]) < 1:
                self.reading.faults.append("no time to wait")
            return True
        response.raise_for_status()
        return False
