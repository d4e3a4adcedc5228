"""What PostgreSQL and Valkey have in common as children: one port on loopback, found and kept."""

import time
from abc import ABC, abstractmethod

from embedded.children import Child, Escalation, Question, wait_until
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.ports import choose_port, is_free

READY_SECONDS = 120.0
"""A database that was killed reads its log again before it is ready."""

RETRY_SECONDS = 20.0
"""How long what is in the way of a start may take to go: a taken port, memory of a killed server.
"""


class ServerProcess(Child, ABC):
    """The first start settles the port; later starts of the same object keep it."""

    def __init__(self, name: str, data: DataDirectory, escalation: Escalation) -> None:
        super().__init__(name, data.log(name), escalation)
        self.data = data
        self._port: int | None = None

    @property
    def port(self) -> int:
        if self._port is None:
            raise EmbeddedError(f"{self.name} has no address yet: start it first")
        return self._port

    def is_ready(self) -> bool:
        return self.is_alive() and self._serves(self.port)

    @abstractmethod
    def _launch(self, port: int) -> None:
        """Starts the process and returns at once."""

    @abstractmethod
    def _serves(self, port: int) -> bool:
        """Whether it is this process that answers on the port."""

    @abstractmethod
    def _may_pass(self, complaint: str) -> bool:
        """Whether what it said before it gave up can be gone a moment later."""

    def _listen(self, interrupted: Question) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        while not self._try_port(
            self._port or choose_port(self.data.remembered_port(self.name)), interrupted
        ):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} could not be started: {self.log} says why")
            time.sleep(0.3)

    def _try_port(self, port: int, interrupted: Question) -> bool:
        """False when another try may work; raises EmbeddedError when none will."""
        self._launch(port)
        wait_until(
            lambda: self._serves(port) or not self.is_alive(), READY_SECONDS, given_up=interrupted
        )
        if self.is_alive() and self._serves(port):
            self._port = port
            self.data.remember_port(self.name, port)
            return True
        if interrupted():
            raise StartInterruptedError(f"{self.name} was broken off: a stop was asked for")
        if self.is_alive():
            raise EmbeddedError(
                f"{self.name} did not answer within {READY_SECONDS:.0f} s: {self.log} says why"
            )
        complaint = self.said()
        if is_free(port) and not self._may_pass(complaint):
            last = complaint.strip().rpartition("\n")[2]
            raise EmbeddedError(f"{self.name} {self.how_it_ended()} ({last}): {self.log} says more")
        return False
