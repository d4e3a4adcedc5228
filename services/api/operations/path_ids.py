"""The ids in a path, as the audit log names them."""

import re
from typing import Any
from uuid import UUID

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Path
from starlette.requests import Request

from shared.core.identifiers import canonical_uuid

_SCHOOL_NUMBER = re.compile(r"[0-9]{6}")


class PathIds:
    """The ids in the path of an operation: names of UUIDs, and the fields of those of other forms.

    Those are school numbers and thumbprints of keys.
    """

    def __init__(self, dependant: Dependant) -> None:
        fields = [
            field for field in get_flat_params(dependant) if isinstance(field.field_info, Path)
        ]
        self.uuids = frozenset(
            field.alias for field in fields if field.field_info.annotation is UUID
        )
        self.others = tuple(field for field in fields if field.alias not in self.uuids)


def ids_in_path(request: Request) -> dict[str, str]:
    """Return the UUIDs and the school number in the path by parameter.

    Each is written from its parsed value. A value in any other form is left out.
    """
    ids = {}
    for name, text in request.path_params.items():
        parsed = _parse(request.scope["route"], name, str(text))
        if parsed is not None:
            ids[name] = str(parsed)
    return ids


def is_malformed(request: Request) -> bool:
    """Return True when an id in the path is not in its one form: it names no resource."""
    ids: PathIds = request.scope["route"].path_ids
    return not ids.uuids.issubset(ids_in_path(request)) or any(
        field.validate(request.path_params[field.alias], {}, loc=("path",))[1]
        for field in ids.others
    )


def _parse(route: Any, name: str, text: str) -> UUID | str | None:
    if name in route.path_ids.uuids:
        return canonical_uuid(text)
    is_school = name == "schoolId" and _SCHOOL_NUMBER.fullmatch(text)
    return text if is_school else None
