"""The structure tree of a document (ISO 32000-1, 14.7), as templates for object numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.pdf.content_stream import ContentStream, StructureElement
from services.worker.pdf.fallback_font import FallbackCharacter
from services.worker.pdf.objects import ObjectTemplate, text_string
from services.worker.pdf.page_geometry import PageGeometry


@dataclass(frozen=True, slots=True)
class Fragment:
    """A content stream at a place on a page: deflated operators, and its top from the bottom."""

    deflated: bytes
    elements: tuple[StructureElement, ...]
    fallback_characters: frozenset[FallbackCharacter]
    top: float

    @classmethod
    def of(cls, stream: ContentStream, deflated: bytes, top: float) -> "Fragment":
        return cls(deflated, stream.elements, stream.fallback_characters, top)


@dataclass(frozen=True, slots=True)
class PageContent:
    """The fragments of a page; `head` are the elements of the document's own stream before them."""

    head: tuple[StructureElement, ...]
    fragments: tuple[Fragment, ...]


class StructureTree:
    """Structure elements in reading order; consecutive items are in a list, rows in a table.

    Indices count from 0: the parent of all, the pages, and then the `elements`, `size` in all.
    `parents` has, per page, the elements of its marked content by MCID.
    """

    def __init__(self, pages: Sequence[PageContent], geometry: PageGeometry) -> None:
        self.size = 1 + len(pages)
        self.elements: dict[int, ObjectTemplate] = {}
        self.children: list[int] = []
        self.parents: list[list[int]] = []
        self._geometry = geometry
        self._group: int | None = None
        self._group_role = b""
        self._members: list[int] = []
        for number, page in enumerate(pages, start=1):
            self._add_page(page, number)

    def _add_page(self, page: PageContent, number: int) -> None:
        self.parents.append([])
        for element in page.head:
            self._add(element, number, self._geometry.blocks_top(number))
        for fragment in page.fragments:
            for element in fragment.elements:
                self._add(element, number, fragment.top)
        self._close_group()

    def _add(self, element: StructureElement, page: int, top: float) -> None:
        """Add an element of a block whose top is `top` points from the bottom of the page."""
        if element.role == "LI":
            self._add_item(page)
            return
        if element.role == "TR":
            self._add_row(element, page)
            return
        self._close_group()
        entries = b"/Alt" + text_string(element.alternative) if element.alternative else b""
        if box := element.bounds:
            left = self._geometry.left
            edges = (left + box.left, top - box.bottom, left + box.right, top - box.top)
            entries += b"/A<</O/Layout/Placement/Block/BBox[%.2f %.2f %.2f %.2f]>>" % edges
        self.children.append(self._next_index())
        role = element.role.encode()
        self._add_content(self.children[-1], role, 0, page, entries, element.count)

    def _add_item(self, page: int) -> None:
        group = self._open_group(b"L")
        item, body = self._next_index(), self._next_index()
        self._add_element(item, b"LI", group, ObjectTemplate.reference_array([body]))
        self._add_content(body, b"LBody", item, page)
        self._members.append(item)

    def _add_row(self, element: StructureElement, page: int) -> None:
        group = self._open_group(b"Table")
        row = self._next_index()
        self._members.append(row)
        cells = [self._next_index() for _ in element.cells]
        self._add_element(row, b"TR", group, ObjectTemplate.reference_array(cells))
        scope = b"Column" if all(cell.role == "TH" for cell in element.cells) else b"Row"
        for index, cell in zip(cells, element.cells, strict=True):
            entries = b"/A<</O/Table/Scope/%b>>" % scope if cell.role == "TH" else b""
            role = cell.role.encode()
            if cell.is_empty:
                self._add_element(index, role, row, ObjectTemplate(b"[]", ()), entries)
            else:
                self._add_content(index, role, row, page, entries)

    def _open_group(self, role: bytes) -> int:
        """Return the list or table of the previous element, or a new one."""
        if self._group_role != role:
            self._close_group()
        if self._group is None:
            self._group, self._group_role = self._next_index(), role
            self.children.append(self._group)
        return self._group

    def _add_content(
        self,
        index: int,
        role: bytes,
        parent: int,
        page: int,
        entries: bytes = b"",
        count: int = 1,
    ) -> None:
        """Add an element with the next pieces of marked content of the page."""
        on_page = self.parents[page - 1]
        mcids = [b"%d" % (len(on_page) + number) for number in range(count)]
        kids = mcids[0] if count == 1 else b"[%b]" % b" ".join(mcids)
        kid = ObjectTemplate(b"%b/Pg %%b 0 R" % kids, (page,))
        self._add_element(index, role, parent, kid, entries)
        on_page += [index] * count

    def _close_group(self) -> None:
        if self._group is not None:
            members = ObjectTemplate.reference_array(self._members)
            self._add_element(self._group, self._group_role, 0, members)
            self._group, self._group_role, self._members = None, b"", []

    def _next_index(self) -> int:
        self.size += 1
        return self.size - 1

    def _add_element(
        self, index: int, role: bytes, parent: int, kids: ObjectTemplate, entries: bytes = b""
    ) -> None:
        escaped = entries and entries.replace(b"%", b"%%")
        text = b"<</S/%b/P %%b 0 R/K %b%b>>" % (role, kids.text, escaped)
        self.elements[index] = ObjectTemplate(text, (parent, *kids.references))
