"""An instance that is started with `toetsfeedback up`, and clients of its API and command line."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from embedded.data_directory import DataDirectory
from embedded.running_instance import RunningInstance
from services.cli.identity import ClientIdentity

START_SECONDS = 120
JOB_SECONDS = 90
FAST = {
    "TOETSFEEDBACK_JOB_LEASE_SECONDS": "3",
    "TOETSFEEDBACK_JOB_SWEEP_SECONDS": "1",
}


@dataclass
class Instance:
    """`toetsfeedback up` on a data directory; it can be restarted."""

    data: Path
    process: "subprocess.Popen[bytes] | None" = None
    clients: list[httpx.Client] = field(default_factory=list)

    def start(self) -> None:
        command = [sys.executable, "-m", "services.cli.main", "up", "--data", str(self.data)]
        log = self.data.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--workers", "2"],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | FAST,
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            instance = DataDirectory(self.data).read_running()
            if instance is not None and instance.api_url is not None:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(self.data.with_suffix(".log").read_text(errors="replace")[-3000:])

    def stop(self) -> list[psutil.Process]:
        """Stop the instance, and return the processes that are still running after 10 seconds."""
        if self.process is None or self.process.poll() is not None:
            return []
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=40)
        return psutil.wait_procs(children, timeout=10)[1]

    def running(self) -> RunningInstance:
        instance = DataDirectory(self.data).read_running()
        assert instance is not None
        return instance

    def pids(self, name: str) -> list[int]:
        return [p.identity.pid for p in self.running().processes if p.name.startswith(name)]

    def cli(self, *arguments: str, code: int = 0) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "services.cli.main", *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert run.returncode == code, run.stdout + run.stderr
        return run.stdout

    def client(self, *token: str) -> httpx.Client:
        """Return a client of the API, with a token for these arguments if there are any."""
        auth = self._auth(*token) if token else None
        client = httpx.Client(base_url=self.running().api_url or "", auth=auth, timeout=30)
        self.clients.append(client)
        return client

    def _auth(self, *token: str) -> httpx.Auth:
        file = self.data.parent / f"key-{len(self.clients)}.pem"
        command = ("token", "--client", "journey", "--key", str(file), *token)
        return TokenAuth(lambda: self.cli(*command).strip(), ProofKey.in_file(file))

    def school(self, school_id: str) -> httpx.Client:
        return self.client("--kind", "school", "--school", school_id)

    def operator(self, person: int = 1) -> httpx.Client:
        """Return an API client of the registered client of one of the invented persons."""
        identity = ClientIdentity.find(self.data, person)
        auth = TokenAuth(identity.obtain_token, identity.proofs)
        client = httpx.Client(base_url=identity.url, auth=auth, timeout=30)
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.stop()


def follow(client: httpx.Client, location: str) -> dict[str, Any]:
    """Poll a task like an external client, and return the JSON of its result."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        response = client.get(location)
        if response.status_code == httpx.codes.SEE_OTHER:
            return dict(client.get(response.headers["Location"]).json())
        body = response.json()
        assert body["status"]["state"] != "failed", body
        time.sleep(0.1)
    raise AssertionError(f"{location} did not end")


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    # Outside pytest's directory, which may not be readable by the user of the servers.
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-journey-"))
    instance = Instance(directory / "data")
    try:
        instance.start()
        yield instance
    finally:
        instance.close()
        shutil.rmtree(directory)
