"""A process that does a use case of test viewing, and is killed at a moment of its transaction."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Final, Self
from uuid import UUID

from sqlalchemy import event

from shared.access.decisions import act_for
from shared.access.rules import Caller
from shared.core.database import open_engine, session_factory
from shared.core.errors import Conflict
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings.repository import RegistrationRow
from shared.viewings.rules import RegistrationState

KILLED: Final = "killed"
MOMENTS: Final = 12
"""More than the statements and the commit of a use case."""

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["services.api.app", __name__])

UseCase = Callable[[UnitOfWork], RegistrationRow]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The registration with which a use case has ended."""

    id: UUID
    state: RegistrationState
    slot_id: UUID


def outcome_of(use_case: UseCase, caller: Caller, unit: UnitOfWork) -> Outcome:
    """Do a use case as a caller."""
    act_for(unit, caller)
    registration = use_case(unit).registration
    return Outcome(registration.id, RegistrationState(registration.state), registration.slot_id)


@dataclass(frozen=True, slots=True)
class KilledProcess:
    """A process that does a use case; it gets SIGKILL at a moment, or by `kill`."""

    process: ForkServerProcess
    receiver: Connection

    @classmethod
    def start(
        cls, settings: Settings, use_case: UseCase, caller: Caller, moment: int = MOMENTS
    ) -> Self:
        """Start it; `moment` is the number of the statement or commit before which it ends."""
        receiver, sender = _FORKS.Pipe(duplex=False)
        process = _FORKS.Process(target=_run, args=(settings, use_case, caller, moment, sender))
        process.start()
        sender.close()
        return cls(process, receiver)

    def kill(self) -> None:
        self.process.kill()

    def outcome(self) -> Outcome | str:
        """Return `KILLED`, the outcome of one that had committed, or the code of a conflict."""
        try:
            outcome: Outcome | str = self.receiver.recv()
        except EOFError:
            outcome = KILLED
        self.process.join()
        assert self.process.exitcode == (-signal.SIGKILL if outcome == KILLED else 0)
        return outcome


def _run(
    settings: Settings, use_case: UseCase, caller: Caller, moment: int, sender: Connection
) -> None:
    engine = open_engine(settings, application_name=KILLED)
    numbers = count()

    def end_at_moment(*_: object) -> None:
        if next(numbers) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", end_at_moment)
    event.listen(engine, "commit", end_at_moment)
    outcome: Outcome | str
    try:
        with UnitOfWork(session_factory(engine)) as unit:
            outcome = outcome_of(use_case, caller, unit)
    except Conflict as conflict:
        outcome = conflict.code
    sender.send(outcome)
