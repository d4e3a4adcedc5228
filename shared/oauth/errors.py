"""Errors of tokens and of the authorization server, by the codes of RFC 6749 and RFC 9449."""

from shared.access.rules import Caller
from shared.core.errors import AccessDenied, InvalidAccessToken


class EndedAccessToken(InvalidAccessToken, AccessDenied):
    """A token that was revoked, or whose client was suspended or lost the key, with its caller."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self.caller = caller


class InvalidProof(InvalidAccessToken):
    """A bound token without a valid DPoP proof (RFC 9449, section 7.1)."""

    def __init__(self, reason: str, *, error: str = "invalid_dpop_proof") -> None:
        super().__init__(f"The access token needs a valid DPoP proof for this request: {reason}.")
        self.reason = reason
        self.error = error


class OAuthError(Exception):
    """A failed request to the authorization server (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def provider_unavailable() -> OAuthError:
    return OAuthError(
        "temporarily_unavailable",
        "The identity provider of the subject_token does not respond; try again later.",
    )


def invalid_client(reason: str) -> OAuthError:
    return OAuthError("invalid_client", f"The client assertion cannot be used: {reason}.")


def invalid_request(reason: str) -> OAuthError:
    return OAuthError("invalid_request", reason)
