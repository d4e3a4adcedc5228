"""Errors that cross rooms: a problem a caller can read (RFC 9457, Belgif), and configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BELGIF = "urn:problem-type:belgif:"
OWN = "urn:problem-type:toetsfeedback:api:"


class ConfigurationError(Exception):
    """The process cannot start as configured; the message names the setting and the remedy."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault in what a caller sent.

    `where` is `query`, `path`, `header` or `body`; `name` is the parameter, or for a body a
    JSON pointer. The value itself is left out: it could be personal.
    """

    type: str
    where: str
    name: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"type": self.type, "in": self.where, "name": self.name, "detail": self.detail}


class Problem(Exception):  # noqa: N818  # the standard calls it a problem
    """What went wrong, in the words of the Belgif problem types; never holds personal data."""

    def __init__(
        self,
        type_: str,
        title: str,
        status: int,
        detail: str,
        *,
        issues: Sequence[Issue] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.type = type_
        self.title = title
        self.status = status
        self.detail = detail
        self.issues = tuple(issues)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        """The members of problem+json, without `instance`, which belongs to one response."""
        body: dict[str, Any] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.issues:
            body["issues"] = [issue.as_json() for issue in self.issues]
        return body | self.extra


class Refusal(Problem):
    """A decision of the access policy; its trail is kept although the request ends in an error."""


class ResourceNotFound(Refusal):
    """One and the same answer for what does not exist, is not the caller's, or is not open yet."""

    def __init__(self) -> None:
        super().__init__(
            f"{BELGIF}resourceNotFound",
            "Resource Not Found",
            404,
            "There is no such resource, or it is not available to you.",
        )


class MissingScope(Refusal):
    def __init__(self, required: Sequence[str]) -> None:
        super().__init__(
            f"{BELGIF}missingScope",
            "Missing Scope",
            403,
            "The access token does not hold a scope that this operation requires.",
            extra={"requiredScopes": sorted(required)},
        )


class MissingPermission(Refusal):
    def __init__(self, detail: str) -> None:
        super().__init__(f"{BELGIF}missingPermission", "Missing Permission", 403, detail)


class NoAccessToken(Problem):
    def __init__(self) -> None:
        super().__init__(
            f"{BELGIF}noAccessToken",
            "No Access Token",
            401,
            "This operation needs an access token in the Authorization header.",
            headers={"WWW-Authenticate": 'Bearer realm="toetsfeedback"'},
        )


class InvalidAccessToken(Problem):
    def __init__(self, *, expired: bool = False) -> None:
        kind = "expired" if expired else "invalid"
        super().__init__(
            f"{BELGIF}{kind}AccessToken",
            f"{kind.capitalize()} Access Token",
            401,
            f"The access token is {kind}; ask for a new one.",
            headers={
                "WWW-Authenticate": f'Bearer realm="toetsfeedback", error="invalid_token", '
                f'error_description="The access token is {kind}"'
            },
        )


class BadRequest(Problem):
    def __init__(self, detail: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(f"{BELGIF}badRequest", "Bad Request", 400, detail, issues=issues)


class Conflict(Problem):
    """`name` is the last part of the problem type, in lowerCamelCase."""

    def __init__(self, name: str, title: str, detail: str) -> None:
        super().__init__(f"{OWN}{name}", title, 409, detail)


def invalid_input(where: str, name: str, detail: str) -> BadRequest:
    """A request whose one parameter or field has a value that cannot be used."""
    issue = Issue(f"{BELGIF}input-validation:invalidInput", where, name, detail)
    return BadRequest("The request has input that cannot be used.", [issue])
