"""Implementation of `toetsfeedback up`: servers, schema, API and workers in one process tree."""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.instance import Instance
from embedded.portal_programs import PORTAL_URL, describe_provider, has_portal, portal_programs
from embedded.ports import LOOPBACK, choose_port, is_free, is_listening
from embedded.programs import (
    GRACE_SECONDS,
    Command,
    Program,
    is_healthy,
    run_to_completion,
    toetsfeedback_command,
)
from embedded.running_instance import (
    DATABASE_URL,
    PUBLIC_URL,
    REDIS_URL,
    STORAGE_URL,
    RunningInstance,
)
from embedded.service_user import Report
from shared.core.settings import Settings
from shared.core.version import package_version

Ready = Callable[[RunningInstance], None]

SIGNING_KEYS = "TOETSFEEDBACK_SIGNING_KEYS"
INSZ_KEY_FILE = "TOETSFEEDBACK_INSZ_KEY_FILE"
VIEWING_KEY_FILE = "TOETSFEEDBACK_VIEWING_KEY_FILE"
MANIFEST_KEY_FILE = "TOETSFEEDBACK_MANIFEST_KEY_FILE"
DRAIN_SECONDS = "TOETSFEEDBACK_API_DRAIN_SECONDS"


def run_up(
    directory: Path,
    *,
    api_port: int | None = None,
    workers: int = 1,
    ready: Ready | None = None,
    durable: bool = True,
    report: Report = print,
    command: Command = toetsfeedback_command,
) -> int:
    """Run everything until SIGINT or SIGTERM, and return the exit code: 0 after such a signal.

    `ready` is called once, when everything is ready. `command` returns the command to execute for
    the arguments `migrate`, `api --port N`, `worker`, `portal` and `provider`.
    """
    report = _lossy(report)
    report(f"toetsfeedback {package_version()}: up, process {os.getpid()}")
    instance = Instance(directory, durable=durable, report=report)
    with _stop_signals(instance.supervisor.request_stop):
        try:
            with running(instance, api_port=api_port, workers=workers, command=command) as snapshot:
                _report_addresses(instance, report)
                if ready:
                    ready(snapshot)
                return instance.supervisor.watch()
        except StartInterruptedError:
            return 0
        except EmbeddedError as error:
            report(str(error))
            return 1


def _lossy(report: Report) -> Report:
    """Return a report that ignores its errors: its reader may be gone, or the disk full."""

    def write(line: str) -> None:
        with suppress(OSError):
            report(line)

    return write


@contextmanager
def running(
    instance: Instance,
    *,
    api_port: int | None = None,
    workers: int = 1,
    command: Command = toetsfeedback_command,
) -> Iterator[RunningInstance]:
    """Run everything during a block.

    A server whose URL is set in the environment is used, and no embedded server is started.
    """
    with instance.open():
        _start_servers(instance)
        _provide_keys(instance)
        _migrate(instance, command)
        instance.create_logins()
        _start_programs(instance, api_port, workers, command)
        yield instance.record()


def _start_servers(instance: Instance) -> None:
    embedded = {
        DATABASE_URL: instance.start_postgres,
        REDIS_URL: instance.start_valkey,
        STORAGE_URL: instance.use_storage,
    }
    for variable, start in embedded.items():
        if url := os.environ.get(variable):
            instance.environment[variable] = url
        else:
            start()


def _provide_keys(instance: Instance) -> None:
    generators = {
        SIGNING_KEYS: _generate_signing_key,
        INSZ_KEY_FILE: _generate_secret_key,
        VIEWING_KEY_FILE: _generate_secret_key,
        MANIFEST_KEY_FILE: _generate_signing_key,
    }
    names = {
        SIGNING_KEYS: "signing-key.pem",
        INSZ_KEY_FILE: "insz-key",
        VIEWING_KEY_FILE: "viewing-key",
        MANIFEST_KEY_FILE: "manifest-key.pem",
    }
    for variable, generate in generators.items():
        path = os.environ.get(variable)
        instance.environment[variable] = path or str(
            instance.data.secret(names[variable], generate)
        )


def _generate_signing_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _generate_secret_key() -> bytes:
    return secrets.token_hex(32).encode()


def _migrate(instance: Instance, command: Command) -> None:
    instance.report("migrating the database to the latest schema")
    run_to_completion(
        "migrate",
        instance.data.log("migrate"),
        command("migrate", *_invented_persons(instance)),
        instance.environment,
        instance.supervisor.is_stopping,
    )


def _invented_persons(instance: Instance) -> list[str]:
    """Return the option that registers persons, if PostgreSQL was started here."""
    is_development = DATABASE_URL not in os.environ
    return ["--invent-persons", str(instance.data.keys)] if is_development else []


def _start_programs(
    instance: Instance, api_port: int | None, workers: int, command: Command
) -> None:
    port = _api_port(instance, api_port)
    instance.environment |= {
        "TOETSFEEDBACK_API_HOST": LOOPBACK,
        "TOETSFEEDBACK_API_PORT": str(port),
        PUBLIC_URL: os.environ.get(PUBLIC_URL) or f"http://{LOOPBACK}:{port}",
    }
    used_ports = {port}
    if has_portal():
        describe_provider(instance, used_ports)
    api = Program(
        "api",
        instance.data.log("api"),
        command("api", "--port", str(port)),
        instance.environment_of("api"),
        lambda: is_healthy(port),
        GRACE_SECONDS + _drain_seconds(),
    )
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    instance.supervisor.start(
        api,
        *(_worker(instance, name, used_ports, command) for name in names),
    )
    if has_portal():
        instance.supervisor.start(*portal_programs(instance, command))
    # A reader of the record takes the URL of the API as the sign that everything is ready.
    instance.api_url = f"http://{LOOPBACK}:{port}"


def _drain_seconds() -> float:
    """Return the time that requests have when the API stops; it refuses a wrong value itself."""
    default: float = Settings.model_fields["api_drain_seconds"].default
    try:
        return float(os.environ.get(DRAIN_SECONDS, default))
    except ValueError:
        return default


def _api_port(instance: Instance, requested: int | None) -> int:
    if requested and not is_free(requested):
        raise EmbeddedError(
            f"the port {requested} on {LOOPBACK} for the API is in use: stop the program that "
            "listens there, or choose another port"
        )
    port = requested or choose_port(instance.data.stored_port("api"))
    instance.data.store_port("api", port)
    return port


def _worker(instance: Instance, name: str, used_ports: set[int], command: Command) -> Program:
    """Return a worker that is ready as soon as its metrics port is open."""
    port = choose_port(instance.data.stored_port(name), avoid=used_ports)
    used_ports.add(port)
    instance.data.store_port(name, port)
    return Program(
        name,
        instance.data.log(name),
        command("worker"),
        instance.environment_of("worker") | {"TOETSFEEDBACK_WORKER_METRICS_PORT": str(port)},
        lambda: is_listening(port),
    )


def _report_addresses(instance: Instance, report: Report) -> None:
    environment = instance.environment
    report(f"API         {instance.api_url}")
    report(f"PostgreSQL  {_address(environment[DATABASE_URL])}")
    report(f"Valkey      {_address(environment[REDIS_URL])}")
    report(f"documents   {environment[STORAGE_URL]}")
    report(f"data        {instance.data.path} (passwords and keys in keys/, logs in logs/)")
    portal = environment.get(PORTAL_URL)
    if portal is not None:
        report(f"portal      {portal} (invented people, for development only)")
    report(f"Open {portal or instance.api_url} in a browser. Press Ctrl-C to stop.")


def _address(url: str) -> str:
    """Return the address without user and password, for the terminal."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}{parts.path}" if parts.port else f"{parts.hostname}"


@contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Turn signals into stop requests, so that none interrupts a start; SIGHUP may stay ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    for number, handler in previous.items():
        if number != signal.SIGHUP or handler != signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
