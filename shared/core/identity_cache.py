"""A cache by the identity of the argument, for arguments that take longer to hash than to find."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Argument = TypeVar("Argument")
Value = TypeVar("Value")


class IdentityCache(Generic[Argument, Value]):
    """The results of a function of one immutable argument, at most `max_size`, for any thread.

    Equal arguments that are other objects are computed again. An entry keeps its argument alive, so
    that its id is not reused while the entry exists. The oldest entry makes room.
    """

    def __init__(self, function: Callable[[Argument], Value], max_size: int) -> None:
        self._function = function
        self._max_size = max_size
        self._entries: dict[int, tuple[Argument, Value]] = {}
        self._lock = Lock()

    def __call__(self, argument: Argument) -> Value:
        entry = self._entries.get(id(argument))
        if entry is not None:
            return entry[1]
        value = self._function(argument)
        with self._lock:
            if len(self._entries) >= self._max_size:
                del self._entries[next(iter(self._entries))]
            self._entries[id(argument)] = argument, value
        return value
