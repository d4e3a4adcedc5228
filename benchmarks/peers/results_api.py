"""Peers of the API for the results of a class group: without checks, and bare FastAPI."""

import os
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import URL

from services.api import resources as api_resources
from services.api.app import create_app
from services.api.http.cursors import Cursors
from services.api.http.links import Links
from services.api.http.pages import PageRequest
from services.api.resources import Resources
from services.api.schemas.results import ResultPage
from services.api.security.permissions import Permission
from services.api.security.rate_limits import rate_limit
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, CallerKind, Reach
from shared.core.database import open_engine, session_factory
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.results import service
from shared.results.repository import page_of_results
from shared.students.repository import Cohort

PATH = "/results"
SCHOOL, CLASS_GROUP = "BENCH_SCHOOL", "BENCH_CLASS_GROUP"


def from_memory() -> FastAPI:
    """Create a bare FastAPI that sends the response from memory."""
    read = _reader()
    page = read()
    app = FastAPI()

    @app.get(PATH, response_model_exclude_none=True)
    def results() -> ResultPage:
        return page

    return app


def bare() -> FastAPI:
    """Create a bare FastAPI that runs the same queries and sends the same response."""
    app = FastAPI()
    app.get(PATH, response_model_exclude_none=True)(_reader())
    return app


def unchecked() -> FastAPI:
    """Create our API without token, DPoP proof, policy and audit log, but with rate limits."""
    return _without_checks(_rate_limited)


def unlimited() -> FastAPI:
    """Create our API without these checks and without rate limits."""
    return _without_checks(_authorized)


def _without_checks(authorize: Callable[..., AccessRequest]) -> FastAPI:
    replacements: dict[tuple[Any, str], Callable[..., Any]] = {
        (Permission, "authorize"): authorize,
        (service, "allow"): lambda *_: None,
        (api_resources, "refuse_privileged_logins"): lambda _: None,
    }
    for (place, name), replacement in replacements.items():
        setattr(place, name, replacement)
    return create_app(Settings.from_environment())


def _rate_limited(
    permission: Permission, request: Request, unit: UnitOfWork, resources: Resources
) -> AccessRequest:
    access = _authorized(permission, request, unit, resources)
    rate_limit(request, resources, access.caller)
    return access


def _authorized(
    _permission: Permission, request: Request, _unit: UnitOfWork, _resources: Resources
) -> AccessRequest:
    school_id = request.path_params["schoolId"]
    caller = Caller("bench", CallerKind.SCHOOL, frozenset(), school_id)
    reach = Reach(frozenset({school_id}))
    return AccessRequest(caller, "listSchoolResults", request.url.path, None, reach)


def _reader() -> Callable[[], ResultPage]:
    sessions = session_factory(open_engine(Settings.from_environment(), application_name="bench"))
    cohort = Cohort(os.environ[SCHOOL], None, os.environ[CLASS_GROUP])
    links = Links("http://127.0.0.1")
    page = PageRequest(PageSelection(200), URL(links.root), Cursors(()), b"")

    def results() -> ResultPage:
        with UnitOfWork(sessions) as unit:
            found = page_of_results(unit.session, cohort, page.selection)
        return ResultPage.of(found, page, links)

    return results
