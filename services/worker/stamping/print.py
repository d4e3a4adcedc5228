"""Writes the fiches of a class group as one PDF for the printer, as accessible as each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.worker.rendering.fiche import PAGE_HEIGHT, PAGE_WIDTH
from services.worker.rendering.typesetting import tidy
from services.worker.stamping.fiche import FicheStamper, LaidOut, resources
from services.worker.stamping.fiche_ink import Spare
from services.worker.stamping.fiche_objects import (
    XREF_FREE,
    XREF_WIDTHS,
    Assembly,
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
    Plan,
    catalog,
    frame,
    metadata,
    page_body,
)
from services.worker.stamping.fiche_tree import Body, Tree

_OUTLINE, _RESOURCES, _INFO = range(FIRST_FREE, FIRST_FREE + 3)
_NUMBER = b"%7d"  # as wide in every file, so that it is known where each object starts
_OBJECTS_TOGETHER = 200


def print_file(stamper: FicheStamper, fiches: Sequence[LaidOut]) -> bytes:
    """One PDF of at least one fiche of a class group, laid out by this stamper, in this order.

    Each starts on a new sheet, also in double-sided print: an odd number of pages gets an empty one
    behind it, always, since that costs a printer of single sides one sheet that it leaves out.
    Fonts, and whatever is drawn the same for several students, are in the file once. The same
    fiches give the same bytes.
    """
    file = _PrintFile(stamper)
    for fiche in fiches:
        file.add(fiche)
    return file.closed(fiches[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """What a plan needs in a print file for a student: a stream of objects, but for the numbers.

    Those are by place: a section, the pages, their elements, the ways back from content, which are
    the `held` objects; two streams of own content for each page, and the stream of objects itself,
    which make `size`. `body` also refers to the fragments, and to the number of each page's way.
    """

    body: Body
    first: int
    held: int
    size: int

    @classmethod
    def of(cls, plan: Plan) -> "_Sheet":
        tree = Tree(plan.pages)
        held = tree.size + len(plan.pages)
        size = held + 2 * len(plan.pages) + 1
        kids = Body.references(tree.children)
        bodies = [Body(b"<</S/Sect/P %d 0 R/K%b>>" % (DOCUMENT, kids.text), kids.refers)]
        free, ways = size, size + sum(len(page.fragments) for page in plan.pages)
        for place, page in enumerate(plan.pages):
            between = range(free, free + len(page.fragments))
            free = between.stop
            before = held + 2 * place
            contents = Body.references([before, *between, before + 1])
            text = page_body(_RESOURCES, contents.text, b"%b")
            bodies.append(Body(text, (*contents.refers, ways + place)))
        bodies += [tree.elements[place] for place in range(len(bodies), tree.size)]
        bodies += map(Body.references, tree.parents)
        first, body = _together(bodies)
        return cls(body, first, held, size)


def _together(bodies: list[Body]) -> tuple[int, Body]:
    """Where the first starts, and all of them behind the list of where each does."""
    widest = _NUMBER % 0
    heads, offset = b"", 0
    for body in bodies:
        heads += b"%%b %d " % offset
        offset += len(body.text % ((widest,) * len(body.refers))) + 1
    first = len(heads % ((widest,) * len(bodies)))
    refers = [*range(len(bodies)), *(place for body in bodies for place in body.refers)]
    return first, Body(heads + b"\n".join([body.text for body in bodies]), tuple(refers))


_sheet = lru_cache(maxsize=4096)(_Sheet.of)


class _PrintFile:
    """The objects of one file; dictionaries of the whole are kept, and written at the end."""

    def __init__(self, stamper: FicheStamper) -> None:
        self._stamper = stamper
        self._assembly = Assembly(len(stamper.base.data))
        self._bodies: dict[int, bytes] = {}
        self._next = _INFO + 1
        self._fragments: dict[bytes, int] = {}
        self._spares: set[Spare] = set()
        self._pages: list[int] = []
        self._ways: list[bytes] = []
        self._sections: list[int] = []
        self._bookmarks: list[tuple[bytes, int]] = []

    def add(self, fiche: LaidOut) -> None:
        sheet, pages = _sheet(fiche.plan), fiche.plan.pages
        fragments = [self._fragment(one.deflated) for page in pages for one in page.fragments]
        numbers = self._take(sheet.size)
        ways = range(len(self._ways), len(self._ways) + len(pages))
        written = [_NUMBER % number for number in (*numbers, *fragments, *ways)]
        body = sheet.body.filled(written)
        self._assembly.add_held(numbers[-1], numbers[: sheet.held], sheet.first, body)
        for number, data in zip(numbers[sheet.held : -1], fiche.streams, strict=True):
            self._assembly.add(number, stream(number, data))
        self._spares |= fiche.spares
        self._sections.append(numbers[0])
        name = tidy(f"{fiche.content.given_name} {fiche.content.family_name}")
        self._bookmarks.append((text_string(name), numbers[1]))
        self._pages += numbers[1 : 1 + len(pages)]
        self._ways += [
            b"%d 0 R" % number for number in numbers[sheet.held - len(pages) : sheet.held]
        ]
        if len(pages) % 2:
            self._add_empty_page()

    def _take(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def _fragment(self, data: bytes) -> int:
        """The number of the one stream with these deflated operators."""
        if data not in self._fragments:
            (number,) = self._take(1)
            self._fragments[data] = number
            self._assembly.add(number, stream(number, data, b"/Filter/FlateDecode"))
        return self._fragments[data]

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
            **frame(self._pages, self._sections, self._ways),
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
        return b"".join((base.data, data, stream(number, table, about), end))
