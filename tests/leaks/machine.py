"""Random histories: after every step, everything is asked and compared with the model."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.leaks import steps, viewing_steps
from tests.leaks.deployment import EMPTY, FIRST, SECOND
from tests.leaks.model import SCHOOL_FEEDBACK, STUDENT_FEEDBACK, TEST_VIEWING
from tests.leaks.pages import PortalPages
from tests.leaks.running_downloads import recall_during_download
from tests.leaks.search import LeakError, Search
from tests.leaks.world import World

STEPS = 10
SCOPES = (None, None, "LO4", "SO2A", "LEZ4", "WIS4")
SCHOOLS = FIRST, FIRST, SECOND
PRODUCTS = STUDENT_FEEDBACK, SCHOOL_FEEDBACK, TEST_VIEWING
APPROVERS = (1, 2), (1, 2), (1, 2), (1,)
"""Those who approve a release: sometimes one of them is missing."""

RESTARTS = steps.restart_worker, steps.restart_worker, steps.restart_api

Drawn = tuple[Any, ...]
"""A step, and its arguments after the world."""


def _days(random: Random) -> int:
    return random.randint(1, 3)


def _number(random: Random) -> int:
    return random.randrange(10)


def _release(random: Random) -> Drawn:
    product = random.choice(PRODUCTS[:2])
    return steps.release, random.choice(SCOPES), _days(random), random.choice(APPROVERS), product


def _recall(random: Random) -> Drawn:
    scope = random.choice((None, FIRST, SECOND, "LO4", "LEZ4"))
    return steps.recall, scope, random.choice(PRODUCTS)


def _give_mandate(random: Random) -> Drawn:
    product = random.choice((STUDENT_FEEDBACK, STUDENT_FEEDBACK, SCHOOL_FEEDBACK))
    return steps.give_mandate, random.choice(SCHOOLS), random.randrange(5), product


def _plan(random: Random) -> Drawn:
    open_for = random.choice((None, None, 1, 2))
    return steps.plan, random.choice(SCOPES), _days(random), open_for, random.choice(PRODUCTS)


RULES: tuple[Callable[[Random], Drawn], ...] = (
    _release,
    _release,
    _recall,
    _give_mandate,
    _plan,
    lambda random: (viewing_steps.visit, _number(random), random.choice((1, 2, 3, 4, 4, 4))),
    lambda random: (viewing_steps.register, _number(random)),
    lambda random: (viewing_steps.move, _number(random)),
    lambda random: (viewing_steps.withdraw_duties, _number(random)),
    lambda _: (steps.verify,),
    lambda random: (steps.approve, random.randrange(3), random.choice((0, 0, 1))),
    lambda random: (steps.pass_days, _days(random)),
    lambda random: (steps.correct, random.choice(("LEZ4", "LEZ2")), _number(random)),
    lambda random: (random.choice((steps.build, steps.build_again)),),
    lambda _: (steps.compute,),
    lambda _: (recall_during_download,),
    lambda random: (steps.reopen, _number(random), _days(random)),
    lambda random: (steps.hand_over, random.choice(SCHOOLS), random.choice(("4A", "2A", "4C"))),
    lambda random: (steps.end_mandate, _number(random), random.choice((None, 0, 1))),
    lambda random: (steps.suspend, random.choice(("vendor", "other vendor", "first approver"))),
    lambda _: (steps.activate_all,),
    lambda random: (random.choice(RESTARTS),),
)


def run_history(search: Search, pages: PortalPages, number: int, requests: int) -> None:
    """Take the steps of one history, until `search` has sent so many requests.

    It starts with a mandate, before a release or after it.
    """
    world, random = search.world, Random(number)  # noqa: S311  # no secret
    begin(world)
    steps.give_mandate(world, FIRST, 2, STUDENT_FEEDBACK)
    drawn = [random.choice(RULES)(random) for _ in range(STEPS)]
    if random.random() < 2 / 3:
        drawn.insert(0, (steps.release, random.choice(SCOPES), 1, (1, 2)))
    for step, *arguments in drawn:
        if search.asked >= requests:
            return
        _take(search, pages, random, step, *arguments)


def begin(world: World) -> None:
    """Begin a history in which the vendor has a mandate of the school with nothing to know."""
    world.begin()
    steps.give_mandate(world, EMPTY, 300, STUDENT_FEEDBACK, SCHOOL_FEEDBACK)


def _take(search: Search, pages: PortalPages, random: Random, step: Any, *arguments: Any) -> None:
    """Take a step, ask everything, and visit the pages of the portal."""
    history = search.world.history
    history.append(f"{step.__name__}({', '.join(map(str, arguments))})")
    try:
        step(search.world, *arguments)
        search.ask_everything(random)
        pages.visit(random)
    except (LeakError, AssertionError) as leak:
        leak.add_note("after " + ", ".join(history))
        raise
