"""The search for leaks: random histories, and after each of their steps every operation and page.

The environment variable `REQUESTS` sets the number of requests, and `SEED` the first history;
`make leaks` sends 200,000.
"""

import os
import sys
from contextlib import closing
from random import Random

import pytest

from services.api.app import build_app
from tests.leaks import steps, viewing_steps
from tests.leaks.deployment import FIRST
from tests.leaks.machine import begin, run_history
from tests.leaks.model import SCHOOL_FEEDBACK
from tests.leaks.pages import PortalPages
from tests.leaks.search import Search
from tests.leaks.table import TABLE
from tests.leaks.world import World
from tests.operations import operations_of

REQUESTS = int(os.environ.get("REQUESTS", "10000"))
SEED = int(os.environ.get("SEED", "1"))
THOROUGH = 100_000
ROUNDS = 20
RELEASED = {
    *("listSchoolResults", "listStudentResults", "listSchoolDocuments", "getDocument"),
    *("headDocumentContent", "getDocumentContent", "listSchoolHandOutEntries"),
    *("listSchoolHandOvers", "listSchoolHandOverCounts", "listStudentHandOvers"),
    *("getSchoolFeedback", "listSchoolFeedbackVersions"),
    *("listViewingRegistrations", "getViewingRegistration", "getViewingCalendar"),
    *("listDeskRegistrations", "listDeskComponents", "listDeskItems"),
}
"""Operations that tell nothing before a release, and something after it."""


def test_every_operation_is_in_the_table() -> None:
    assert set(TABLE) == set(operations_of(build_app()))


def test_operations_tell_nothing_before_a_release_and_something_after_it(world: World) -> None:
    search = Search(world, is_thorough=True)
    begin(world)
    random = Random(SEED)  # noqa: S311  # no secret
    search.ask_everything(random, *sorted(RELEASED))
    assert {name for name, expected in search.seen if expected == "nothing"} == RELEASED
    assert "something" not in {expected for _, expected in search.seen}
    steps.release(world, None, 1, (1, 2), SCHOOL_FEEDBACK)
    steps.release(world, None, 1, (1, 2))
    steps.hand_over(world, FIRST, "4A")
    viewing_steps.visit(world, 0, 4)
    for _ in range(ROUNDS):
        silent = sorted(RELEASED - search.told)
        if silent:
            search.ask_everything(random, *silent)
    assert search.told == RELEASED


@pytest.mark.timeout(0)
def test_no_response_tells_more_than_the_model_allows(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    is_thorough = REQUESTS > THOROUGH
    search, number = Search(world, is_thorough), SEED
    with closing(PortalPages(world, is_thorough)) as pages:
        while search.asked < REQUESTS:
            with capsys.disabled():
                visits = pages.seen.total()
                sys.stdout.write(
                    f"SEED={number}: a history, after {search.asked} requests and {visits} pages\n"
                )
            run_history(search, pages, number, REQUESTS)
            number += 1
