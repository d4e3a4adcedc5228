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


def test_a_full_disk_for_the_log_does_not_stop_a_program() -> None:
    with Path("/dev/full").open("w") as full_disk:
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=full_disk, check=False, timeout=30
        )
    assert process.returncode == 7
