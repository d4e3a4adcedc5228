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


def uuid_names(dependant: Dependant) -> frozenset[str]:
    """Return the path parameters of an operation that are UUIDs."""
    return frozenset(
        field.alias
        for field in get_flat_params(dependant)
        if isinstance(field.field_info, Path) and field.field_info.annotation is UUID
    )


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
    """Return True when a UUID in the path is not in canonical form: it names no resource."""
    names: frozenset[str] = request.scope["route"].uuid_names
    return not names.issubset(ids_in_path(request))


def _parse(route: Any, name: str, text: str) -> UUID | str | None:
    if name in route.uuid_names:
        return canonical_uuid(text)
    is_school = name == "schoolId" and _SCHOOL_NUMBER.fullmatch(text)
    return text if is_school else None
