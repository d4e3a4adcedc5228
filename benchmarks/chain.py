"""Time and peak memory of the chain at several sizes: import, build, and the worker processes.

Prints one JSON object a line. Sizes are in schools; a run starts its own servers and workers in a
throw-away directory, and `growth` compares the largest size with the smallest.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from services.cli.embedded.instance import Instance
from services.cli.embedded.up import running
from services.cli.synthetic.generate import DeliveryPlan, generate_delivery

ADMINISTRATION = "2024"
POLL_SECONDS = 0.05
KIB = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schools", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    peaks: dict[str, list[float]] = {"import": [], "worker": []}
    for schools in arguments.schools:
        with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
            figures = measure(Path(directory), schools, arguments.workers)
        peaks["import"].append(figures["import_peak_mib"])
        peaks["worker"].append(figures["worker_peak_mib"])
        for name, value in figures.items():
            show(f"chain.{name}", value, schools=schools)
    for name, (first, *_, last) in peaks.items():
        show(f"chain.{name}_peak_growth", last / first, schools=arguments.schools[-1])


def show(name: str, value: float, **about: int) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), **about}), flush=True)


def measure(directory: Path, schools: int, workers: int) -> dict[str, float]:
    delivery = directory / "delivery"
    rows = generate_delivery(DeliveryPlan(schools=schools, seed=1), delivery)
    instance = Instance(directory / "data")
    with running(instance, workers=workers):
        seconds, peak = timed_import(directory / "data", delivery)
        figures = {
            "import_seconds": seconds,
            "import_rows_per_second": sum(rows.values()) / seconds,
            "import_peak_mib": peak,
        }
        seconds, fiches = timed_build(directory / "data", instance.api_url or "")
        return figures | {
            "build_seconds": seconds,
            "fiches_per_second": fiches / seconds,
            "worker_peak_mib": max(peak_mib(pid) for pid in worker_pids(instance)),
        }


def timed_import(data: Path, delivery: Path) -> tuple[float, float]:
    """Seconds and peak MiB of the importing process, start-up included."""
    began = time.monotonic()
    process = subprocess.Popen(
        [*command("import"), str(delivery), "--data", str(data)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the import failed")
    return time.monotonic() - began, usage.ru_maxrss / KIB


def timed_build(data: Path, api_url: str) -> tuple[float, int]:
    """Seconds from the request to the end of the job, and the fiches it made."""
    token = subprocess.run(
        [*command("token"), "--client", "bench", "--kind", "operator", "--data", str(data)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=api_url, headers=headers, timeout=60) as client:
        began = time.monotonic()
        body = {"kind": "documents.build", "administrationId": ADMINISTRATION}
        location = client.post("/v1/jobs", json=body).raise_for_status().headers["Location"]
        while (answer := client.get(location)).status_code == httpx.codes.OK:
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - began
        made = client.get(answer.headers["Location"]).raise_for_status().json()["outcome"]
    return seconds, made["fiches"]


def command(name: str) -> list[str]:
    return [sys.executable, "-m", "services.cli.main", name]


def worker_pids(instance: Instance) -> list[int]:
    processes = instance.record().processes
    return [p.identity.pid for p in processes if p.name.startswith("worker")]


def peak_mib(pid: int) -> float:
    """The most memory the process has held so far, as Linux counts it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / KIB


if __name__ == "__main__":
    main()
