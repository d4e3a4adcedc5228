"""One changed status changes the figures of its school and component, and references to them."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from shared.school_feedback.figures import ComponentFigures
from tests.deliveries.delivery_files import DeliveryFiles, correction
from tests.school_feedback.conftest import Computed
from tests.school_feedback.independent import described, expected_figures
from tests.school_feedback.random_deliveries import LEVELS, STATUSES, random_delivery
from tests.school_feedback.test_figures import DELIVERIES

COMPUTED_AT = datetime(2024, 9, 1, tzinfo=UTC)


def changed_row(random: Random, delivery: DeliveryFiles) -> tuple[str, str]:
    """Give one result of the delivery another status or level; return its student and component."""
    number = random.randrange(1, len(delivery.rows["results.csv"]))
    student, component, *before = delivery.rows["results.csv"][number]
    values = [(one, "", "") for one in dict.fromkeys(STATUSES) if one != "reported"]
    values += [("reported", level, "200.5") for level in LEVELS]
    after = random.choice([one for one in values if [*one[:2]] != before[:2]])
    delivery.rows["results.csv"][number] = [student, component, *after]
    return student, component


def figures_alone(figures: ComponentFigures) -> ComponentFigures:
    """Return the figures without version and references, which are about other schools too."""
    return replace(figures, references=(), version=0, reason="", computed_at=COMPUTED_AT)


@pytest.mark.parametrize("seed", range(min(DELIVERIES, 20)))
def test_one_status_changes_its_figures_and_no_others(computed: Computed, seed: int) -> None:
    random = Random(seed)  # noqa: S311  # no secret
    delivery = random_delivery(seed)
    computed.deliver(delivery)
    computed.compute()
    before = computed.figures()
    student, component = changed_row(random, delivery)
    row = next(one for one in delivery.rows["results.csv"] if [*one[:2]] == [student, component])
    computed.deliver(correction(2, results=[[*row]]))
    computed.compute()
    after = computed.figures()
    found = {key: described(figures) for key, figures in after.items()}
    assert found == expected_figures(delivery, found)
    changed = student[:6], component
    for key in after.keys() - {changed}:
        if key[1] == component:
            assert figures_alone(after[key]) == figures_alone(before[key])
        else:
            assert after[key] == before[key]
