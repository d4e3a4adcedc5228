"""The measures and colours of a fiche, in points.

Body text is 11 points or more, other text 10, labels of a figure, facts and feet 9.
"""

from dataclasses import dataclass

from services.worker.layout.blocks import Colour

WIDTH = 483.0  # of the area between the margins

BODY_SIZE = 11.0
GUIDE_SIZE = 10.0
LABEL_SIZE = 9.0

# Contrast on white: text 16:1, accent 11:1, secondary text 7.5:1, outline 4.9:1.
TEXT: Colour = (0.11, 0.12, 0.14)
ACCENT: Colour = (0.09, 0.22, 0.40)
SECONDARY_TEXT: Colour = (0.30, 0.33, 0.37)
OUTLINE: Colour = (0.42, 0.45, 0.50)
HAIRLINE: Colour = (0.78, 0.80, 0.83)
TINT: Colour = (0.95, 0.96, 0.975)
WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Density:
    """Factors, from 1 for type: `type` for type sizes, `spacing` for white space.

    With `has_inline_levels`, a level is on the line of its component's name if both fit.
    """

    type: float
    spacing: float
    has_inline_levels: bool = False
