"""The API as a process, as an operator runs it."""

import os
import signal
import subprocess
import time

import httpx

from embedded.ports import choose_port
from embedded.programs import child_environment, is_healthy, toetsfeedback_command
from shared.core.settings import Settings

START_SECONDS = 60
STOP_SECONDS = 60


class ApiProcess:
    """`toetsfeedback api` on a port that stays the same when it is started again."""

    def __init__(self, settings: Settings, **changes: str) -> None:
        self.port = choose_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = child_environment(
            {
                "TOETSFEEDBACK_DATABASE_URL": settings.database_url.get_secret_value(),
                "TOETSFEEDBACK_REDIS_URL": settings.redis_url.get_secret_value(),
                "TOETSFEEDBACK_STORAGE_URL": settings.storage_url,
                "TOETSFEEDBACK_SIGNING_KEYS": str(settings.require_file("signing_keys")),
                "TOETSFEEDBACK_MANIFEST_KEY_FILE": str(settings.require_file("manifest_key_file")),
                "TOETSFEEDBACK_VIEWING_KEY_FILE": str(settings.require_file("viewing_key_file")),
                "TOETSFEEDBACK_API_ADDRESS_REQUESTS_PER_MINUTE": "1000000",
                "TOETSFEEDBACK_PUBLIC_URL": self.url,
            }
            | changes
        )
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start the process, unless it is running."""
        if self._process is None or self._process.poll() is not None:
            command = toetsfeedback_command("api", "--port", str(self.port))
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True
            )

    def wait_until_healthy(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not is_healthy(self.port):
            assert time.monotonic() < deadline
            assert self._process.poll() is None
            time.sleep(0.05)

    def request_stop(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGTERM)

    def wait_for_refusal(self) -> None:
        """Wait until the process accepts no connection."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/health")
            except httpx.ConnectError:
                return
        raise AssertionError("the API still accepts connections")

    def wait_for_exit(self) -> None:
        """Wait for the end; uvicorn repeats the signal to itself once everything is closed."""
        assert self._process is not None
        assert self._process.wait(STOP_SECONDS) in {0, -signal.SIGTERM}

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
