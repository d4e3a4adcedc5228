"""Domain errors: a stable code and a detail; each entry point presents them in its own way.

The API turns a code into a problem (`services/api/http/problem_types.py`), the worker stores the
error with the job, and the command line prints its detail.
"""

from collections.abc import Iterable
from typing import Any


class ConfigurationError(Exception):
    """The process cannot start as configured; the message names the setting and the remedy."""


class DomainError(Exception):
    """A use case that cannot be completed.

    `code` is in lowerCamelCase and never changes; `detail` names the thing and the remedy; `data`
    contains further values by name. None of them contains personal data.
    """

    def __init__(self, code: str, detail: str, **data: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """Return the error as it is stored with a job."""
        return {"code": self.code, "detail": self.detail, **self.data}


class AccessDenied(DomainError):  # noqa: N818  # named after the decision
    """A denial by the access policy; its audit event is committed although the request fails."""


class ResourceNotFound(AccessDenied):
    """A resource that does not exist, is out of reach, or is not released: one error for all."""

    def __init__(self) -> None:
        super().__init__(
            "resourceNotFound", "There is no such resource, or it is not available to you."
        )


class MissingScope(AccessDenied):
    """The access token has none of the required scopes."""

    def __init__(self, required: Iterable[str]) -> None:
        super().__init__(
            "missingScope", "The access token does not have a scope that this operation requires."
        )
        self.required = sorted(required)


class MissingPermission(AccessDenied):
    """The caller may not do this, whatever the scopes of its token."""

    def __init__(self, detail: str) -> None:
        super().__init__("missingPermission", detail)


class InvalidAccessToken(DomainError):  # noqa: N818  # named after its code
    """An access token that is not valid, has expired, or was revoked."""

    def __init__(self, detail: str | None = None, *, is_expired: bool = False) -> None:
        state = "expired" if is_expired else "invalid"
        default = f"The access token is {state}; request a new one."
        super().__init__(f"{state}AccessToken", detail or default)


class InvalidInput(DomainError):  # noqa: N818  # named after its code
    """A value that cannot be used.

    `field` is its path, in the names of the use case: `("until_on",)`, `("keys", 0)`. The path is
    empty when the whole input cannot be used.
    """

    def __init__(self, *field: str | int, detail: str) -> None:
        super().__init__("invalidInput", detail)
        self.field = field


class Conflict(DomainError):  # noqa: N818  # the standard word
    """The current state of the resource does not allow the change."""
