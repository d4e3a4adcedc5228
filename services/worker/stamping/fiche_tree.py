"""Writes the structure tree of a fiche, as text that takes the object numbers of any file."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.rendering.fiche import LEFT, first_top
from services.worker.stamping.fiche_ink import Drawing, Spare, SpokenPart
from services.worker.stamping.fiche_objects import text_string

_SPOKEN_FOOT = SpokenPart("P", "", None)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A block on its page: deflated operators, its parts, how far down the page it starts."""

    deflated: bytes
    parts: tuple[SpokenPart, ...]
    spares: frozenset[Spare]
    top: float

    @classmethod
    def of(cls, drawing: Drawing, deflated: bytes, top: float) -> "Fragment":
        return cls(deflated, drawing.parts, drawing.spares, top)


@dataclass(frozen=True, slots=True)
class Page:
    """`head` are the parts in the student's own lines, drawn before the fragments."""

    head: tuple[SpokenPart, ...]
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """An object's text with places for numbers; `refers` says whose, by place in the tree."""

    text: bytes
    refers: tuple[int, ...]

    @classmethod
    def references(cls, places: Sequence[int]) -> "Body":
        return cls(b"[%b]" % b" ".join([b"%b 0 R"] * len(places)), tuple(places))

    def filled(self, numbers: Sequence[bytes]) -> bytes:
        """With these numbers, as they are to be written."""
        return self.text % tuple([numbers[place] for place in self.refers])


class Tree:
    """Structure elements in reading order; runs of list items get a list around.

    Places in it count from 0: the parent of all, the pages, and then the `elements`, `size` in all.
    For each page, `parents` are the elements that its content belongs to; the last is the foot.
    """

    def __init__(self, pages: Sequence[Page]) -> None:
        self.size = 1 + len(pages)
        self.elements: dict[int, Body] = {}
        self.children: list[int] = []
        self.parents: list[list[int]] = []
        self._list: int | None = None
        self._items: list[int] = []
        for number, page in enumerate(pages, start=1):
            self._add_page(page, number)

    def _add_page(self, page: Page, number: int) -> None:
        self.parents.append([])
        for part in page.head:
            self._add(part, number, first_top(number))
        for fragment in page.fragments:
            for part in fragment.parts:
                self._add(part, number, fragment.top)
        self._add(_SPOKEN_FOOT, number, 0.0)

    def _add(self, part: SpokenPart, page: int, top: float) -> None:
        """`top` of its block in points from the page's bottom."""
        if part.role == "LI":
            self._add_item(page)
            return
        self._close_list()
        more = b"/Alt" + text_string(part.alternative) if part.alternative else b""
        if box := part.bounds:
            edges = (LEFT + box.left, top - box.bottom, LEFT + box.right, top - box.top)
            more += b"/A<</O/Layout/Placement/Block/BBox[%.2f %.2f %.2f %.2f]>>" % edges
        self.children.append(self._take())
        self._add_content(self.children[-1], part.role.encode(), 0, page, more)

    def _add_item(self, page: int) -> None:
        if self._list is None:
            self._list = self._take()
            self.children.append(self._list)
        item, body = self._take(), self._take()
        self._element(item, b"LI", self._list, Body.references([body]))
        self._add_content(body, b"LBody", item, page)
        self._items.append(item)

    def _add_content(
        self, place: int, role: bytes, parent: int, page: int, more: bytes = b""
    ) -> None:
        """An element of the page's next piece of marked content."""
        on_page = self.parents[page - 1]
        kid = Body(b"%d/Pg %%b 0 R" % len(on_page), (page,))
        self._element(place, role, parent, kid, more)
        on_page.append(place)

    def _close_list(self) -> None:
        if self._list is not None:
            self._element(self._list, b"L", 0, Body.references(self._items))
            self._list, self._items = None, []

    def _take(self) -> int:
        self.size += 1
        return self.size - 1

    def _element(self, place: int, role: bytes, parent: int, kids: Body, more: bytes = b"") -> None:
        text = b"<</S/%b/P %%b 0 R/K %b%b>>" % (role, kids.text, more.replace(b"%", b"%%"))
        self.elements[place] = Body(text, (parent, *kids.refers))
