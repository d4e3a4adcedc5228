"""What a synthetic delivery is asked to be, and why it may be refused."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from synthetic.draws import Draws

MOST_SCHOOLS: Final = 100_000
ADMINISTRATION_ID: Final = re.compile(r"20\d\d(-[a-z0-9]{1,20})?")


class SyntheticDeliveryError(ValueError):
    """The plan or the place to write cannot be used; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The same plan gives the same bytes; a school's rows do not depend on `schools`.

    `administration_id` starts with the year of the tests ("2024", "2024-proef"): birth years and
    dates follow from it. A seed keeps its schools over the administrations, with other pupils.
    `students_per_school` replaces the drawn sizes by one size; `other_scripts` adds rare names in
    Arabic and Chinese script, which not every font can draw.
    """

    schools: int
    seed: int
    administration_id: str = "2024"
    sequence: int = 1
    with_items: bool = True
    students_per_school: int | None = None
    other_scripts: bool = False

    @property
    def year(self) -> int:
        return int(self.administration_id[:4])

    def lasting_draws(self, purpose: str, index: int) -> Draws:
        """For what a school keeps from one administration to the next."""
        return Draws(f"{self.seed}:{index}:{purpose}")

    def yearly_draws(self, purpose: str, index: int) -> Draws:
        """For what is new in each administration: class groups, pupils, results."""
        return Draws(f"{self.seed}:{self.administration_id}:{index}:{purpose}")


def require_sound_plan(plan: DeliveryPlan) -> None:
    """Raises SyntheticDeliveryError."""
    if not 1 <= plan.schools <= MOST_SCHOOLS:
        raise SyntheticDeliveryError(
            f"schools is {plan.schools}: choose a number from 1 to {MOST_SCHOOLS}"
        )
    if plan.sequence < 1:
        raise SyntheticDeliveryError(f"sequence is {plan.sequence}: deliveries are numbered from 1")
    if plan.students_per_school is not None and plan.students_per_school < 1:
        raise SyntheticDeliveryError(
            f"students_per_school is {plan.students_per_school}: choose 1 or more, or leave it out"
        )
    if not ADMINISTRATION_ID.fullmatch(plan.administration_id):
        raise SyntheticDeliveryError(
            f"administration_id is {plan.administration_id!r}: begin with the year of the tests, "
            'as in "2024" or "2024-proef"'
        )


def require_empty_directory(out: Path) -> None:
    """Raises SyntheticDeliveryError; a directory that does not exist yet is as good as empty."""
    if not out.exists():
        return
    if not out.is_dir():
        raise SyntheticDeliveryError(f"{out} is not a directory: name one that is new or empty")
    if any(out.iterdir()):
        raise SyntheticDeliveryError(
            f"{out} is not empty: name another directory, or empty this one first"
        )
