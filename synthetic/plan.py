"""The plan of a synthetic delivery, and its validation."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from synthetic.random_draws import Draws

MAX_SCHOOLS: Final = 100_000
ADMINISTRATION_ID: Final = re.compile(r"20\d\d(-[a-z0-9]{1,20})?")


class SyntheticDeliveryError(ValueError):
    """The plan or the output directory is invalid; the message contains the remedy."""


class TargetDirectoryError(SyntheticDeliveryError):
    """The directory for the delivery is not empty, or is none."""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The parameters of a synthetic delivery: the same plan gives the same bytes.

    The rows of a school do not depend on `schools`. `administration_id` starts with the year of
    the tests ("2024", "2024-proef"), which determines years of birth and dates. A seed has the
    same schools in every administration, with other students. `students_per_school` replaces the
    random sizes by one size, `students_per_class` the usual largest ones of class groups;
    `other_scripts` adds rare names in Arabic and Chinese script, which
    not every font contains. `small_classes` adds small schools and small class groups next to large
    ones; `with_references` adds references, in format 1.1.
    """

    schools: int
    seed: int
    administration_id: str = "2024"
    sequence: int = 1
    with_items: bool = True
    students_per_school: int | None = None
    students_per_class: int | None = None
    other_scripts: bool = False
    small_classes: bool = False
    with_references: bool = False

    @property
    def year(self) -> int:
        return int(self.administration_id[:4])

    def permanent_draws(self, purpose: str, index: int) -> Draws:
        """Return the draws of a property that a school has in every administration."""
        return Draws(f"{self.seed}:{index}:{purpose}")

    def yearly_draws(self, purpose: str, index: int) -> Draws:
        """Return the draws of a property that is new in each administration."""
        return Draws(f"{self.seed}:{self.administration_id}:{index}:{purpose}")


def require_valid_plan(plan: DeliveryPlan) -> None:
    """Raise SyntheticDeliveryError for an invalid plan."""
    if not 1 <= plan.schools <= MAX_SCHOOLS:
        raise SyntheticDeliveryError(
            f"schools is {plan.schools}: choose a number from 1 to {MAX_SCHOOLS}"
        )
    if plan.sequence < 1:
        raise SyntheticDeliveryError(f"sequence is {plan.sequence}: deliveries are numbered from 1")
    for name in ("students_per_school", "students_per_class"):
        number = getattr(plan, name)
        if number is not None and number < 1:
            raise SyntheticDeliveryError(f"{name} is {number}: choose 1 or more, or omit it")
    if not ADMINISTRATION_ID.fullmatch(plan.administration_id):
        raise SyntheticDeliveryError(
            f"administration_id is {plan.administration_id!r}: begin with the year of the tests, "
            'as in "2024" or "2024-proef"'
        )


def require_empty_directory(out: Path) -> None:
    """Raise TargetDirectoryError unless the directory is empty or does not exist."""
    if not out.exists():
        return
    if not out.is_dir():
        raise TargetDirectoryError(f"{out} is not a directory: choose a new or empty one")
    if any(out.iterdir()):
        raise TargetDirectoryError(
            f"{out} is not empty: choose another directory, or empty this one first"
        )
