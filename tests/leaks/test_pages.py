"""The pages of the portal before and after a release, and faults of a portal that are found."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest

from clients.python.api import Api
from services.portal.app import PAGES
from services.portal.sessions import Session, SessionStore
from services.portal.upstream import Upstream
from services.portal.visits import Visit
from tests.leaks import steps
from tests.leaks.deployment import FIRST, SECOND
from tests.leaks.model import STUDENT_FEEDBACK
from tests.leaks.pages import SEARCH, PortalPages
from tests.leaks.sabotages import SABOTAGES, Sabotage, released, sealed
from tests.leaks.search import LeakError
from tests.leaks.world import World

TELLING = {"/", "/klassen", "/klassen/klas", "/fiches", "/overhandigen", "/overhandigen/klas"}
"""Pages that are other ones once feedback is released."""

RANDOM = Random(1)  # noqa: S311  # no secret
Patch = pytest.MonkeyPatch
Step = Callable[[World], None]


@pytest.fixture
def pages(world: World) -> Iterator[PortalPages]:
    world.begin()
    with closing(PortalPages(world, is_thorough=True)) as pages:
        yield pages


def test_pages_are_the_same_until_the_release_and_after_the_recall(pages: PortalPages) -> None:
    world = pages.world
    pages.visit(RANDOM)
    steps.correct(world, "LEZ4", 1)
    steps.build(world)
    pages.visit(RANDOM)
    every = {path for path in PAGES if "{" not in path} | {SEARCH}
    assert {path for path, may_know in pages.seen} == every
    assert not any(may_know for _, may_know in pages.seen)
    steps.release(world, None, 1, approvers=(1, 2))
    for school in (FIRST, SECOND):
        steps.hand_over(world, school, "4A")
    pages.visit(RANDOM)
    assert {path for path, may_know in pages.seen if may_know} == every
    assert pages.told >= TELLING
    steps.recall(world, None)
    pages.visit(RANDOM)


def _find_another_session(_world: World, patch: Patch) -> None:
    """Give everyone the first session that is found."""
    found: list[Session] = []

    def find(store: SessionStore, secret: str) -> Session | None:
        found.append(original(store, secret))  # type: ignore[arg-type]  # all are signed on
        return found[0]

    original = SessionStore.find
    patch.setattr(SessionStore, "find", find)


def _use_another_token(_world: World, patch: Patch) -> None:
    """Call the API for everyone as the first person who needed it."""
    apis: list[Api] = []

    def api_of(upstream: Upstream, session: Session, address: str) -> Api:
        apis.append(original(upstream, session, address))
        return apis[0]

    original = Upstream.api_of
    patch.setattr(Upstream, "api_of", api_of)


def _cache(patch: Patch, of: type, method: str, key: Callable[..., object]) -> None:
    """Let a method respond as it did the first time with the same key."""
    kept: dict[object, Any] = {}

    def respond(*arguments: Any, **options: Any) -> Any:
        wanted = key(*arguments)
        if wanted not in kept:
            kept[wanted] = original(*arguments, **options)
        return kept[wanted]

    original = getattr(of, method)
    patch.setattr(of, method, respond)


def _keep_pages_over_persons(_world: World, patch: Patch) -> None:
    def template_of(_visit: Visit, template: str, *_: Any) -> str:
        return template

    _cache(patch, Visit, "page", template_of)


def _keep_lists_over_recalls(_world: World, patch: Patch) -> None:
    def path_of(_api: Api, path: str) -> str:
        return path

    _cache(patch, Api, "read", path_of)


def recalled(world: World) -> None:
    steps.recall(world, None)


def shared(world: World) -> None:
    """Let both schools give a mandate."""
    for school in (FIRST, SECOND):
        steps.give_mandate(world, school, 2, STUDENT_FEEDBACK)


DOCUMENTS = "row policy and filter of documents left out"
FAULTS: dict[str, tuple[Sabotage, tuple[Step, ...]]] = {
    "the session of another person": (Sabotage(_find_another_session, sealed), ()),
    "the token of another person": (Sabotage(_use_another_token, sealed), (shared,)),
    "a page kept over persons": (Sabotage(_keep_pages_over_persons, sealed), ()),
    "a list kept over a recall": (Sabotage(_keep_lists_over_recalls, released), (recalled,)),
    DOCUMENTS: (SABOTAGES[DOCUMENTS], ()),
}
"""Faults of the portal, and one of the API, with the steps of the history in which they show."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_on_the_pages(pages: PortalPages, name: str) -> None:
    sabotage, history = FAULTS[name]
    pages.visit(RANDOM)
    with sabotage.put_into(pages.world):
        assert finds_a_leak(pages, (sabotage.history, *history))


def finds_a_leak(pages: PortalPages, history: Iterable[Step]) -> bool:
    try:
        for step in history:
            step(pages.world)
            pages.visit(RANDOM)
    except LeakError:
        return True
    return False
