"""An API that stops waits for its running checks, whose connections would stay open otherwise."""

import threading
import time

import httpx
from sqlalchemy import Engine, text

from services.api.app import create_app
from shared.core.settings import Settings
from tests.api.conftest import serve

BUSY_SECONDS = 0.5


def running_checks() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "health"]


def test_no_check_runs_after_the_api_has_stopped(api_settings: Settings, engine: Engine) -> None:
    with engine.connect() as holder:
        with serve(create_app(api_settings)) as url:
            assert httpx.get(f"{url}/health/ready", timeout=30).status_code == 200
            holder.execute(text("lock table job_items in access exclusive mode"))
            deadline = time.monotonic() + 20
            while not running_checks():
                httpx.get(f"{url}/health", timeout=30)
                assert time.monotonic() < deadline
            threading.Timer(BUSY_SECONDS, holder.rollback).start()
        assert running_checks() == []
