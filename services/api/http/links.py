"""Absolute URLs of resources."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class Links:
    """URLs of resources; `root` is the public URL of the API, without a trailing slash.

    No part of a URL comes from the headers of a request: a client that sends another `Host` would
    lead a person, or a stored response, to a server of its own.
    """

    root: str

    def school(self, school_id: str) -> str:
        return f"{self.root}/v1/schools/{school_id}"

    def student(self, student_id: UUID) -> str:
        return f"{self.root}/v1/students/{student_id}"

    def document(self, document_id: UUID) -> str:
        return f"{self.root}/v1/documents/{document_id}"

    def reading_guide(self, language: str) -> str:
        return f"{self.root}/v1/readingGuides/{language}"

    def job(self, job_id: UUID) -> str:
        return f"{self.root}/v1/jobs/{job_id}"

    def job_result(self, job_id: UUID) -> str:
        return f"{self.job(job_id)}/result"

    def schools_of(self, administration_id: str) -> str:
        return f"{self.root}/v1/schools?{urlencode({'administrationId': administration_id})}"

    def documents_of(self, school_id: str, administration_id: str) -> str:
        query = urlencode({"administrationId": administration_id})
        return f"{self.school(school_id)}/documents?{query}"

    def feedback(self, school_id: str, administration_id: str) -> str:
        query = urlencode({"administrationId": administration_id})
        return f"{self.school(school_id)}/feedback?{query}"

    def delivery(self, delivery_id: UUID | str) -> str:
        return f"{self.root}/v1/deliveries/{delivery_id}"

    def client(self, client_id: UUID) -> str:
        return f"{self.root}/v1/clients/{client_id}"

    def client_change(self, change_id: UUID) -> str:
        return f"{self.root}/v1/clientChanges/{change_id}"

    def window(self, window_id: UUID) -> str:
        return f"{self.root}/v1/releaseWindows/{window_id}"

    def release_plan(self, administration_id: str) -> str:
        return f"{self.root}/v1/releasePlans/{quote(administration_id, safe='')}"

    def opening(self, opening_id: UUID) -> str:
        return f"{self.root}/v1/openings/{opening_id}"

    def openings_of(self, administration_id: str) -> str:
        return f"{self.root}/v1/openings?{urlencode({'administrationId': administration_id})}"

    def recall(self, recall_id: UUID) -> str:
        return f"{self.root}/v1/recalls/{recall_id}"

    def recalls_of(self, administration_id: str) -> str:
        return f"{self.root}/v1/recalls?{urlencode({'administrationId': administration_id})}"

    def succession(self, succession_id: UUID) -> str:
        return f"{self.root}/v1/successions/{succession_id}"

    def download(self, secret: str) -> str:
        return f"{self.root}/v1/downloads/{secret}"

    def declaration(self, declaration_id: UUID) -> str:
        return f"{self.root}/v1/declarations/{declaration_id}"

    def viewing_slot(self, slot_id: UUID) -> str:
        return f"{self.root}/v1/viewings/slots/{slot_id}"

    def viewing_registration(self, registration_id: UUID) -> str:
        return f"{self.root}/v1/viewings/registrations/{registration_id}"

    def desk_registration(self, registration_id: UUID) -> str:
        return f"{self.root}/v1/viewings/desk/registrations/{registration_id}"

    def mandate(self, mandate_id: UUID) -> str:
        return f"{self.root}/v1/mandates/{mandate_id}"


def public_url_of(request: Request, root: str) -> str:
    """Return the URL of a request at the public URL of the API, with its query."""
    query = request.scope["query_string"].decode("latin-1")
    return root + path_of(request.scope) + (f"?{query}" if query else "")


def path_of(scope: Scope) -> str:
    """Return the path of a request as it was sent, without the query."""
    raw: bytes = scope["raw_path"]
    return raw.decode("latin-1").partition("?")[0]
