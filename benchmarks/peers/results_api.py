"""The list of a class group's results by our own API without checks, and by bare FastAPI."""

import os
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.datastructures import URL

from services.api import resources as parts
from services.api.app import create_app
from services.api.http.links import Links, PageOf
from services.api.schemas.results import ResultPage
from services.api.security.authentication import brake
from services.api.security.permissions import Requires
from shared.access.rules import Caller, CallerKind
from shared.audit.service import Actor
from shared.core.database import open_engine, session_factory, transaction
from shared.core.settings import Settings
from shared.results import service
from shared.results.repository import page_of_results
from shared.schools.service import Inquiry
from shared.students.repository import Cohort

PATH = "/results"
SCHOOL, CLASS_GROUP = "BENCH_SCHOOL", "BENCH_CLASS_GROUP"


def from_memory() -> FastAPI:
    """The ceiling: what FastAPI itself takes to write this answer."""
    read = _reader()
    page = read()
    app = FastAPI()

    @app.get(PATH, response_model_exclude_none=True)
    def results() -> ResultPage:
        return page

    return app


def bare() -> FastAPI:
    """The same queries with the same answer, and nothing of ours around them."""
    app = FastAPI()
    app.get(PATH, response_model_exclude_none=True)(_reader())
    return app


def unchecked() -> FastAPI:
    """The same route for whoever asks: no token, no proof, no policy and no trail, but brakes."""
    return _without_checks(_let_in_when_braked)


def unlimited() -> FastAPI:
    """The same without brakes too."""
    return _without_checks(_let_in)


def _without_checks(let_in: Callable[..., Inquiry]) -> FastAPI:
    without: dict[tuple[Any, str], Callable[..., Any]] = {
        (Requires, "let_in"): let_in,
        (service, "grant"): lambda *_: None,
        (parts, "refuse_privileged_logins"): lambda _: None,
    }
    for (place, name), instead in without.items():
        setattr(place, name, instead)
    return create_app(Settings.from_environment())


def _let_in_when_braked(requires: Requires, request: Request, session: Session) -> Inquiry:
    caller = Caller("anyone", CallerKind.SCHOOL, frozenset(), request.path_params["schoolId"])
    brake(request, request.app.state.parts.brakes.take(caller, reads=True))
    return _let_in(requires, request, session)


def _let_in(_: Requires, request: Request, session: Session) -> Inquiry:  # noqa: ARG001
    school_id = request.path_params["schoolId"]
    actor = Actor("anyone", CallerKind.SCHOOL, school_id, None)
    return Inquiry(actor, "listSchoolResults", request.url.path, frozenset({school_id}))


def _reader() -> Callable[[], ResultPage]:
    sessions = session_factory(open_engine(Settings.from_environment(), application_name="bench"))
    cohort = Cohort(os.environ[SCHOOL], None, os.environ[CLASS_GROUP])
    links = Links("http://127.0.0.1")
    page = PageOf(1, 200, URL(links.root))

    def results() -> ResultPage:
        with transaction(sessions) as session:
            total, rows = page_of_results(session, cohort, page.offset, page.size)
        return ResultPage.of(total, rows, page, links)

    return results
