import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from migrations.logins import login_of
from services.api.http.server import IDLE_DRAIN_SECONDS
from services.cli.main import COMMANDS
from services.portal.settings import PortalSettings
from shared.core.settings import Settings

ROOT = Path(__file__).parents[1]
PREFIX = "TOETSFEEDBACK_"
PROGRAMS = {"api", "migrate", "worker"}
PORTAL = "portal"
PORTAL_PREFIX = "TOETSFEEDBACK_PORTAL_"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}")
REQUIRED = re.compile(r"(?<!\$)\$\{\w+:\?[^}]+\}")
PINNED = re.compile(r"(postgres:\d+\.\d+|[\w./-]+:v?\d+\.\d+\.\d+)(-[a-z]+)*")
SECRET_NAME = re.compile(r"PASSWORD|SECRET_KEY$|SECRET_ACCESS_KEY|ACCESS_KEY|RPC_SECRET|_AUTH$")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment(service: str) -> dict[str, str]:
    return dict(SERVICES[service].get("environment", {}))


def with_values(text: str) -> str:
    """Substitute a URL or a digit for every variable, as compose does."""
    return VARIABLE.sub(
        lambda variable: "https://host.example" if variable[1].endswith("_URL") else "7", text
    )


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_a_health_check_or_others_wait_for_its_end(name: str) -> None:
    service = SERVICES[name]
    if "healthcheck" in service:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        return
    waits = [other.get("depends_on", {}).get(name) for other in SERVICES.values()]
    assert service["restart"] == "no"
    assert {"condition": "service_completed_successfully"} in waits


@pytest.mark.parametrize("name", ["api", "worker"])
def test_program_starts_after_migration_with_healthy_servers(name: str) -> None:
    conditions = {
        server: wait["condition"] for server, wait in SERVICES[name]["depends_on"].items()
    }
    assert conditions == {
        "postgres": "service_healthy",
        "valkey": "service_healthy",
        "store": "service_healthy",
        "migrate": "service_completed_successfully",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_no_unneeded_privilege(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is (name != "store")  # an inline config needs a root it can write
    assert not service.keys() & {"privileged", "network_mode", "pid", "devices", "container_name"}
    assert "cap_add" not in service or name == "postgres"


def test_secret_has_no_default() -> None:
    for service in SERVICES:
        for name, value in environment(service).items():
            if SECRET_NAME.search(name):
                assert REQUIRED.fullmatch(value), f"{service}: {name}"
            elif (parts := urlsplit(value)).password is not None or "@" in parts.netloc:
                password = value.split("@")[0].partition("://")[2].partition(":")[2]
                assert REQUIRED.fullmatch(password), f"{service}: {name}"
    for name, secret in COMPOSE["secrets"].items():
        assert secret.keys() == {"file"}, name
        assert REQUIRED.fullmatch(secret["file"]), name


def test_only_a_published_port_has_a_default() -> None:
    defaults = {
        variable[1]
        for text in strings(COMPOSE)
        for variable in VARIABLE.finditer(text)
        if not (variable[2] or "").startswith(":?")
    }
    assert defaults == {"API_PORT", "PORTAL_PORT"}


def test_operations_page_names_every_required_variable() -> None:
    required = {
        variable[1]
        for text in strings(COMPOSE)
        for variable in VARIABLE.finditer(text)
        if (variable[2] or "").startswith(":?")
    }
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert {name for name in required if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("name", SERVICES)
def test_port_is_published_on_loopback_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert bool(ports) is (name in {"api", PORTAL})


def test_servers_are_on_an_internal_network() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in SERVICES.items() if service["networks"] != ["inside"]}
    assert outside == {"api", PORTAL}


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_to_one_version(name: str) -> None:
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_program_images_have_the_version_of_the_project() -> None:
    image = f"toetsfeedback:{PROJECT['version']}"
    assert {SERVICES[name]["image"] for name in (*PROGRAMS, PORTAL)} == {image}
    described = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"docker build --tag {image} ." in described
    assert f"docker run --rm --env-file toetsfeedback.env {image} worker" in described


@pytest.mark.parametrize("name", [*sorted(PROGRAMS), PORTAL])
def test_program_runs_a_command_of_the_command_line(name: str) -> None:
    assert SERVICES[name]["command"] == [name]
    assert name in COMMANDS


@pytest.mark.parametrize("name", SERVICES)
def test_prefixed_variable_is_a_setting(name: str) -> None:
    of_portal = name == PORTAL
    prefix, settings = (PORTAL_PREFIX, PortalSettings) if of_portal else (PREFIX, Settings)
    ours = {variable for variable in environment(name) if variable.startswith(PREFIX)}
    known = {f"{prefix}{field.upper()}" for field in settings.model_fields}
    assert ours <= known
    assert bool(ours) is (name in {*PROGRAMS, PORTAL})


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_has_every_required_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, with_values(value))
    settings = Settings.from_environment()
    assert urlsplit(settings.sqlalchemy_url).hostname == "postgres"
    assert urlsplit(settings.redis_url.get_secret_value()).hostname == "valkey"
    assert settings.api_host == ("0.0.0.0" if name == "api" else "127.0.0.1")  # noqa: S104  # inside a container


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_only_migrate_connects_as_the_database_owner(name: str) -> None:
    url = urlsplit(with_values(environment(name)["TOETSFEEDBACK_DATABASE_URL"]))
    login = SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    if name != "migrate":
        login = login_of(url.path.removeprefix("/"), name)
        assert f"{name.upper()}_DATABASE_PASSWORD" in environment("migrate")
    assert url.username == login


@pytest.mark.parametrize(
    ("name", "key", "setting"),
    [("api", "signing_key", "SIGNING_KEYS"), ("worker", "insz_key", "INSZ_KEY_FILE")],
)
def test_program_gets_only_the_key_it_uses(name: str, key: str, setting: str) -> None:
    of_manifests = {"api": "manifest_public_key", "worker": "manifest_key"}[name]
    assert SERVICES[name]["secrets"] == [key, of_manifests, "viewing_key"]
    keys = {PREFIX + "SIGNING_KEYS", PREFIX + "INSZ_KEY_FILE"} & environment(name).keys()
    assert keys == {PREFIX + setting}
    assert environment(name)[PREFIX + setting] == f"/run/secrets/{key}"
    assert environment(name)[PREFIX + "VIEWING_KEY_FILE"] == "/run/secrets/viewing_key"
    assert environment(name)[PREFIX + "MANIFEST_KEY_FILE"] == f"/run/secrets/{of_manifests}"


def test_migration_gets_no_key() -> None:
    assert "secrets" not in SERVICES["migrate"]
    names = {PREFIX + name for name in ("SIGNING_KEYS", "INSZ_KEY_FILE", "MANIFEST_KEY_FILE")}
    assert not names & environment("migrate").keys()


def test_api_has_longer_to_stop_than_its_requests_have_to_end() -> None:
    grace = int(SERVICES["api"]["stop_grace_period"].removesuffix("s"))
    unit = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("API\n")[2]
    timeout = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert timeout is not None
    drain: float = Settings.model_fields["api_drain_seconds"].default
    assert min(grace, int(timeout[1])) > drain + IDLE_DRAIN_SECONDS


def test_programs_and_store_agree_on_bucket_region_and_address() -> None:
    store = tomllib.loads(COMPOSE["configs"]["garage"]["content"])
    ours, theirs = environment("worker"), environment("store")
    endpoint = urlsplit(ours["AWS_ENDPOINT_URL"])
    assert endpoint.hostname == "store"
    assert store["s3_api"]["api_bind_addr"] == f"0.0.0.0:{endpoint.port}"
    assert store["s3_api"]["s3_region"] == ours["AWS_REGION"]
    assert urlsplit(ours[f"{PREFIX}STORAGE_URL"]).netloc == theirs["GARAGE_DEFAULT_BUCKET"]
    assert ours["AWS_ACCESS_KEY_ID"] == theirs["GARAGE_DEFAULT_ACCESS_KEY"]
    assert ours["AWS_SECRET_ACCESS_KEY"] == theirs["GARAGE_DEFAULT_SECRET_KEY"]
    assert store["data_dir"].startswith("/var/lib/garage/")
    assert SERVICES["store"]["volumes"] == ["store:/var/lib/garage"]


def test_health_check_uses_the_port_of_the_program() -> None:
    api, worker = environment("api"), environment("worker")
    assert (
        f"127.0.0.1:{api[f'{PREFIX}API_PORT']}/health" in SERVICES["api"]["healthcheck"]["test"][-1]
    )
    portal = f"127.0.0.1:{environment(PORTAL)[f'{PORTAL_PREFIX}PORT']}/health"
    assert portal in SERVICES[PORTAL]["healthcheck"]["test"][-1]
    port = worker[f"{PREFIX}WORKER_METRICS_PORT"]
    assert f"127.0.0.1:{port}/metrics" in SERVICES["worker"]["healthcheck"]["test"][-1]
    for name in ("api", "worker", PORTAL):
        compile(SERVICES[name]["healthcheck"]["test"][-1], name, "exec")


def test_client_addresses_are_taken_from_the_proxy_of_this_machine_and_the_portal_only() -> None:
    (outside,) = COMPOSE["networks"]["outside"]["ipam"]["config"]
    gateway, portal = outside["gateway"], SERVICES[PORTAL]["networks"]["outside"]["ipv4_address"]
    trusted = {name: environment(name).get("FORWARDED_ALLOW_IPS") for name in SERVICES}
    assert trusted.pop("api") == f"{gateway},{portal}"
    assert trusted.pop(PORTAL) == gateway
    assert set(trusted.values()) == {None}
    subnet, others = (ip_network(outside[name]) for name in ("subnet", "ip_range"))
    assert set(others) < set(subnet)
    for address in map(ip_address, (gateway, portal)):
        assert address in subnet
        assert address not in others


def test_metrics_of_the_api_are_on_a_port_that_is_not_published() -> None:
    api = environment("api")
    assert api[f"{PREFIX}API_METRICS_PORT"] not in {api[f"{PREFIX}API_PORT"], "0"}
    assert all(
        not port.endswith(f":{api[f'{PREFIX}API_METRICS_PORT']}")
        for port in SERVICES["api"]["ports"]
    )


def test_worker_unpacks_deliveries_on_disk() -> None:
    temporary = "/tmp"  # noqa: S108  # a path in the container
    assert {"type": "volume", "target": temporary} in SERVICES["worker"]["volumes"]
    assert "tmpfs" not in SERVICES["worker"]


def test_compose_file_matches_the_compose_schema() -> None:
    package = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(package.read_text(encoding="utf-8"))
    faults = [error.message for error in Draft202012Validator(schema).iter_errors(COMPOSE)]
    assert faults == []
