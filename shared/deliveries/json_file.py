"""Reads a small JSON file member by member, and names every member that is not as it should be."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from shared.deliveries.faults import Fault, FaultLog, showable

MAX_BYTES: Final = 1024 * 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class JsonObject:
    """The members of an object; a getter returns None for one that it has named as a fault."""

    def __init__(
        self, file: str, members: dict[str, Any], faults: FaultLog, path: str = ""
    ) -> None:
        self.members = members
        self._file = file
        self._faults = faults
        self._path = path

    def refuse_others_than(self, known: Iterable[str]) -> None:
        for name in sorted(self.members.keys() - set(known)):
            self._fault("unknownMember", name, "The member is not known.", "Leave it out.")

    def text(self, name: str, limit: int, pattern: str = "(?s:.+)", form: str = "") -> str | None:
        """A string of 1 to `limit` characters that matches `pattern` as a whole."""
        value = self._present(name)
        if value is None:
            return None
        fits = isinstance(value, str) and len(value) <= limit and not _CONTROL.search(value)
        if fits and re.fullmatch(pattern, value) and value.strip() == value:
            return str(value)
        self.invalid(name, form or f"a text of 1 to {limit} characters")
        return None

    def whole_number(self, name: str, minimum: int) -> int | None:
        value = self._present(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and minimum <= value < 2**31:
            return value
        self.invalid(name, f"a whole number, {minimum} or more")
        return None

    def object(self, name: str) -> "JsonObject | None":
        value = self._present(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return JsonObject(self._file, value, self._faults, f"{self._path}{name}.")
        self.invalid(name, "an object")
        return None

    def invalid(self, name: str, form: str, kind: str = "invalidMember") -> None:
        value = self.members.get(name)
        shown = str(value) if isinstance(value, str | int | float) else None
        detail = "The member has a value that cannot be used."
        self._fault(kind, name, detail, f"Give {form}.", shown)

    def _present(self, name: str) -> Any:
        value = self.members.get(name)
        if value is None:
            self._fault("missingMember", name, "The member is missing.", "Add it with its value.")
        return value

    def _fault(
        self, kind: str, name: str, detail: str, remedy: str, value: str | None = None
    ) -> None:
        column = showable(f"{self._path}{name}")
        self._faults.add(
            Fault(kind, detail, remedy, self._file, column=column, value=showable(value))
        )


def parse_object(data: bytes, file: str, kind: str, faults: FaultLog) -> JsonObject | None:
    """The object in `data`; what is no JSON object becomes one fault of the given kind."""
    remedy = "Write it as the format says: one JSON object in UTF-8."
    if len(data) > MAX_BYTES:
        faults.add(Fault(kind, "The file is far larger than it can be.", remedy, file))
        return None
    try:
        value = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_distinct, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        faults.add(Fault(kind, "The file is no valid JSON.", remedy, file, error.lineno))
        return None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add(Fault("badUtf8", "The file is not UTF-8.", "Write it in UTF-8.", file, line))
        return None
    except (ValueError, RecursionError):
        detail = "The JSON names a member twice, or holds something that JSON has no word for."
        faults.add(Fault(kind, detail, remedy, file))
        return None
    if isinstance(value, dict):
        return JsonObject(file, value, faults)
    faults.add(Fault(kind, "The file holds no JSON object.", remedy, file, 1))
    return None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
