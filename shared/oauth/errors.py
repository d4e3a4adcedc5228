"""What goes wrong around tokens, in the words of the standards that name it."""

from collections.abc import Mapping

from shared.core.errors import BELGIF, Problem
from shared.oauth.jose import ALGORITHMS


class InvalidProof(Problem):
    """A bound token without a proof that holds (RFC 9449, section 7.1)."""

    def __init__(self, reason: str, *, error: str = "invalid_dpop_proof") -> None:
        super().__init__(
            f"{BELGIF}invalidAccessToken",
            "Invalid Access Token",
            401,
            f"The access token needs a DPoP proof that holds for this request: {reason}.",
            headers={
                "WWW-Authenticate": f'DPoP realm="toetsfeedback", error="{error}", '
                f'error_description="{reason}", algs="{" ".join(ALGORITHMS)}"'
            },
        )


class OAuthError(Exception):
    """Why a request under /oauth2 failed (RFC 6749, section 5.2); quotes nothing of it."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def provider_away() -> OAuthError:
    return OAuthError(
        "temporarily_unavailable",
        "The provider of the person's token gives no answer now; try again later.",
        status=503,
    )


def invalid_client(reason: str) -> OAuthError:
    return OAuthError(
        "invalid_client", f"The client assertion cannot be used: {reason}.", status=401
    )


def invalid_request(reason: str) -> OAuthError:
    return OAuthError("invalid_request", reason)
