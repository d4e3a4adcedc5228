"""Parser of the JSON files of a delivery; each invalid member becomes a fault."""

import json
import re
from typing import Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from shared.core.strict_json import reject_constant, unique_members
from shared.deliveries.faults import Fault, FaultLog, quotable
from shared.deliveries.file_signatures import encoding_fault, undecodable_fault

MAX_BYTES: Final = 1024 * 1024

_INVALID: Final = "invalid_member"
_NEWER: Final = "newer_member"

_MEMBER_FAULTS: Final = {
    "missing": ("missingMember", "The member is missing.", "Add it with its value."),
    "extra_forbidden": ("unknownMember", "The format has no such member.", "Remove it."),
    _NEWER: (
        "newerFormat",
        "Format {version} does not have this member.",
        "Set formatVersion to {since}, or remove the member.",
    ),
    _INVALID: ("invalidMember", "The value of the member is invalid.", "Give {expected}."),
}
"""Kind, detail and remedy of a fault, by the type of Pydantic's error. Every other type is that of
an object with something else in its place."""

_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class JsonModel(BaseModel):
    """A JSON object without unknown members, whose values are not converted to other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=JsonModel)


def expected(description: str) -> WrapValidator:
    """Return an annotation that describes the valid values of a member, for its remedy."""

    def validate(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except ValidationError:
            raise invalid_member(description) from None

    return WrapValidator(validate)


def invalid_member(description: str) -> PydanticCustomError:
    """Return the error of a member whose value does not match the description."""
    return PydanticCustomError(_INVALID, "expected {expected}", {"expected": description})


def newer_member(version: str, since: str) -> PydanticCustomError:
    """Return the error of a member that came with a later version of the format."""
    return PydanticCustomError(
        _NEWER, "came with {since}, not in {version}", {"version": version, "since": since}
    )


def parse_json(
    data: bytes, model: type[Model], file: str, kind: str, faults: FaultLog
) -> Model | None:
    """Return the object in `data`, or None after adding its faults.

    Data that is not a JSON object becomes one fault of the given kind.
    """
    members = _load_object(data, file, kind, faults)
    if members is None:
        return None
    try:
        return model.model_validate(members)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            faults.add(_member_fault(details, file))
        return None


def _member_fault(error: ErrorDetails, file: str) -> Fault:
    kind, value = error["type"], error["input"]
    if value is None and kind != "extra_forbidden":
        kind = "missing"
    fault, detail, remedy = _MEMBER_FAULTS.get(kind, _MEMBER_FAULTS[_INVALID])
    is_quoted = fault == "invalidMember" and isinstance(value, str | int | float)
    context = {"expected": "an object", **error.get("ctx", {})}
    return Fault(
        fault,
        detail.format(**context),
        remedy.format(**context),
        file,
        column=quotable(".".join(map(str, error["loc"]))),
        value=quotable(str(value)) if is_quoted else None,
    )


def _load_object(data: bytes, file: str, kind: str, faults: FaultLog) -> dict[str, Any] | None:
    remedy = "Write one JSON object in UTF-8, as the format requires."
    if len(data) > MAX_BYTES:
        detail = f"The file is larger than {MAX_BYTES // 1024} KiB."
        faults.add(Fault(kind, detail, remedy, file))
        return None
    text = _decode(data, file, faults)
    if text is None:
        return None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_encodable_members,
            parse_constant=reject_constant,
        )
    except json.JSONDecodeError as error:
        faults.add(Fault(kind, "The file is not valid JSON.", remedy, file, error.lineno))
        return None
    except (ValueError, RecursionError):
        detail = "The JSON has a duplicate member, an invalid value, or too many nested levels."
        faults.add(Fault(kind, detail, remedy, file))
        return None
    if isinstance(value, dict):
        return value
    faults.add(Fault(kind, "The file does not contain a JSON object.", remedy, file, 1))
    return None


def _decode(data: bytes, file: str, faults: FaultLog) -> str | None:
    fault = encoding_fault(file, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = fault or undecodable_fault(file, line, data)
    if fault is None:
        return text
    faults.add(fault)
    return None


def _encodable_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the unique members of an object, in names that Pydantic can encode."""
    return {
        _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", name): value
        for name, value in unique_members(pairs).items()
    }
