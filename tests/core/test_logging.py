import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os
import structlog
from shared.core.logging import configure_logging
configure_logging("INFO", 100, process="tests")
for _ in range(3):
    structlog.get_logger().info("x" * 10_000)
os._exit(7)
"""


def test_a_full_disk_for_the_log_does_not_stop_a_program() -> None:
    with Path("/dev/full").open("w") as full_disk:
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=full_disk, check=False, timeout=30
        )
    assert process.returncode == 7


FLOOD = """
import logging
import time
import structlog
from shared.core.logging import configure_logging
configure_logging("INFO", 5, process="tests")
for number in range(1000):
    structlog.get_logger().info("request", route="/flooded", status=401, ms=number)
    logging.getLogger("library").warning("number %d is wrong", number)
structlog.get_logger().info("request", route="/flooded", status=200)
time.sleep(1.1)
structlog.get_logger().info("stopped")
structlog.get_logger().info("stopped")
"""


def test_lines_of_one_kind_are_limited_and_counted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], capture_output=True, check=True, timeout=30, text=True
    )
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [line for line in lines if line.get("status") == 401]
    counts: dict[str, int] = {}
    for line in lines:
        for kind, count in line.get("left_out", {}).items():
            counts[kind] = counts.get(kind, 0) + count
    assert 5 <= len(refused) <= 20
    assert counts["request /flooded 401"] == 1000 - len(refused)
    assert [line["status"] for line in lines if line.get("status") == 200] == [200]
    assert lines[0]["event"] == "process_started"
    assert sum(counts.values()) + len(lines) == 2004
    assert "left_out" not in lines[-1]
