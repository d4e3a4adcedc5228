"""Absolute links to our own resources, and between the pages of a list."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.datastructures import URL


@dataclass(frozen=True, slots=True)
class Links:
    """`root` is the address at which the caller reached us, without a slash at the end."""

    root: str

    def school(self, school_id: str) -> str:
        return f"{self.root}/v1/schools/{school_id}"

    def student(self, student_id: UUID) -> str:
        return f"{self.root}/v1/students/{student_id}"

    def document(self, document_id: UUID) -> str:
        return f"{self.root}/v1/documents/{document_id}"

    def job(self, job_id: UUID) -> str:
        return f"{self.root}/v1/jobs/{job_id}"

    def delivery(self, delivery_id: UUID | str) -> str:
        return f"{self.root}/v1/deliveries/{delivery_id}"

    def client(self, client_id: UUID) -> str:
        return f"{self.root}/v1/clients/{client_id}"

    def window(self, window_id: UUID) -> str:
        return f"{self.root}/v1/releaseWindows/{window_id}"

    def download(self, secret: str) -> str:
        return f"{self.root}/v1/downloads/{secret}"

    def mandate(self, mandate_id: UUID) -> str:
        return f"{self.root}/v1/mandates/{mandate_id}"


@dataclass(frozen=True, slots=True)
class PageOf:
    """The part of a list that is asked for: `number` counts from 1, `url` is the request's."""

    number: int
    size: int
    url: URL

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def about(self, total: int) -> dict[str, Any]:
        """What a list says of itself beside its items."""
        is_last = self.number * self.size >= total
        return {
            "self_link": str(self.url),
            "page": self.number,
            "page_size": self.size,
            "total": total,
            "next": None if is_last else str(self._at(self.number + 1)),
        }

    def _at(self, number: int) -> URL:
        return self.url.include_query_params(page=number, pageSize=self.size)
