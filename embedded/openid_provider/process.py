"""The OpenID provider for development as a process."""

from pathlib import Path

import uvicorn
from joserfc.jwk import ECKey

from embedded.openid_provider.app import OpenIdProvider, ProviderClient
from embedded.ports import LOOPBACK


def run_provider(
    issuer: str, port: int, key_file: Path, client: ProviderClient, default_school: Path
) -> None:
    """Serve the provider on loopback until SIGINT or SIGTERM."""
    key = ECKey.import_key(key_file.read_bytes())
    provider = OpenIdProvider(issuer, key, client, default_school)
    uvicorn.run(provider.app(), host=LOOPBACK, port=port, log_config=None, access_log=False)
