"""The size of a page and the origins of its content."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """Lengths in points; positions from the bottom left of the page.

    `left` is the left margin. Blocks start at `top` on the first page and at `further_top` below
    the running head of the others, whose top is `top` too. `foot_top` is the top of the foot.
    """

    width: float
    height: float
    left: float
    top: float
    further_top: float
    foot_top: float

    def blocks_top(self, page: int) -> float:
        """Return the top of the first block of a page, counted from 1."""
        return self.top if page == 1 else self.further_top

    @property
    def media_box(self) -> bytes:
        return b"/MediaBox[0 0 %.2f %.2f]" % (self.width, self.height)
