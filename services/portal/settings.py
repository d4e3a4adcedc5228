"""Configuration of the portal, read from the environment (prefix `TOETSFEEDBACK_PORTAL_`)."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}


class PortalConfigurationError(Exception):
    """The portal cannot start as configured; the message names the setting and the remedy."""


class PortalSettings(BaseSettings):
    """The settings of the portal; it knows the API by its public address alone."""

    model_config = SettingsConfigDict(
        env_prefix="TOETSFEEDBACK_PORTAL_", frozen=True, extra="ignore"
    )

    url: str = Field(description="public address of the portal")
    host: str = Field(default="127.0.0.1", description="address that the portal listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8001, description="port of the portal"
    )
    api_url: str = Field(description="public address of the API")
    client_id: str = Field(description="`client_id` of the portal at the API")
    client_key_file: Path = Field(
        description="PEM file with the P-256 key of the portal, at the API and the provider"
    )
    redis_url: SecretStr = Field(description="Redis or Valkey with the sessions, `redis://…`")
    provider_url: str = Field(description="issuer of the OpenID provider of people at schools")
    provider_client_id: str = Field(description="`client_id` of the portal at the provider")
    class_groups_claim: str = Field(
        default="toetsfeedback_klassen",
        description="claim of the ID token with the class groups of a teacher",
    )
    max_connections: Annotated[int, Field(ge=128)] = Field(
        default=2_000, description="maximum number of connections to the portal"
    )
    idle_seconds: Annotated[int, Field(gt=0)] = Field(
        default=900, description="time without a request after which a session ends"
    )
    session_seconds: Annotated[int, Field(gt=0)] = Field(
        default=8 * 3600, description="time after which any session ends"
    )

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment.

        Raises:
            PortalConfigurationError: names each variable that is missing or not valid.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = "; ".join(
                f"TOETSFEEDBACK_PORTAL_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise PortalConfigurationError(
                f"{faults}. Set them in the environment; docs/portal.md lists all variables."
            ) from None

    @field_validator("url", "api_url", "provider_url")
    @classmethod
    def _is_protected(cls, value: str) -> str:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS
        if not (parts.scheme in {"http", "https"} and parts.hostname and is_safe):
            raise ValueError("must start with https://, or have a loopback host")
        if parts.query or parts.fragment or parts.username or value.endswith("/"):
            raise ValueError("must be a URL without user, query, fragment and trailing slash")
        return value
