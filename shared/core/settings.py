"""Configuration of every process, read from the environment (prefix `TOETSFEEDBACK_`)."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.core.errors import ConfigurationError

MIB = 1024 * 1024


class Settings(BaseSettings):
    """The settings of a process, read once at its entry point and passed on from there.

    The three URLs have no default: a process must not guess its servers.
    """

    model_config = SettingsConfigDict(env_prefix="TOETSFEEDBACK_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="PostgreSQL 15 or later, `postgresql://…`")
    redis_url: SecretStr = Field(description="Redis 7 or Valkey 8 and later, `redis://…`")
    storage_url: str = Field(description="`file:///directory` or `s3://bucket/prefix`")

    signing_keys: Path = Field(
        description="PEM file with the P-256 key that signs tokens, or a directory of such files"
    )
    insz_key_file: Path = Field(description="file with the key for hashing INSZ numbers")
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        description="public address of the API; `iss` of its tokens",
    )
    token_audience: str = Field(default="urn:toetsfeedback:api", description="`aud` of its tokens")

    user_provider_file: Path | None = Field(
        default=None,
        description="JSON file that describes the OpenID provider of people at schools",
    )

    api_host: str = Field(default="127.0.0.1", description="address the API listens on")
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, description="port of the API"
    )
    api_max_connections: Annotated[int, Field(ge=128)] = Field(
        default=2_000, description="maximum number of connections to the API"
    )
    api_max_upload_bytes: Annotated[int, Field(gt=0)] = Field(
        default=2048 * MIB, description="maximum size of an uploaded delivery in bytes"
    )
    api_school_requests_per_minute: Annotated[int, Field(gt=0)] = Field(
        default=6_000, description="rate limit of one school"
    )
    api_client_requests_per_minute: Annotated[int, Field(gt=0)] = Field(
        default=30_000, description="rate limit of one integrator or operator"
    )
    api_address_requests_per_minute: Annotated[int, Field(gt=0)] = Field(
        default=600, description="rate limit of unauthenticated clients per address"
    )
    client_change_delay_hours: Annotated[float, Field(ge=0)] = Field(
        default=24.0, description="hours before a key or scope that operators add takes effect"
    )
    api_bulk_alarm_students_per_hour: Annotated[int, Field(gt=0)] = Field(
        default=5_000,
        description="different students that one caller reads about above which an alarm is raised",
    )
    database_pool_size: Annotated[int, Field(gt=0)] = Field(
        default=6, description="maximum size of a connection pool"
    )

    mandate_max_days: Annotated[int, Field(gt=0)] = Field(
        default=366, description="maximum number of days of a mandate"
    )

    worker_threads: Annotated[int, Field(gt=0)] = Field(
        default=1, description="items that one worker process executes at a time"
    )
    worker_metrics_host: str = Field(
        default="127.0.0.1", description="address on which a worker serves `/metrics`"
    )
    worker_metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="port on which a worker serves `/metrics`; 0 disables it"
    )
    job_lease_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="time without a heartbeat after which another worker takes over"
    )
    job_sweep_seconds: Annotated[float, Field(gt=0)] = Field(
        default=2.0, description="interval of the sweeper"
    )
    audit_export_seconds: Annotated[float, Field(gt=0)] = Field(
        default=300.0,
        description="interval at which workers export the heads of the audit log to the object "
        "store; entries that are younger can be removed without notice",
    )
    job_max_attempts: Annotated[int, Field(gt=0)] = Field(
        default=5, description="attempts after which an item has failed"
    )

    job_interactive_weight: Annotated[int, Field(gt=0)] = Field(
        default=8,
        description="interactive items that are claimed for one bulk item, if both are due",
    )

    log_lines_per_second: Annotated[int, Field(gt=0)] = Field(
        default=100, description="maximum number of log lines of one kind"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: names each variable that is missing or not valid, never its value.
        """
        try:
            return cls()
        except ValidationError as error:
            raise ConfigurationError(_explain(error)) from None

    @field_validator("storage_url")
    @classmethod
    def _storage_scheme_is_known(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"file", "s3"}:
            raise ValueError("must start with file:// or s3://")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url_is_protected(cls, value: str) -> str:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if not (parts.scheme in {"http", "https"} and parts.hostname and is_safe):
            raise ValueError("must start with https://, or have a loopback host")
        if parts.query or parts.fragment or parts.username or value.endswith("/"):
            raise ValueError("must be a URL without user, query, fragment and trailing slash")
        return value

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver in its scheme."""
        _, _, rest = self.database_url.get_secret_value().partition("://")
        return f"postgresql+psycopg://{rest}"


def _explain(error: ValidationError) -> str:
    faults = "; ".join(
        f"TOETSFEEDBACK_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    )
    return f"{faults}. Set them in the environment; docs/reference.md lists all variables."
