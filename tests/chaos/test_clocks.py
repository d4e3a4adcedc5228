import pytest

from embedded.programs import python_command
from tests.chaos.plant import Plant
from tests.chaos.wholeness import Bytes, assert_whole

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def with_a_jumping_clock(*arguments: str) -> list[str]:
    """A token is good for ten minutes by the clock of the API; a worker's may say anything."""
    hours = ["0", "0.1"] if arguments[0] == "api" else ["24", "24"]
    return python_command("tests.chaos.jumping_clock", *hours, *arguments)


@pytest.mark.chaos_long
def test_clocks_that_jump_change_nothing(plant: Plant, undisturbed: Bytes) -> None:
    with plant.changed(command=with_a_jumping_clock):
        plant.build()
        assert_whole(plant, undisturbed)
