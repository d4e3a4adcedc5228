"""JSON of /oauth2 and /.well-known, by the names that the standards give; in snake_case."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class OAuthResponse(BaseModel):
    model_config = ConfigDict(frozen=True)


class TokenResponse(OAuthResponse):
    """RFC 6749, section 5.1."""

    access_token: str
    token_type: Annotated[str, Field(description="`DPoP` or `Bearer`.")]
    expires_in: Annotated[int, Field(description="Seconds; at most 600.")]
    scope: str
    issued_token_type: Annotated[
        str | None, Field(description="After a token exchange (RFC 8693).")
    ] = None


class Introspection(OAuthResponse):
    """RFC 7662, section 2.2. A token that is not the client's own is just not active."""

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
    """RFC 6749, section 5.2."""

    error: str
    error_description: str


class Metadata(OAuthResponse):
    """RFC 8414, section 2."""

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
    """RFC 7517, section 5."""

    keys: list[dict[str, Any]]
