import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os
import structlog
from shared.core.logging import configure_logging
configure_logging("INFO", process="tests")
for _ in range(3):
    structlog.get_logger().info("x" * 10_000)
os._exit(7)
"""


def test_a_full_disk_under_the_log_stops_nothing() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=full, check=False, timeout=30)
    assert done.returncode == 7
