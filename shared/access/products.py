"""Products: the kinds of feedback that a release window opens and a mandate shares."""

from enum import StrEnum
from typing import Literal, get_args


class Product(StrEnum):
    STUDENT_FEEDBACK = "studentFeedback"
    SCHOOL_FEEDBACK = "schoolFeedback"
    TEST_VIEWING = "testViewing"

    def __repr__(self) -> str:
        """Return the value in quotes, as validation errors show it."""
        return repr(self.value)


MandateProduct = Literal[Product.STUDENT_FEEDBACK, Product.SCHOOL_FEEDBACK]
"""A product that a school can share with an integrator; test viewing stays with the school."""

MANDATE_PRODUCTS: tuple[Product, ...] = get_args(MandateProduct)
