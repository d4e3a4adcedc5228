"""A portal and its provider for people, in front of a real API."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey
from pydantic import SecretStr
from redis import Redis

from clients.python.proofs import ProofKey
from embedded.openid_provider.app import OpenIdProvider, ProviderClient
from embedded.openid_provider.people import CLAIM_RULES
from embedded.ports import LOOPBACK, choose_port
from services.portal.sessions import SessionStore
from services.portal.settings import PortalSettings
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import ClientKind, allowed_scopes
from shared.oauth.clients.service import NewClient, register
from shared.oauth.identity_provider import ProviderSettings
from tests.callers import OPERATOR

PORTAL_CLIENT = "portal"
"""The id of the portal as a client of the provider."""


@dataclass(frozen=True)
class PortalInstallation:
    """The ports of a portal and of its provider, and the directory with their files."""

    directory: Path
    portal_port: int
    provider_port: int

    @classmethod
    def in_directory(cls, directory: Path) -> "PortalInstallation":
        portal = choose_port()
        return cls(directory, portal, choose_port(avoid={portal}))

    @cached_property
    def key(self) -> ProofKey:
        return ProofKey.in_file(self.key_file)

    @property
    def key_file(self) -> Path:
        return self.directory / "portal.pem"

    @property
    def ports(self) -> set[int]:
        return {self.portal_port, self.provider_port}

    @property
    def portal_url(self) -> str:
        return f"http://{LOOPBACK}:{self.portal_port}"

    @property
    def provider_url(self) -> str:
        return f"http://{LOOPBACK}:{self.provider_port}"

    def provider(self) -> OpenIdProvider:
        client = ProviderClient(PORTAL_CLIENT, self.portal_url, self.key.key)
        key = ECKey.generate_key("P-256")
        return OpenIdProvider(self.provider_url, key, client, self.directory / "none")

    def describe_provider(self) -> Path:
        """Write the file that describes the provider to the API."""
        claims: Any = CLAIM_RULES
        described = ProviderSettings(
            issuer=self.provider_url,
            audience=PORTAL_CLIENT,
            jwks_url=f"{self.provider_url}/jwks",
            claims=claims,
        )
        file = self.directory / "provider.json"
        file.write_text(described.model_dump_json(exclude_none=True))
        return file

    def register(self, sessions: Sessions) -> str:
        """Register the portal at the API, and return its `client_id`."""
        kind, keys = ClientKind.PORTAL, [self.key.key.as_dict(private=False)]
        new = NewClient("The portal", kind, allowed_scopes(kind), keys)
        with UnitOfWork(sessions) as unit:
            return str(register(unit, OPERATOR, new).client.id)

    def settings(self, api_url: str, client_id: str, redis_url: SecretStr) -> PortalSettings:
        return PortalSettings(
            url=self.portal_url,
            port=self.portal_port,
            api_url=api_url,
            client_id=client_id,
            client_key_file=self.key_file,
            redis_url=redis_url,
            provider_url=self.provider_url,
            provider_client_id=PORTAL_CLIENT,
        )


def open_sessions(settings: PortalSettings) -> SessionStore:
    """Open the sessions of a portal; the secret of each is in the cookie of its person."""
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    return SessionStore(redis, settings.idle_seconds, settings.session_seconds)
