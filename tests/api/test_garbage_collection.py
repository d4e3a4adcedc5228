import subprocess
import sys

from embedded.programs import child_environment

SERVER = """
import gc
from services.api.http.server import serve

async def app(scope, receive, send):
    print(gc.get_threshold()[0], gc.get_freeze_count())
    await send({"type": "lifespan.startup.failed", "message": ""})

print(gc.get_threshold()[0], gc.get_freeze_count())
serve(app, "127.0.0.1", 0, drain_seconds=0, keep_alive_seconds=1)
"""
"""A server that ends while it starts; it prints the state of the collector before and after."""


def test_garbage_collection_is_rarer_while_an_api_runs() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SERVER],
        env=child_environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert len(ran.stdout.splitlines()) == 2, ran.stderr
    (before, frozen_before), (after, frozen) = (
        map(int, line.split()) for line in ran.stdout.splitlines()
    )
    assert after > before
    assert frozen > frozen_before == 0
