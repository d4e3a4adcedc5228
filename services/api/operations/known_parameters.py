"""Refuses what an operation does not know: a parameter unheard of, or given twice."""

from collections import Counter

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from starlette.requests import Request

from shared.core.errors import BELGIF, BadRequest, Issue

UNKNOWN_INPUT = f"{BELGIF}input-validation:unknownInput"
SCHEMA_VIOLATION = f"{BELGIF}input-validation:schemaViolation"
LONGEST_NAME = 100
"""Characters of an unknown name that an answer repeats."""


def refuse_unknown_query(request: Request) -> None:
    """Raises BadRequest, naming each parameter that is unknown or repeated."""
    names = [name for name, _ in request.query_params.multi_items()]
    known = request.scope["route"].query_names
    if len(set(names)) == len(names) and known.issuperset(names):
        return
    given = Counter(names)
    issues = [unknown("query", name) for name in given if name not in known]
    issues += [
        Issue(SCHEMA_VIOLATION, "query", name, "Give this parameter once.")
        for name, times in given.items()
        if name in known and times > 1
    ]
    raise BadRequest("The request has input that is not known or is repeated.", issues)


def unknown(where: str, name: str) -> Issue:
    return Issue(UNKNOWN_INPUT, where, name[:LONGEST_NAME], "This is not known here; leave it out.")


def query_names(dependant: Dependant) -> frozenset[str]:
    """The query parameters an operation knows, by the name they have in a URL."""
    return frozenset(
        param.alias for param in get_flat_params(dependant) if isinstance(param.field_info, Query)
    )
