"""What benchmarks of the whole service share: its doors, and what its processes have used."""

import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from embedded.instance import Instance
from services.cli.signing import ProofKey, TokenAuth

ADMINISTRATION = "2024"
KIB = 1024
WITHOUT_DECIMALS = 1000
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"


@dataclass(frozen=True, slots=True)
class Report:
    """Prints figures as they come, one JSON object a line, and keeps them for the document."""

    benchmark: str
    rows: list[str] = field(default_factory=list)

    def show(self, name: str, value: float, **about: str | float) -> None:
        line = {"name": f"{self.benchmark}.{name}", "value": round(value, 3), **about}
        print(json.dumps(line), flush=True)
        notes = ", ".join(f"{key} {note}" for key, note in about.items())
        figure = f"{value:,.0f}" if value >= WITHOUT_DECIMALS else f"{value:.4g}"
        self.rows.append(f"| `{name}` | {figure} | {notes} |\n")

    def write(self, heading: str) -> None:
        """Puts the figures in place of the table below `heading`; the words around it stay."""
        text = DOCUMENT.read_text(encoding="utf-8")
        place = re.compile(rf"(^## {heading}\n(?:(?![|#]).*\n)*)(?:\|.*\n)*\n?", re.MULTILINE)
        table = "".join(["\n\n| figure | value | of |\n| --- | ---: | --- |\n", *self.rows, "\n"])
        if not place.search(text):
            raise SystemExit(f"{DOCUMENT} has no heading {heading!r}: add it")
        written = place.sub(lambda found: found[1].rstrip() + table, text).rstrip() + "\n"
        DOCUMENT.write_text(written, encoding="utf-8")


def cli(instance: Instance, name: str, *arguments: str) -> list[str]:
    """A command of `toetsfeedback` on this instance, to be executed."""
    program = [sys.executable, "-m", "services.cli.main", name]
    return [*program, *arguments, "--data", str(instance.data.path)]


def client(instance: Instance, *token: str) -> httpx.Client:
    """A caller of the API, with tokens of the command line bound to a key of its own."""
    file = instance.data.path / f"bench-{uuid4()}.pem"
    command = cli(instance, "token", "--client", "bench", "--key", str(file), *token)

    def obtain() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    auth = TokenAuth(obtain, ProofKey.in_file(file))
    return httpx.Client(base_url=instance.api_url or "", auth=auth, timeout=60)


@dataclass(frozen=True, slots=True)
class Imported:
    seconds: float
    cpu_seconds: float
    peak_mib: float


def timed_import(instance: Instance, delivery: Path) -> Imported:
    """What the importing process took, its start included."""
    began = time.monotonic()
    process = subprocess.Popen(cli(instance, "import", str(delivery)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the import failed")
    cpu = usage.ru_utime + usage.ru_stime
    return Imported(time.monotonic() - began, cpu, usage.ru_maxrss / KIB)


def start_build(operator: httpx.Client, **about: str) -> str:
    """Where the job that was started, and makes everything, can be followed."""
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": True, **about}
    return operator.post("/v1/jobs", json=body).raise_for_status().headers["Location"]


def wait_for(operator: httpx.Client, job: str, poll_seconds: float) -> dict[str, int]:
    """What came of the job, once it is done."""
    while (answer := operator.get(job)).status_code == httpx.codes.OK:
        if answer.json()["status"]["state"] == "failed":
            raise SystemExit(f"the build failed: {answer.text}")
        time.sleep(poll_seconds)
    result = operator.get(answer.headers["Location"]).raise_for_status().json()
    return dict(result["outcome"])


def cpu_seconds(instance: Instance) -> dict[str, float]:
    """CPU time so far by kind of process; the time of a child that ended is with its parent."""
    used: defaultdict[str, float] = defaultdict(float)
    for process in instance.record().processes:
        root = psutil.Process(process.identity.pid)
        for part in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used[_kind(process.name)] += sum(part.cpu_times()[:4])
    return used


def peak_mib(instance: Instance, kind: str) -> float:
    """The most memory that a process of this kind has held so far, as Linux counts it."""
    processes = instance.record().processes
    return max(_peak(p.identity.pid) for p in processes if _kind(p.name) == kind)


def _kind(name: str) -> str:
    """Workers are numbered: `worker-1`."""
    return name.partition("-")[0]


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / KIB
