"""Problem types (RFC 9457, by the Belgif guide): the one table from error codes to HTTP."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from services.api.http.error_headers import REALM
from services.api.http.links import Links
from shared.core.errors import DomainError, InvalidAccessToken, InvalidInput, MissingScope
from shared.documents.rebuilds.reading import DocumentsBeingRebuilt
from shared.oauth.errors import InvalidProof, OAuthError
from shared.oauth.jose import ALGORITHMS

MEDIA_TYPE = "application/problem+json"
MAX_ISSUES = 20
"""Issues that a problem lists; it contains the number of the others."""

CHALLENGE = f'DPoP realm="{REALM}", algs="{" ".join(ALGORITHMS)}"'
MAX_NAME_LENGTH = 100
"""Characters of an unknown parameter or property name that a problem repeats."""

_BELGIF = "urn:problem-type:belgif:"
_OWN = "urn:problem-type:toetsfeedback:api:"

_BELGIF_STATUSES = {
    "badRequest": 400,
    "noAccessToken": 401,
    "invalidAccessToken": 401,
    "expiredAccessToken": 401,
    "missingScope": 403,
    "missingPermission": 403,
    "resourceNotFound": 404,
    "payloadTooLarge": 413,
    "tooManyRequests": 429,
    "internalServerError": 500,
    "serviceUnavailable": 503,
}
_OWN_STATUSES = {
    "alreadyApproved": 409,
    "alreadyConfirmed": 409,
    "alreadyRegistered": 409,
    "alreadySucceeded": 409,
    "approvalRequired": 409,
    "attemptFailed": 500,
    "attemptsExhausted": 500,
    "changeEnded": 409,
    "changeNotDue": 409,
    "clientExists": 409,
    "clientKeyExists": 409,
    "confirmationBeingMade": 503,
    "declarationExists": 409,
    "deliveryMissing": 409,
    "deliveryRefused": 422,
    "documentBeingRebuilt": 503,
    "httpVersionNotSupported": 505,
    "idempotencyKeyReused": 422,
    "disclosureAuditFailed": 409,
    "jobActive": 409,
    "jobCancelled": 409,
    "jobEnded": 409,
    "jobFailed": 500,
    "locationExists": 409,
    "mandateOver": 409,
    "mandateOverlaps": 409,
    "manifestIncomplete": 409,
    "manifestNotSigned": 409,
    "manifestOutdated": 409,
    "methodNotAllowed": 405,
    "notDelivered": 409,
    "nothingFailed": 409,
    "offerExpired": 409,
    "openingChanged": 409,
    "openingImminent": 409,
    "openingPassed": 409,
    "opensWithoutApproval": 409,
    "otherInszKey": 409,
    "overfullFiche": 422,
    "partlyFailed": 500,
    "personExists": 409,
    "placesTaken": 409,
    "preconditionFailed": 412,
    "quotaReached": 409,
    "rangeNotSatisfiable": 416,
    "registrationClosed": 409,
    "registrationEnded": 409,
    "releaseWindowExists": 409,
    "requestHeadTooLarge": 431,
    "requestInFlight": 409,
    "requestTimeout": 408,
    "schoolChanged": 409,
    "schoolNotTakingPart": 409,
    "slotExists": 409,
    "slotFull": 409,
    "successionCircle": 409,
    "tooManyKeys": 409,
    "undrawableText": 422,
    "unexpectedError": 500,
    "unreadableArguments": 500,
    "unsupportedMediaType": 415,
    "windowHasOpened": 409,
}
_OAUTH_STATUSES = {"invalid_client": 401, "temporarily_unavailable": 503}

_UNKNOWN_INPUT = f"{_BELGIF}input-validation:unknownInput"
_SCHEMA_VIOLATION = f"{_BELGIF}input-validation:schemaViolation"
_INVALID_INPUT = f"{_BELGIF}input-validation:invalidInput"

CORRECTION_SECONDS = 2
"""The time that most rebuilds of a school take after a correction."""

_PROPERTIES = {"client": "clientId", "from_on": "from", "until_on": "until"}
"""Fields of use cases that have another name in a body than in lowerCamelCase."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: its URN, title and status code."""

    type: str
    title: str
    status: int

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "title": self.title, "status": self.status}


def _types(prefix: str, statuses: Mapping[str, int]) -> dict[str, ProblemType]:
    return {
        code: ProblemType(prefix + code, re.sub("([A-Z])", r" \1", code).title(), status)
        for code, status in statuses.items()
    }


PROBLEM_TYPES = _types(_BELGIF, _BELGIF_STATUSES) | _types(_OWN, _OWN_STATUSES)
"""Every code with which the API can respond; a title is the code in words."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault in the input.

    `location` is `query`, `path`, `header` or `body`; `name` is the parameter, or for a body a
    JSON pointer. The value is not repeated: it could be personal.
    """

    type: str
    location: str
    name: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"type": self.type, "in": self.location, "name": self.name, "detail": self.detail}


class Problem(Exception):  # noqa: N818  # the standard's word
    """An error response (RFC 9457), without `instance`; never contains personal data."""

    def __init__(
        self,
        kind: str | ProblemType,
        detail: str,
        *,
        issues: Sequence[Issue] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`kind` is a code of `PROBLEM_TYPES`, or a type outside of it."""
        super().__init__(detail)
        self.type = PROBLEM_TYPES[kind] if isinstance(kind, str) else kind
        self.detail = detail
        self.issues = tuple(issues)
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        body = {**self.type.as_json(), "detail": self.detail}
        if self.issues:
            body["issues"] = [issue.as_json() for issue in self.issues[:MAX_ISSUES]]
        if len(self.issues) > MAX_ISSUES:
            more = len(self.issues) - MAX_ISSUES
            body["detail"] += f" It has {more} more issues, which are not listed."
        return body | self.members


def problem_of(error: DomainError) -> Problem:
    """Return the problem that presents a domain error to a client."""
    match error:
        case InvalidInput():
            issue = Issue(_INVALID_INPUT, "body", _pointer_of(error.field), error.detail)
            return Problem(
                "badRequest", "The request has input that cannot be used.", issues=[issue]
            )
        case MissingScope():
            members = {"requiredScopes": error.required}
            return Problem(error.code, error.detail, members=members)
        case InvalidAccessToken():
            headers = {"WWW-Authenticate": _challenge_of(error)}
            return Problem(error.code, error.detail, headers=headers)
        case DocumentsBeingRebuilt():
            headers = {"Retry-After": str(CORRECTION_SECONDS)}
            return Problem(error.code, error.detail, headers=headers)
    return Problem(error.code, error.detail)


def stored_problem(stored: Mapping[str, Any], links: Links) -> dict[str, Any]:
    """Return the members of a problem that was stored with a job.

    A worker stores a domain error: code, detail and data. Rows of earlier versions contain
    the members themselves, and are returned as they are.
    """
    if "code" not in stored:
        return dict(stored)
    members = dict(stored)
    kind = PROBLEM_TYPES.get(members.pop("code"))
    delivery_id = members.pop("deliveryId", None)
    if delivery_id is not None:
        members["href"] = links.delivery(delivery_id)
    return (kind.as_json() if kind else {}) | members


def oauth_status(error: OAuthError) -> int:
    """Return the status code of an error response of RFC 6749, section 5.2."""
    return _OAUTH_STATUSES.get(error.error, 400)


def unknown_input(location: str, name: str) -> Issue:
    text = "There is no such parameter or property; leave it out."
    return Issue(_UNKNOWN_INPUT, location, name[:MAX_NAME_LENGTH], text)


def schema_violation(location: str, name: str, detail: str) -> Issue:
    return Issue(_SCHEMA_VIOLATION, location, name[:MAX_NAME_LENGTH], detail)


def json_pointer(steps: Sequence[str | int]) -> str:
    """Return the JSON pointer of these steps (RFC 6901)."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "".join(f"/{step}" for step in escaped)


def _pointer_of(field: Sequence[str | int]) -> str:
    return json_pointer(
        [_PROPERTIES.get(s, to_camel(s)) if isinstance(s, str) else s for s in field]
    )


def _challenge_of(error: InvalidAccessToken) -> str:
    """Return the value of `WWW-Authenticate` (RFC 9449, section 7.1)."""
    if isinstance(error, InvalidProof):
        return f'{CHALLENGE}, error="{error.error}", error_description="{error.reason}"'
    state = error.code.removesuffix("AccessToken")
    return f'{CHALLENGE}, error="invalid_token", error_description="The access token is {state}"'
