"""Errors of a client of the API."""

from typing import Any

import httpx


class KeyFileError(Exception):
    """A file that has no usable private key; the message names it and the remedy."""


class ApiRefusal(Exception):  # noqa: N818  # named after what the API does
    """A response of the API that is not a success, with its detail and its issues.

    An issue is the name of a parameter, or the JSON pointer of a property, with its detail.
    `kind` is the last part of the problem type, or the error code of OAuth; empty without one.
    `path` is that of the request.
    `required_scopes` has the scopes one of which the access token needs, if it has none of them.
    `retry_after` is the time in seconds after which to try again, as the response names it.
    """

    def __init__(self, response: httpx.Response) -> None:
        body = json_of(response)
        found = body.get("detail") or body.get("error_description") or _unlike_ours(response)
        self.detail = str(found)
        super().__init__(self.detail)
        self.path = response.request.url.path
        self.status = response.status_code
        self.retry_after = response.headers.get("Retry-After", "")
        self.kind = str(body.get("type") or body.get("error") or "").rpartition(":")[2]
        self.required_scopes = [str(scope) for scope in body.get("requiredScopes", ())]
        self.issues = [(str(i["name"]), str(i["detail"])) for i in body.get("issues", ())]


def json_of(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a response; an empty one if its body is something else."""
    try:
        body = response.json()
    except (ValueError, httpx.ResponseNotRead):
        return {}
    return body if isinstance(body, dict) else {}


def _unlike_ours(response: httpx.Response) -> str:
    return (
        f"{response.request.url.host} responded with {response.status_code} and is not the API; "
        "correct the address of the API"
    )
