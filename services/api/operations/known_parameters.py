"""Refuses query parameters that are unknown to an operation, or repeated.

FastAPI's query models with `extra="forbid"` cannot replace this: two of them in one operation, such
as a page and a filter, would each refuse the parameters of the other; a repeated parameter would
silently count as its last value; and they would be checked before the scope, so that a caller who
may not use an operation would learn its parameters.
"""

from collections import Counter

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Header, Param, Query
from starlette.requests import Request

from services.api.http.problem_types import Problem, schema_violation, unknown_input


def refuse_unknown_query(request: Request) -> None:
    """Raise Problem `badRequest` that names each parameter that is unknown or repeated."""
    names = [name for name, _ in request.query_params.multi_items()]
    known = request.scope["route"].query_names
    if len(set(names)) == len(names) and known.issuperset(names):
        return
    given = Counter(names)
    issues = [unknown_input("query", name) for name in given if name not in known]
    issues += [
        schema_violation("query", name, "Give this parameter once.")
        for name, times in given.items()
        if name in known and times > 1
    ]
    raise Problem(
        "badRequest", "The request has parameters that are unknown or repeated.", issues=issues
    )


def query_names(dependant: Dependant) -> frozenset[str]:
    """Return the query parameters of an operation, by their name in a URL."""
    return _names(dependant, Query)


def header_names(dependant: Dependant) -> frozenset[str]:
    """Return the header parameters of an operation."""
    return _names(dependant, Header)


def _names(dependant: Dependant, kind: type[Param]) -> frozenset[str]:
    return frozenset(
        param.alias for param in get_flat_params(dependant) if isinstance(param.field_info, kind)
    )
