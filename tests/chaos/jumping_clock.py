"""Runs a command of ours in a process whose clock jumps about, by so many hours back and ahead."""

import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread

import time_machine

from services.cli.main import main


def keep_jumping(clock: time_machine.Traveller, back: float, ahead: float) -> None:
    chance, began, true_time = Random(1), time.monotonic(), datetime.now(UTC)  # noqa: S311
    while True:
        passed = timedelta(seconds=time.monotonic() - began)
        clock.move_to(true_time + passed + timedelta(hours=chance.uniform(-back, ahead)))
        time.sleep(0.1)


if __name__ == "__main__":
    _, back, ahead, *sys.argv[1:] = sys.argv
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        limits = (clock, float(back), float(ahead))
        Thread(target=keep_jumping, args=limits, daemon=True).start()
        main()
