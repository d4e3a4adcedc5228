"""The file of a release plan, as a person writes it: CSV or JSON, with times in Brussels."""

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.core.clock import from_brussels
from shared.core.errors import ConfigurationError
from shared.core.strict_json import parse_json

COLUMNS = (
    "product",
    "targetGroup",
    "component",
    "plannedFrom",
    "opensAt",
    "closesAt",
    "never",
)
MOMENTS = ("plannedFrom", "opensAt", "closesAt")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9:]{5})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EXAMPLE = "2026-06-21T08:00"
YES, NO = "yes", ("", "no")


def read_plan(path: Path) -> dict[str, Any]:
    """Read a plan as the API takes it.

    A CSV file has a line for each window and the columns of `COLUMNS`, all but `product` optional.
    A JSON file is the body of the API, with `windows` and `reopenings`. A moment without an offset
    is in Brussels; a `plannedFrom` can be a day.

    Raises:
        ConfigurationError: names the file, the place and the remedy.
    """
    text = path.read_text(encoding="utf-8-sig")
    plan = _read_json(path, text) if path.suffix.lower() == ".json" else _read_csv(path, text)
    for number, window in enumerate(plan["windows"], start=1):
        for name in MOMENTS:
            if name in window:
                window[name] = _moment(f"{path}, window {number}, {name}", window[name])
    for number, reopening in enumerate(plan.get("reopenings", ()), start=1):
        place = f"{path}, reopening {number}, opensAt"
        reopening["opensAt"] = _moment(place, reopening.get("opensAt"))
    return plan


def parse_moment(text: str) -> datetime:
    """Return the moment that a text names: in Brussels unless it has an offset.

    Raises:
        ValueError: it is no moment, or one that was skipped or occurs twice; names the remedy.
    """
    if not MOMENT.fullmatch(text):
        raise ValueError(f"Write date and time, as in {EXAMPLE}, or {EXAMPLE}+02:00.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("There is no such date or time.") from None
    return moment if moment.tzinfo else from_brussels(moment)


def _moment(place: str, value: Any) -> str:
    text = f"{value}T00:00" if isinstance(value, str) and DAY.fullmatch(value) else value
    try:
        return parse_moment(text if isinstance(text, str) else "").isoformat()
    except ValueError as error:
        raise ConfigurationError(f"{place}: {error}") from None


def _read_json(path: Path, text: str) -> dict[str, Any]:
    try:
        plan = parse_json(text)
    except ValueError:
        plan = None
    lists = [plan.get(name, []) for name in ("windows", "reopenings")] if _is_object(plan) else []
    if not lists or not all(isinstance(one, list) and all(map(_is_object, one)) for one in lists):
        raise ConfigurationError(
            f'{path} contains no plan: write {{"windows": […]}}, with an object for each window '
            "(docs/releases.md)"
        )
    return {"windows": [], **plan}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _read_csv(path: Path, text: str) -> dict[str, Any]:
    first, _, _ = text.partition("\n")
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.DictReader(
        io.StringIO(text), restkey="", skipinitialspace=True, delimiter=delimiter
    )
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    if unknown or "product" not in (reader.fieldnames or ()):
        raise ConfigurationError(
            f"{path} has other columns than {', '.join(COLUMNS)}: write these names, with commas "
            "or semicolons between them, on its first line"
        )
    return {"windows": [_window(path, number, row) for number, row in enumerate(reader, start=1)]}


def _window(path: Path, number: int, row: dict[str, Any]) -> dict[str, Any]:
    if "" in row or None in row.values():
        raise ConfigurationError(
            f"{path}, window {number} has another number of values than the first line has columns"
        )
    window: dict[str, Any] = {name: value.strip() for name, value in row.items() if value.strip()}
    never = window.pop("never", "")
    if never != YES and never not in NO:
        raise ConfigurationError(f"{path}, window {number}, never: write yes or no")
    return window | ({"never": True} if never == YES else {})
