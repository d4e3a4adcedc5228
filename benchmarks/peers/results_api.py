"""The list of a class group's results by bare FastAPI: out of memory, and out of the database."""

import os
from collections.abc import Callable

from fastapi import FastAPI
from starlette.datastructures import URL

from services.api.links import Links, PageOf
from services.api.schemas.results import ResultPage
from shared.core.database import open_engine, session_factory, transaction
from shared.core.settings import Settings
from shared.results.repository import page_of_results
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


def unchecked() -> FastAPI:
    """The same queries with the same answer for whoever asks: no token, no policy, no trail."""
    app = FastAPI()
    app.get(PATH, response_model_exclude_none=True)(_reader())
    return app


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
