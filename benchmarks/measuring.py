"""Shared steps of the benchmarks: commands, API clients, CPU time and memory of processes."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from clients.python.http import open_client
from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from embedded.instance import Instance

ADMINISTRATION = "2024"
KIB = 1024
RELEASE_DELAY = timedelta(minutes=3)
"""Longer than the verification of all schools of Flanders takes."""
SHORT_DELAY = timedelta(minutes=1)
"""Enough for the verification of a few hundred schools."""
POLL_SECONDS = 0.2


def cli(instance: Instance, name: str, *arguments: str) -> list[str]:
    """Return the arguments that run a `toetsfeedback` command on the instance."""
    program = [sys.executable, "-m", "services.cli.main", name]
    return [*program, *arguments, "--data", str(instance.data.path)]


def build_and_release(instance: Instance, administration: str = ADMINISTRATION) -> None:
    """Build the documents of the administration, and open its student feedback."""
    with client(instance, "--kind", "operator") as operator:
        wait_for(operator, start_build(operator, administrationId=administration), POLL_SECONDS)
    wait_until(plan_release(instance, administration, SHORT_DELAY))


def plan_release(
    instance: Instance, administration: str, delay: timedelta = RELEASE_DELAY
) -> datetime:
    """Open the student feedback of the administration soon; return the moment."""
    opens_at = datetime.now(UTC).replace(microsecond=0) + delay
    command = cli(instance, "release", "rehearse", "--administration", administration)
    command += ["--opens-at", f"{opens_at:%Y-%m-%dT%H:%M:%SZ}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return opens_at


def wait_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def client(instance: Instance, *token: str) -> httpx.Client:
    """Open an API client with tokens from `toetsfeedback token`, bound to a new key."""
    file = instance.data.path / f"bench-{uuid4()}.pem"
    command = cli(instance, "token", "--client", "bench", "--key", str(file), *token)

    def obtain() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    auth = TokenAuth(obtain, ProofKey.in_file(file))
    return open_client(instance.api_url or "", auth)


@dataclass(frozen=True, slots=True)
class ImportUsage:
    """Duration, CPU time and peak memory of an import process."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def timed_import(instance: Instance, delivery: Path) -> ImportUsage:
    """Import a delivery in a new process and measure that process."""
    began = time.monotonic()
    process = subprocess.Popen(cli(instance, "import", str(delivery)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the import failed")
    cpu = usage.ru_utime + usage.ru_stime
    return ImportUsage(time.monotonic() - began, cpu, usage.ru_maxrss / KIB)


def start_build(operator: httpx.Client, **fields: str) -> str:
    """Start a build of all documents; return the URL of its job."""
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": True, **fields}
    return operator.post("/v1/jobs", json=body).raise_for_status().headers["Location"]


def wait_for(operator: httpx.Client, job: str, poll_seconds: float) -> dict[str, int]:
    """Poll the job until it is done; return its outcome."""
    while (response := operator.get(job)).status_code == httpx.codes.OK:
        if response.json()["status"]["state"] == "failed":
            raise SystemExit(f"the build failed: {response.text}")
        time.sleep(poll_seconds)
    result = operator.get(response.headers["Location"]).raise_for_status().json()
    return dict(result["outcome"])


def cpu_seconds(instance: Instance) -> dict[str, float]:
    """Return the CPU seconds used so far per kind of process, children that ended included."""
    used: defaultdict[str, float] = defaultdict(float)
    for process in instance.record().processes:
        root = psutil.Process(process.identity.pid)
        for member in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used[_kind(process.name)] += sum(member.cpu_times()[:4])
    return used


def database_cpu_seconds(instance: Instance) -> float:
    """Return the CPU seconds of the running processes of PostgreSQL, to the microsecond."""
    processes = instance.record().processes
    root = next(process.identity.pid for process in processes if process.name == "postgres")
    children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
    nanoseconds = 0
    for pid in (root, *children):
        with suppress(FileNotFoundError):
            times = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii")
            nanoseconds += int(times.split()[0])
    return nanoseconds / 1e9


def peak_mib(instance: Instance, kind: str) -> float:
    """Return the highest resident memory of a process of this kind so far (`VmHWM` of Linux)."""
    processes = instance.record().processes
    return max(_peak(p.identity.pid) for p in processes if _kind(p.name) == kind)


def reset_peaks(instance: Instance, kind: str) -> None:
    """Let `peak_mib` count from now on (`clear_refs` of Linux)."""
    for process in instance.record().processes:
        if _kind(process.name) == kind:
            Path(f"/proc/{process.identity.pid}/clear_refs").write_text("5", encoding="ascii")


def _kind(name: str) -> str:
    """Return the kind of a process by its name: `worker` for `worker-1`."""
    return name.partition("-")[0]


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / KIB
