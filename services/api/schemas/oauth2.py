"""JSON of /oauth2 and /.well-known, with the snake_case names of the standards."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class OAuthResponse(BaseModel):
    model_config = ConfigDict(frozen=True)


class TokenResponse(OAuthResponse):
    """An access token response (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Annotated[str, Field(description="`DPoP` or `Bearer`.")]
    expires_in: Annotated[int, Field(description="Lifetime in seconds; at most 600.")]
    scope: str
    issued_token_type: Annotated[
        str | None, Field(description="Present after a token exchange (RFC 8693).")
    ] = None


class Introspection(OAuthResponse):
    """An introspection response (RFC 7662, section 2.2).

    `active` is false for another client's token.
    """

    active: bool
    scope: str | None = None
    client_id: str | None = None
    sub: str | None = None
    token_type: str | None = None
    iss: str | None = None
    aud: str | None = None
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None
    cnf: dict[str, str] | None = None


class OAuthProblem(OAuthResponse):
    """An error response (RFC 6749, section 5.2)."""

    error: str
    error_description: str


class Metadata(OAuthResponse):
    """Authorization server metadata (RFC 8414, section 2)."""

    issuer: str
    token_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    response_types_supported: list[str]
    grant_types_supported: list[str]
    scopes_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    dpop_signing_alg_values_supported: list[str]


class KeySet(OAuthResponse):
    """A JWK set (RFC 7517, section 5)."""

    keys: list[dict[str, Any]]
