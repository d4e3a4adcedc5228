"""Configuration of every process, read from the environment (prefix `TOETSFEEDBACK_`)."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.core.errors import ConfigurationError

MIB = 1024 * 1024
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"
MAX_REMOVED_SHARE = 0.1


class Settings(BaseSettings):
    """The settings of a process, read once at its entry point and passed on from there.

    The three URLs have no default: a process must not guess its servers. A process names the keys
    that it needs with `require_file`.
    """

    model_config = SettingsConfigDict(env_prefix="TOETSFEEDBACK_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="PostgreSQL 15 or later, `postgresql://…`")
    redis_url: SecretStr = Field(description="Redis 7 or Valkey 8 and later, `redis://…`")
    storage_url: str = Field(description="`file:///directory` or `s3://bucket/prefix`")

    signing_keys: Path | None = Field(
        default=None,
        description="PEM file with the P-256 key that signs tokens, or a directory of such files",
    )
    insz_key_file: Path | None = Field(
        default=None, description="file with the key for hashing INSZ numbers"
    )
    manifest_key_file: Path | None = Field(
        default=None,
        description="PEM file with the P-256 key that signs manifests; the API needs its public "
        "part only",
    )
    viewing_key_file: Path | None = Field(
        default=None,
        description="file with the key from which the codes for test viewing follow",
    )
    public_url: str = Field(
        default=DEFAULT_PUBLIC_URL,
        description="public address of the API; `iss` of its tokens",
    )
    token_audience: str = Field(default="urn:toetsfeedback:api", description="`aud` of its tokens")

    user_provider_file: Path | None = Field(
        default=None,
        description="JSON file that describes the OpenID provider of people at schools",
    )

    api_host: str = Field(
        default="127.0.0.1",
        description="address the API listens on: `0.0.0.0` is all of IPv4, `::` all of IPv6 and "
        "IPv4, a name all its addresses",
    )
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, description="port of the API"
    )
    api_max_connections: Annotated[int, Field(ge=128)] = Field(
        default=2_000, description="maximum number of connections to the API"
    )
    api_drain_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="time for requests in progress to end when the API stops"
    )
    api_request_seconds: Annotated[float, Field(gt=0)] = Field(
        default=10.0,
        description="longest time until the first byte of a response; a request that waits longer "
        "for a server is refused",
    )
    api_keep_alive_seconds: Annotated[int, Field(gt=0)] = Field(
        default=75,
        description="seconds for which the API keeps an idle connection open; longer than the "
        "proxy does, which would otherwise send requests on connections that are being closed",
    )
    api_metrics_host: str = Field(
        default="127.0.0.1", description="address on which the API serves `/metrics`"
    )
    api_metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="port on which the API serves `/metrics`; 0 disables it"
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
    api_caller_downloads: Annotated[int, Field(gt=0)] = Field(
        default=32,
        description="downloads of one caller that run at a time in one process of the API; all "
        "people of a school together have twice as many",
    )
    client_change_delay_hours: Annotated[float, Field(ge=0)] = Field(
        default=24.0, description="hours before a key or scope that operators add takes effect"
    )
    release_approvals: Annotated[int, Field(ge=2, le=20)] = Field(
        default=2, description="persons that have to approve an opening; at least two"
    )
    release_approval_hours: Annotated[float, Field(gt=0, le=24 * 30)] = Field(
        default=72.0, description="hours after which an approval of an opening expires"
    )
    api_bulk_alarm_students_per_hour: Annotated[int, Field(gt=0)] = Field(
        default=5_000,
        description="different students that one caller reads about above which an alarm is raised",
    )
    database_pool_size: Annotated[int, Field(gt=0)] = Field(
        default=6, description="maximum size of a connection pool"
    )

    delivery_max_removed_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=MAX_REMOVED_SHARE,
        description="share of the students of an administration, and of a school, that a full "
        "delivery can remove unless it is allowed by number",
    )

    feedback_minimum_students: Annotated[int, Field(ge=5)] = Field(
        default=5,
        description="smallest number of students about whom school feedback shows figures",
    )
    feedback_minimum_calibrated: Annotated[int, Field(ge=5)] = Field(
        default=10, description="the same for calibrations, whose levels nobody at the school knows"
    )

    mandate_max_days: Annotated[int, Field(gt=0)] = Field(
        default=366, description="maximum number of days of a mandate"
    )

    fiche_has_back: bool = Field(
        default=True,
        description="whether a fiche has a back page, with all levels in words and test viewing",
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
        default=2.0, description="interval at which workers look for due items and expired leases"
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

    @field_validator("database_url")
    @classmethod
    def _database_url_can_be_read(cls, value: SecretStr) -> SecretStr:
        _require_url(value, {"postgresql", "postgres"}, "postgresql://login:password@host/database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url_can_be_read(cls, value: SecretStr) -> SecretStr:
        _require_url(value, {"redis", "rediss", "unix"}, "redis://:password@host:6379/0")
        return value

    @field_validator("log_level")
    @classmethod
    def _log_level_is_known(cls, value: str) -> str:
        if value not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
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

    def require_file(
        self,
        name: Literal["signing_keys", "insz_key_file", "manifest_key_file", "viewing_key_file"],
    ) -> Path:
        """Return the path of a key file that this process needs.

        Raises:
            ConfigurationError: names its variable, which is not set.
        """
        path: Path | None = getattr(self, name)
        if path is None:
            description = type(self).model_fields[name].description
            raise ConfigurationError(
                f"TOETSFEEDBACK_{name.upper()} is not set: set it to the path of the {description}"
            )
        return path

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver in its scheme."""
        _, _, rest = self.database_url.get_secret_value().partition("://")
        return f"postgresql+psycopg://{rest}"


def _require_url(value: SecretStr, schemes: set[str], example: str) -> None:
    """Raise ValueError, without the value, for a URL of another scheme or that has no parts."""
    try:
        parts = urlsplit(value.get_secret_value())
        is_url = parts.scheme in schemes and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError(
            f"must be a URL such as {example}, with %XX for special characters in the password"
        )


def _explain(error: ValidationError) -> str:
    faults = "; ".join(
        f"TOETSFEEDBACK_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    )
    return f"{faults}. Set them in the environment; docs/reference.md lists all variables."
