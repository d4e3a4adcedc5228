"""Run a command in a process whose clock jumps randomly, by so many hours back and ahead."""

import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread

import time_machine

from services.cli.main import main


def jump_forever(clock: time_machine.Traveller, back: float, ahead: float) -> None:
    rng, started, true_time = Random(1), time.monotonic(), datetime.now(UTC)  # noqa: S311
    while True:
        elapsed = timedelta(seconds=time.monotonic() - started)
        clock.move_to(true_time + elapsed + timedelta(hours=rng.uniform(-back, ahead)))
        time.sleep(0.1)


if __name__ == "__main__":
    _, back, ahead, *sys.argv[1:] = sys.argv
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        limits = (clock, float(back), float(ahead))
        Thread(target=jump_forever, args=limits, daemon=True).start()
        main()
