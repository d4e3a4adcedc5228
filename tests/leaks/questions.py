"""Questions: an operation, asked in one way by one requester about one target."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode
from uuid import UUID

from services.api.http.head import WITHOUT_HEAD
from tests.leaks.deployment import EMPTY
from tests.leaks.model import SCHOOL, Knowledge, Requester
from tests.leaks.table import TABLE, Row
from tests.operations import Operation

UNKNOWN_ID = str(UUID(int=4 << 76 | 8 << 60 | 7, version=4))
UNKNOWN = {"schoolId": "999999", "secret": "A" * 43, "code": "0000000000"}
STREAMS = {"/v1/jobs/{jobId}/events"}


@dataclass(frozen=True)
class Way:
    """A way to ask: a query, headers, another method; `{etag}` is that of the document."""

    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str | None = None
    is_upper_case: bool = False


PLAIN, HEAD = Way(), Way(method="HEAD")
ITEM = (
    Way(headers={"If-None-Match": '"{etag}"'}),
    Way(headers={"If-None-Match": "*"}),
    Way(headers={"If-None-Match": '"{etag}"'}, method="HEAD"),
    Way(is_upper_case=True),
)
CONTENT = (
    Way(headers={"Range": "bytes=0-9"}),
    Way(headers={"Range": "bytes=-1"}),
    Way(headers={"Range": "bytes=99999999-"}),
    Way(headers={"Range": "bytes=0-0", "If-Range": '"{etag}"'}),
    Way(headers={"Accept": "text/html"}),
)
PAGES = ("page=1&pageSize=1", "page=2&pageSize=1", "page=9", "pageSize=0", "after=nonsense")


def ways_of(operation: Operation) -> Iterator[Way]:
    """Yield the ways in which an operation is asked."""
    row = TABLE[operation.name]
    yield PLAIN
    yield Way("nonsense=1")
    is_read = operation.method in {"GET", "HEAD"}
    if operation.method == "GET" and operation.path not in WITHOUT_HEAD | STREAMS:
        yield HEAD
    if is_list(operation):
        yield from (Way(query) for query in PAGES + row.filters)
        yield Way("page=1&pageSize=1", method="HEAD")
    elif is_read and row.target:
        yield from ITEM
    if row.is_content:
        yield from CONTENT


def is_list(operation: Operation) -> bool:
    return operation.name.startswith("list") and not operation.path.startswith("/v1/refData")


@dataclass(frozen=True)
class Question:
    """An operation, asked in one way by one requester about the ids."""

    operation: Operation
    way: Way
    requester: Requester
    ids: Mapping[str, str]

    def __str__(self) -> str:
        row = TABLE[self.operation.name]
        target = f" about {self.ids[row.target]}" if row.target else ""
        asked = " ".join((self.way.method or "", self.way.query, *self.way.headers.values()))
        return f"{self.operation.name}{target}, by {self.requester.name}, {asked or 'plain'}"

    def request(self) -> tuple[str, str, dict[str, str], bytes | None]:
        """Return method, path with query, headers and body."""
        ids = dict(self.ids)
        row = TABLE[self.operation.name]
        if self.way.is_upper_case:
            ids[row.target] = ids[row.target].upper()
        arguments = self.operation.request(ids)
        queries = [urlencode(arguments.get("params", {})), self.way.query.format_map(ids)]
        query = "&".join(one for one in queries if one)
        headers = dict(arguments.get("headers", {}))
        headers |= {name: value.format_map(ids) for name, value in self.way.headers.items()}
        body: bytes | None = arguments.get("content")
        if "json" in arguments:
            body = json.dumps(arguments["json"]).encode()
            headers["Content-Type"] = "application/json"
        if "data" in arguments:
            body = urlencode(arguments["data"]).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = arguments["url"] + (f"?{query}" if query else "")
        return self.way.method or self.operation.method, path, headers, body

    def targets(self) -> dict[str, str]:
        """Return the ids that responses may contain because they were requested."""
        names = {"schoolId", "studentId", "documentId", TABLE[self.operation.name].target}
        return {name: value for name, value in self.ids.items() if name in names}

    def about_nothing(self, knowledge: Knowledge, *, is_refused: bool) -> "Question":
        """Return the same question about what does not exist, or about the empty school.

        A request that is refused for its token is compared with one by the same requester.
        """
        row, ids = TABLE[self.operation.name], dict(self.ids)
        if not row.target:
            if is_refused:
                return self
            return replace(self, requester=self.requester.twin or self.requester)
        has_nothing = is_list(self.operation) or row.has_nothing
        if not is_refused and has_nothing and self._is_reached(knowledge, row):
            ids |= {"schoolId": EMPTY, "studentId": ids["emptyStudentId"]}
            asking = self.requester
            if asking.kind == SCHOOL:
                asking = replace(asking, name=f"{asking.name} as {EMPTY}", school=EMPTY)
            return replace(self, requester=asking, ids=ids)
        return replace(self, ids=ids | {row.target: UNKNOWN.get(row.target, UNKNOWN_ID)})

    def _is_reached(self, knowledge: Knowledge, row: Row) -> bool:
        reached = knowledge.reach(self.requester, row.product)
        if row.target == "schoolId":
            return self.ids["schoolId"] in reached
        if row.target == "studentId":
            return knowledge.facts.students[self.ids["studentId"]].school in reached
        return False
