import pytest

from embedded.programs import python_command
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def with_jumping_clock(*arguments: str) -> list[str]:
    """Return a command whose clock jumps, for the API less than the lifetime of a token."""
    hours = ["0", "0.1"] if arguments[0] == "api" else ["24", "24"]
    return python_command("tests.chaos.jumping_clock", *hours, *arguments)


@pytest.mark.chaos_long
def test_jumping_clocks_do_not_matter(deployment: Deployment, reference: DocumentHashes) -> None:
    with deployment.restarted_with(command=with_jumping_clock):
        deployment.build()
        assert_consistent(deployment, reference)
