"""The figures of random deliveries equal an independent computation over their rows."""

import os

import pytest

from tests.school_feedback.conftest import Computed
from tests.school_feedback.independent import described, expected_figures
from tests.school_feedback.random_deliveries import random_delivery

DELIVERIES = int(os.environ.get("DELIVERIES", "10"))


@pytest.mark.parametrize("seed", range(DELIVERIES))
def test_figures_equal_an_independent_computation(computed: Computed, seed: int) -> None:
    delivery = random_delivery(seed)
    computed.deliver(delivery)
    computed.compute()
    found = {key: described(figures) for key, figures in computed.figures().items()}
    assert found == expected_figures(delivery, found)


def test_a_second_computation_of_the_same_facts_adds_no_version(computed: Computed) -> None:
    computed.deliver(random_delivery(1))
    first = computed.compute()
    second = computed.compute()
    assert first["unchanged"] == second["versions"] == 0
    assert second["unchanged"] == first["versions"]
