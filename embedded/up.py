"""The composition behind `toetsfeedback up`: servers, schema, API and workers, until a stop."""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.instance import Instance
from embedded.ports import LOOPBACK, choose_port, is_answered, is_free
from embedded.processes import (
    Program,
    answers_health,
    run_to_end,
    toetsfeedback_command,
)
from embedded.running import DATABASE_URL, REDIS_URL, STORAGE_URL, RunningInstance
from embedded.service_user import Report

Command = Callable[..., list[str]]
Ready = Callable[[RunningInstance], None]

SIGNING_KEYS = "TOETSFEEDBACK_SIGNING_KEYS"
PUBLIC_URL = "TOETSFEEDBACK_PUBLIC_URL"
INSZ_KEY_FILE = "TOETSFEEDBACK_INSZ_KEY_FILE"


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
    """Runs everything until SIGINT or SIGTERM; the exit code is 0 when that was why it stopped.

    `ready` is called once, when all of it answers. `command` turns the arguments `migrate`,
    `api --port N` and `worker` into what is executed.
    """
    instance = Instance(directory, durable=durable, report=report)
    with _stop_signals(instance.supervisor.request_stop):
        try:
            with running(instance, api_port=api_port, workers=workers, command=command) as snapshot:
                _announce(instance, report)
                if ready:
                    ready(snapshot)
                return instance.supervisor.watch()
        except StartInterruptedError:
            return 0
        except EmbeddedError as error:
            report(str(error))
            return 1


@contextmanager
def running(
    instance: Instance,
    *,
    api_port: int | None = None,
    workers: int = 1,
    command: Command = toetsfeedback_command,
) -> Iterator[RunningInstance]:
    """Everything, for the length of a block, on what the environment leaves to us.

    A server that is named in the environment is used as it is and none is started in its place.
    """
    with instance.opened():
        _start_servers(instance)
        _provide_keys(instance)
        _migrate(instance, command)
        instance.make_logins()
        _start_programs(instance, api_port, workers, command)
        yield instance.record()


def _start_servers(instance: Instance) -> None:
    provide = {
        DATABASE_URL: instance.start_postgres,
        REDIS_URL: instance.start_valkey,
        STORAGE_URL: instance.use_storage,
    }
    for variable, start in provide.items():
        if given := os.environ.get(variable):
            instance.environment[variable] = given
        else:
            start()


def _provide_keys(instance: Instance) -> None:
    made = {SIGNING_KEYS: _make_signing_key, INSZ_KEY_FILE: _make_insz_key}
    names = {SIGNING_KEYS: "signing-key.pem", INSZ_KEY_FILE: "insz-key"}
    for variable, make in made.items():
        given = os.environ.get(variable)
        instance.environment[variable] = given or str(instance.data.secret(names[variable], make))


def _make_signing_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _make_insz_key() -> bytes:
    return secrets.token_hex(32).encode()


def _migrate(instance: Instance, command: Command) -> None:
    instance.report("bringing the database to the newest schema")
    run_to_end(
        "migrate",
        instance.data.log("migrate"),
        command("migrate"),
        instance.environment,
        instance.supervisor.is_stopping,
    )


def _start_programs(
    instance: Instance, api_port: int | None, workers: int, command: Command
) -> None:
    port = _api_port(instance, api_port)
    instance.environment |= {
        "TOETSFEEDBACK_API_HOST": LOOPBACK,
        "TOETSFEEDBACK_API_PORT": str(port),
        PUBLIC_URL: os.environ.get(PUBLIC_URL) or f"http://{LOOPBACK}:{port}",
    }
    api = Program(
        "api",
        instance.data.log("api"),
        command("api", "--port", str(port)),
        instance.environment_of("api"),
        lambda: answers_health(port),
    )
    taken = {port}
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    instance.supervisor.start(api, *(_worker(instance, name, taken, command) for name in names))
    # Whoever reads the record takes the address of the API as the sign that it answers.
    instance.api_url = f"http://{LOOPBACK}:{port}"


def _api_port(instance: Instance, wanted: int | None) -> int:
    if wanted and not is_free(wanted):
        raise EmbeddedError(
            f"port {wanted} on {LOOPBACK}, asked for the API, is taken: stop what listens there, "
            "or choose another port"
        )
    port = wanted or choose_port(instance.data.remembered_port("api"))
    instance.data.remember_port("api", port)
    return port


def _worker(instance: Instance, name: str, taken: set[int], command: Command) -> Program:
    """Its metrics port is how it shows that it works."""
    port = choose_port(instance.data.remembered_port(name), avoid=taken)
    taken.add(port)
    instance.data.remember_port(name, port)
    return Program(
        name,
        instance.data.log(name),
        command("worker"),
        instance.environment_of("worker") | {"TOETSFEEDBACK_WORKER_METRICS_PORT": str(port)},
        lambda: is_answered(port),
    )


def _announce(instance: Instance, report: Report) -> None:
    environment = instance.environment
    report(f"API         {instance.api_url}")
    report(f"PostgreSQL  {_address(environment[DATABASE_URL])}")
    report(f"Valkey      {_address(environment[REDIS_URL])}")
    report(f"documents   {environment[STORAGE_URL]}")
    report(f"data        {instance.data.path} (passwords and keys in keys/, logs in logs/)")
    report("Ctrl-C stops all of it.")


def _address(url: str) -> str:
    """Without user and password: this is shown on a terminal."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}{parts.path}" if parts.port else f"{parts.hostname}"


@contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Signals only note the wish, so that no start is cut in two; one that is ignored stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    for number, handler in earlier.items():
        if number != signal.SIGHUP or handler != signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
