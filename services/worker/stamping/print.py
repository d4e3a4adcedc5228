"""Writes the fiches of a class group as one PDF for the printer, as accessible as each of them."""

from collections.abc import Sequence

from services.worker.rendering.fiche import PAGE_HEIGHT, PAGE_WIDTH
from services.worker.rendering.typesetting import tidy
from services.worker.stamping.fiche import FicheStamper, LaidOut, resources
from services.worker.stamping.fiche_ink import Spare
from services.worker.stamping.fiche_objects import (
    XREF_FREE,
    XREF_WIDTHS,
    Assembly,
    deflated,
    deflated_stream,
    references,
    stream,
    text_string,
)
from services.worker.stamping.fiche_plan import (
    CATALOG,
    DOCUMENT,
    FIRST_FREE,
    METADATA,
    PAGES,
    PARENTS,
    PRODUCER,
    TREE,
    Tree,
    catalog,
    frame,
    metadata,
    page_body,
)

_OUTLINE, _RESOURCES, _INFO = range(FIRST_FREE, FIRST_FREE + 3)
_OBJECTS_TOGETHER = 200  # an index in a stream of objects is a byte


def print_file(stamper: FicheStamper, fiches: Sequence[LaidOut]) -> bytes:
    """One PDF of at least one fiche of a class group, laid out by this stamper, in this order.

    Each starts on a new sheet, also in double-sided print: an odd number of pages gets an empty one
    behind it, always, since that costs a printer of single sides one sheet that it leaves out.
    Fonts, and whatever is drawn the same for several students, are in the file once. The same
    fiches give the same bytes. The file may have 16 MiB, which is some thousands of students.
    """
    file = _PrintFile(stamper)
    for fiche in fiches:
        file.add(fiche)
    return file.closed(fiches[0])


class _PrintFile:
    """The objects of one file; dictionaries are kept, and written together at the end."""

    def __init__(self, stamper: FicheStamper) -> None:
        self._stamper = stamper
        self._assembly = Assembly(len(stamper.base.data))
        self._bodies: dict[int, bytes] = {}
        self._next = _INFO + 1
        self._streams: dict[bytes, int] = {}
        self._spares: set[Spare] = set()
        self._pages: list[int] = []
        self._parents: dict[int, list[int]] = {}
        self._sections: list[int] = []
        self._bookmarks: list[tuple[bytes, int]] = []

    def add(self, fiche: LaidOut) -> None:
        section, *pages = self._take(1 + len(fiche.plan.pages))
        tree = Tree(section, self._next)
        for page, number in zip(fiche.plan.pages, pages, strict=True):
            tree.add_page(page, number)
        self._next = tree.next
        self._bodies |= tree.bodies
        self._bodies[section] = b"<</S/Sect/P %d 0 R/K%b>>" % (DOCUMENT, references(tree.children))
        self._sections.append(section)
        name = tidy(f"{fiche.content.given_name} {fiche.content.family_name}")
        self._bookmarks.append((text_string(name), pages[0]))
        own = [deflated(one) for one in fiche.streams]
        for place, (before, after) in enumerate(zip(own[::2], own[1::2], strict=True)):
            between = [fragment.deflated for fragment in fiche.plan.pages[place].fragments]
            drawn = [self._stream(data) for data in (before, *between, after)]
            key = len(self._parents)
            self._bodies[pages[place]] = page_body(_RESOURCES, drawn, key)
            self._parents[key] = tree.parents[place]
        self._spares |= fiche.spares
        self._pages += pages
        if len(pages) % 2:
            self._add_empty_page()

    def _take(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def _stream(self, data: bytes) -> int:
        """The number of the one stream with these deflated operators."""
        if data not in self._streams:
            (number,) = self._take(1)
            self._streams[data] = number
            self._assembly.add(number, stream(number, data, b"/Filter/FlateDecode"))
        return self._streams[data]

    def _add_empty_page(self) -> None:
        (number,) = self._take(1)
        self._bodies[number] = (
            b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Resources<<>>/Tabs/S>>"
        ) % (PAGES, PAGE_WIDTH, PAGE_HEIGHT)
        self._pages.append(number)

    def _add_outline(self) -> None:
        numbers = self._take(len(self._bookmarks))
        for place, (name, page) in enumerate(self._bookmarks):
            around = b""
            if place:
                around += b"/Prev %d 0 R" % numbers[place - 1]
            if numbers[place] != numbers[-1]:
                around += b"/Next %d 0 R" % numbers[place + 1]
            self._bodies[numbers[place]] = (
                b"<</Title%b/Parent %d 0 R/Dest[%d 0 R/Fit]/SE %d 0 R%b>>"
                % (name, _OUTLINE, page, self._sections[place], around)
            )
        self._bodies[_OUTLINE] = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (
            numbers[0],
            numbers[-1],
            len(numbers),
        )

    def closed(self, first: LaidOut) -> bytes:
        """The whole file; of the first fiche come the class group and what its title is."""
        texts = self._stamper.texts
        about = first.content
        title = f"{texts.files.fiches} {about.class_group}, {about.administration.name}"
        self._add_outline()
        self._add_resources()
        # The catalog and the root of the tree take the place of those in the base.
        outlined = b"/Outlines %d 0 R/PageMode/UseOutlines" % _OUTLINE
        self._bodies |= {
            CATALOG: catalog(texts, outlined),
            TREE: b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R>>" % (DOCUMENT, PARENTS),
            _INFO: b"<</Title%b/Creator%b/Producer%b>>"
            % (text_string(title), text_string(self._stamper.version), text_string(PRODUCER)),
            **frame(self._pages, self._sections, self._parents),
        }
        self._assembly.add(METADATA, metadata(title, texts))
        bodies = list(self._bodies.items())
        for at in range(0, len(bodies), _OBJECTS_TOGETHER):
            (holder,) = self._take(1)
            self._assembly.add_together(holder, dict(bodies[at : at + _OBJECTS_TOGETHER]))
        return self._with_table()

    def _add_resources(self) -> None:
        names, fonts = self._stamper.spare_fonts(frozenset(self._spares), self._next)
        for number, whole in zip(self._take(len(fonts)), fonts, strict=True):
            self._assembly.add(number, whole)
        self._bodies[_RESOURCES] = resources(names)

    def _with_table(self) -> bytes:
        """Everything, and the stream that says where each object stands."""
        base = self._stamper.base
        (number,) = self._take(1)
        data = self._assembly.joined()
        hasher = base.hasher.copy()
        hasher.update(data)
        identity = hasher.hexdigest()[:32].encode("ascii")
        start = len(base.data) + len(data)
        self._assembly.add(number, b"")
        entries = base.entries | self._assembly.entries
        table = XREF_FREE + b"".join([entries[one] for one in range(1, number + 1)])
        about = b"/Type/XRef/Size %d/W%b/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]" % (
            number + 1,
            XREF_WIDTHS,
            CATALOG,
            _INFO,
            identity,
            identity,
        )
        end = b"startxref\n%d\n%%%%EOF\n" % start
        return b"".join((base.data, data, deflated_stream(number, table, about), end))
