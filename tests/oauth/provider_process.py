"""Start the small OpenID provider, and issue its tokens."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from joserfc.jwk import ECKey

from shared.oauth.identity_provider import ProviderSettings

ISSUER, PORTAL = "https://provider.example", "mijn-onderwijs"
RULES: dict[str, Any] = {
    "role_claim": "toetsfeedback_rol_3d",
    "roles": {
        "Raadpleger": ["schools:read", "students:read", "results:read"],
        "Beheerder": ["schools:read", "mandates:write", "audit:read"],
    },
}


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a head of school 000028 with one role."""
    defaults = {
        "iss": ISSUER,
        "aud": PORTAL,
        "exp": int(time.time()) + 3600,
        "scope": "openid vo",
        "vo_id": "a1b2c3",
        "vo_doelgroepcode": "OV",
        "vo_orgcode": "000028",
        "vo_orgnaam": "A school",
        "toetsfeedback_rol_3d": ["Raadpleger:000028"],
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


@dataclass(frozen=True)
class OpenIdProvider:
    url: str
    key_file: Path

    def token(
        self, kind: Literal["opaque", "signed", "of_type_jwt"] = "opaque", **changes: Any
    ) -> str:
        issued = httpx.post(f"{self.url}/issue", json=claims(**changes)).json()
        return str(issued[kind])

    def publish(self, *keys: object, **changes: Any) -> None:
        """Respond to `GET /published` with these keys, or with other `body`, `status`, `delay`."""
        response = {"body": json.dumps({"keys": keys}), "status": 200, "delay": 0}
        httpx.post(f"{self.url}/publish", json=response | changes).raise_for_status()

    def count_requests(self) -> int:
        """Return the number of requests for the published keys until now."""
        return int(httpx.get(f"{self.url}/requests").json())

    def settings(self, **changes: Any) -> ProviderSettings:
        defaults = {
            "issuer": ISSUER,
            "audience": PORTAL,
            "introspection_url": f"{self.url}/introspect",
            "client_id": "toetsfeedback",
            "client_key_file": self.key_file,
            "claims": RULES,
            "timeout_seconds": 5,
        }
        return ProviderSettings.model_validate(defaults | changes)


@contextmanager
def openid_provider(directory: Path) -> Iterator[OpenIdProvider]:
    key_file = directory / "provider-client.pem"
    key_file.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    command = [sys.executable, "-m", "tests.oauth.openid_provider", str(key_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield OpenIdProvider(f"http://127.0.0.1:{process.stdout.readline().strip()}", key_file)
        finally:
            process.kill()
