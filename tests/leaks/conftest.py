from collections.abc import Callable, Iterator

import pytest

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.oauth.tokens import TokenAuthority
from tests.leaks.deployment import running
from tests.leaks.world import World


@pytest.fixture(scope="module")
def world(
    settings_of: Callable[[str], Settings],
    sessions: Sessions,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    with running(settings_of, sessions, tmp_path_factory.mktemp("deliveries")) as deployment:
        world = World(deployment, TokenAuthority.of(deployment.api_settings))
        yield world
        world.sender.close()
