"""The portal and the OpenID provider as programs of an instance for development."""

import json
import os

from embedded.instance import Instance
from embedded.openid_provider.people import CLAIM_RULES, CLASS_GROUPS_CLAIM
from embedded.ports import LOOPBACK, choose_port
from embedded.programs import Command, Program, is_healthy
from embedded.running_instance import DATABASE_URL, PUBLIC_URL, REDIS_URL

PROVIDER_FILE = "TOETSFEEDBACK_USER_PROVIDER_FILE"
PORTAL_URL = "TOETSFEEDBACK_PORTAL_URL"
PROVIDER_URL = "TOETSFEEDBACK_PORTAL_PROVIDER_URL"
PORTAL_CLIENT = "toetsfeedback-portal"
"""The id of the portal as a client of the provider."""

PORTAL_KEY, PORTAL_CLIENT_ID, PROVIDER_KEY = "portal.pem", "portal-client-id", "provider-key.pem"
DEFAULT_SCHOOL = "default-school.json"
"""Names of files in `keys/`; `migrate` writes the first two."""


def has_portal() -> bool:
    """Check that `up` starts PostgreSQL itself, and that people do not sign on elsewhere."""
    return DATABASE_URL not in os.environ and PROVIDER_FILE not in os.environ


def describe_provider(instance: Instance, used_ports: set[int]) -> None:
    """Choose the addresses of portal and provider, and describe the provider to the API."""
    for name, variable in (("portal", PORTAL_URL), ("provider", PROVIDER_URL)):
        port = choose_port(instance.data.stored_port(name), avoid=used_ports)
        used_ports.add(port)
        instance.data.store_port(name, port)
        instance.environment[variable] = f"http://{LOOPBACK}:{port}"
    issuer = instance.environment[PROVIDER_URL]
    provider = {
        "issuer": issuer,
        "audience": PORTAL_CLIENT,
        "jwks_url": f"{issuer}/jwks",
        "claims": CLAIM_RULES,
    }
    file = instance.data.write_key("provider.json", json.dumps(provider).encode())
    instance.environment[PROVIDER_FILE] = str(file)


def portal_programs(instance: Instance, command: Command) -> list[Program]:
    """Return the portal and its provider; the portal gets no address of the database."""
    data, environment = instance.data, instance.environment
    client_id = data.keys / PORTAL_CLIENT_ID
    shared = {name: environment[name] for name in (PORTAL_URL, PROVIDER_URL)}
    settings = shared | {
        "TOETSFEEDBACK_PORTAL_API_URL": environment[PUBLIC_URL],
        "TOETSFEEDBACK_PORTAL_CLIENT_ID": client_id.read_text() if client_id.exists() else "",
        "TOETSFEEDBACK_PORTAL_CLIENT_KEY_FILE": str(data.keys / PORTAL_KEY),
        "TOETSFEEDBACK_PORTAL_REDIS_URL": environment[REDIS_URL],
        "TOETSFEEDBACK_PORTAL_PROVIDER_CLIENT_ID": PORTAL_CLIENT,
        "TOETSFEEDBACK_PORTAL_CLASS_GROUPS_CLAIM": CLASS_GROUPS_CLAIM,
    }
    return [
        _program(instance, "provider", shared, command, "--data", str(data.path)),
        _program(instance, "portal", settings, command),
    ]


def _program(
    instance: Instance, name: str, settings: dict[str, str], command: Command, *options: str
) -> Program:
    port = instance.data.stored_port(name) or 0
    arguments = command(name, "--port", str(port), *options)
    return Program(name, instance.data.log(name), arguments, settings, lambda: is_healthy(port))
