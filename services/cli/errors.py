"""Errors of commands, each as one line that names the option, variable or file and the remedy."""

import errno
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import psycopg
from alembic.util import CommandError
from joserfc.errors import JoseError
from sqlalchemy.exc import DBAPIError

from clients.python.errors import ApiRefusal, KeyFileError
from embedded.errors import EmbeddedError
from services.cli.identity import PUBLIC_URL
from services.portal.settings import PortalConfigurationError
from shared.access.rules import CallerError
from shared.core.database_errors import explain_database_error
from shared.core.errors import ConfigurationError, DomainError, InvalidInput
from shared.core.logging import describe_error
from synthetic.generate import SyntheticDeliveryError
from synthetic.plan import TargetDirectoryError

WITH_REMEDY = (
    KeyFileError,
    PortalConfigurationError,
    ConfigurationError,
    EmbeddedError,
    CallerError,
    DomainError,
)
"""Errors whose message is a sentence for the user."""

OPTIONS = {
    "administrationId": "--administration",
    "clientId": "CLIENT",
    "keys": "--key",
    "name": "NAME",
    "personName": "NAME",
    "pageSize": "--first",
    "schoolId": "--school",
    "scopes": "--scope",
    "thumbprint": "THUMBPRINT",
    "kid": "THUMBPRINT",
    "changeId": "CHANGE",
    "predecessor": "PREDECESSOR",
}
"""Options and arguments by the names of the API, where they differ."""

PARTS_OF_A_PLAN = {"windows": "window", "reopenings": "reopening"}
"""Lists in the file of a release plan, whose items messages number from 1."""

_FILE_REMEDIES = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.EISDIR: "give the path of a file",
    errno.EACCES: "give this user permission, or another path",
    errno.EPERM: "give this user permission, or another path",
    errno.EROFS: "give a path on another disk",
    errno.EEXIST: "give another path",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
}


def explain(error: Exception) -> str:
    """Return the line for an error: its cause and its remedy, never a person.

    An error that no user caused gets its type and place, not its message, which may quote data.
    """
    return _explain_known(error) or _explain_unexpected(error)


def _explain_known(error: Exception) -> str | None:
    for kind, explanation in _EXPLANATIONS.items():
        if isinstance(error, kind):
            return explanation(error)
    return str(error) if isinstance(error, WITH_REMEDY) else None


def option_of(name: str) -> str:
    """Return the option or argument of the command line for a property of the API."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return OPTIONS.get(name, f"--{words}")


def _explain_refusal(error: ApiRefusal) -> str:
    lines = []
    for name, detail in error.issues:
        head, *steps = name.removeprefix("/").split("/")
        lines.append(f"{_place_of(head, steps)}: {detail}" if head else detail)
    return " ".join(lines) or f"{error.detail}{_remedy_of(error)}"


def _place_of(head: str, steps: list[str]) -> str:
    """Return the option and the place in its value, or the place in the file of a plan."""
    if head in PARTS_OF_A_PLAN and steps:
        number, *inner = steps
        return ", ".join([f"FILE, {PARTS_OF_A_PLAN[head]} {int(number) + 1}", *inner])
    return f"{option_of(head)} ({'/'.join(steps)})" if steps else option_of(head)


def _remedy_of(error: ApiRefusal) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return f" Check the ids in {error.path}."
    if error.required_scopes:
        wanted = " or ".join(error.required_scopes)
        return f" Request {wanted} for your client with `toetsfeedback client scopes`."
    return ""


def _explain_input(error: InvalidInput) -> str:
    if not error.field:
        return error.detail
    head, *rest = str(error.field[0]).split("_")
    return f"{option_of(head + ''.join(map(str.capitalize, rest)))}: {error.detail}"


def _explain_statement(error: DBAPIError) -> str | None:
    return explain_database_error(error.orig)


def _explain_transport(error: httpx.InvalidURL | httpx.TransportError) -> str:
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return f"the address of the API is no URL: set {PUBLIC_URL} to https://…"
    if isinstance(error, httpx.LocalProtocolError):
        return (
            "METHOD or PATH has characters that HTTP does not allow; write one as GET /v1/schools"
        )
    address = _address_of(error)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            f"the certificate of the API{address} is not trusted: set SSL_CERT_FILE to the "
            f"certificate of its authority, and {PUBLIC_URL} to the host name of the certificate"
        )
    return (
        f"the API{address} does not respond: check that it runs there, or set {PUBLIC_URL} to its "
        "address"
    )


def _address_of(error: httpx.TransportError) -> str:
    try:
        url = error.request.url
    except RuntimeError:
        return ""
    return f" at {url.scheme}://{url.netloc.decode('ascii')}"


def _explain_file(error: OSError) -> str:
    remedy = _FILE_REMEDIES.get(error.errno or 0, "check the path and the permissions")
    reason = error.strerror or "it cannot be used"
    if error.filename is None:
        return f"the output or a file cannot be used ({reason}): {remedy}"
    return f"{error.filename}: {reason}; {remedy}"


def _explain_unexpected(error: Exception) -> str:
    described = describe_error(error)
    place = described["frames"][-1] if described["frames"] else "an unknown place"
    return f"unexpected {described['error']} at {place}; report this line"


_EXPLANATIONS: dict[type[Exception], Callable[[Any], str | None]] = {
    ApiRefusal: _explain_refusal,
    InvalidInput: _explain_input,
    DBAPIError: _explain_statement,
    psycopg.Error: explain_database_error,
    httpx.InvalidURL: _explain_transport,
    httpx.TransportError: _explain_transport,
    OSError: _explain_file,
    UnicodeError: lambda _: "an argument, a file or a variable is not in UTF-8; write it in UTF-8",
    CommandError: lambda error: f"REVISION: {error}; leave it out for the newest schema",
    TargetDirectoryError: lambda error: f"--out: {error}",
    SyntheticDeliveryError: lambda error: str(error).replace(
        "administration_id", "--administration"
    ),
    JoseError: lambda _: "a key cannot sign; give the PEM file of a private P-256 key",
}
"""Errors that other code raises, by type."""
