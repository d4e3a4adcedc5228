"""The search finds faults: each sabotage of the service is found soon after its history."""

from random import Random

import pytest

from tests.leaks.machine import begin
from tests.leaks.running_downloads import recall_during_download
from tests.leaks.sabotages import SABOTAGES
from tests.leaks.search import LeakError, Search
from tests.leaks.world import World

ROUNDS = 40


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotage_is_found(world: World, name: str) -> None:
    sabotage = SABOTAGES[name]
    begin(world)
    with sabotage.put_into(world):
        sabotage.history(world)
        with pytest.raises(LeakError):
            _search(world, sabotage.operation)


def _search(world: World, operation: str) -> None:
    """Ask an operation in every way, or download while the release is recalled."""
    search = Search(world, is_thorough=True)
    if not operation:
        recall_during_download(world)
    for number in range(ROUNDS):
        search.ask_everything(Random(number), operation)  # noqa: S311  # no secret
