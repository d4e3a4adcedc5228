"""Errors of Redis in a sentence with their remedy, for a person at a terminal or in a log."""

import re

from redis import exceptions as errors

_URL = "TOETSFEEDBACK_REDIS_URL"

_KINDS: dict[type[errors.RedisError], str] = {
    errors.AuthenticationError: (
        f"the server refuses the login or its password; correct them in {_URL}"
    ),
    errors.NoPermissionError: (
        f"the login may not use a command; give it all of them, or name another login in {_URL}"
    ),
    errors.ReadOnlyError: f"the server is a read-only replica; name the primary server in {_URL}",
    errors.OutOfMemoryError: "the memory of the server is full; raise its maxmemory",
    errors.BusyLoadingError: "the server is starting; try again in a moment",
    errors.MaxConnectionsError: "the server has no free connection; raise its maxclients",
    errors.InvalidResponse: (
        f"what listens there is neither Redis nor Valkey; correct the host and port in {_URL}"
    ),
    errors.TimeoutError: (
        "the server does not respond in time; check that Redis or Valkey runs there, that the "
        f"network lets this machine connect, and that {_URL} begins with rediss: only for TLS"
    ),
}

_MESSAGES = {
    r"NOAUTH|Authentication required": _KINDS[errors.AuthenticationError],
    r"DB index": f"the server has no database of this number; correct it at the end of {_URL}",
    r"MISCONF": "the server cannot write to its disk, and refuses changes; see its log",
    r"CERTIFICATE|certificate": (
        "the certificate of the server is not trusted; set SSL_CERT_FILE to the certificate of its "
        f"authority, and use the host name of the certificate in {_URL}"
    ),
    r"SSL|TLS": f"the server offers no TLS; enable it there, or begin {_URL} with redis:",
    r"Error -\d+ connecting|not known|resolution": (
        f"the host of the server has no address; correct its name in {_URL}"
    ),
    r"refused": f"nothing listens there; check that Redis or Valkey runs at {_URL}",
    r"Connection closed by server|reset by peer": (
        "the connection was closed; check that Redis or Valkey, and nothing else, runs at " + _URL
    ),
}
"""Patterns of messages, for errors of a general type."""

_OTHER = f"the server cannot be used; check that Redis or Valkey runs at {_URL}"


def explain_redis_error(error: BaseException) -> str:
    """Return the cause and the remedy, separated by a semicolon; without the URL or the message."""
    for kind, sentence in _KINDS.items():
        if isinstance(error, kind):
            return sentence
    return next(
        (found for pattern, found in _MESSAGES.items() if re.search(pattern, str(error))), _OTHER
    )
