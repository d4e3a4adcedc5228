"""Responses with a small range of a stored object, which is read as a whole before it is sent."""

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.http.problems import DocumentBeingRebuilt
from services.api.resources import Resources
from shared.storage.store import Segment, StoredObjectMissingError

logger = structlog.get_logger(__name__)


class StoredRangeResponse(Response):
    """A response that reads its body when it is sent, after the transaction has ended.

    An error of the object store therefore becomes a problem.
    """

    def __init__(self, resources: Resources, segment: Segment, headers: dict[str, str]) -> None:
        super().__init__(headers=headers | {"Content-Length": str(segment.size)})
        self._storage, self._reads = resources.storage, resources.store_reads
        self._segment = segment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.body = await self._reads.run(self._read)
        except StoredObjectMissingError as error:
            logger.error("stored_object_missing", key=self._segment.key)  # noqa: TRY400  # no fault of the code
            raise DocumentBeingRebuilt from error
        await super().__call__(scope, receive, send)

    def _read(self) -> bytes:
        return b"".join(self._storage.stream_segments([self._segment]))
