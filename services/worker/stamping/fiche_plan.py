"""Compiles everything on a fiche but the student's own lines, ready to be put in front of them."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from services.worker.rendering.fiche import (
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    first_top,
    template_version,
)
from services.worker.rendering.fonts import faces
from services.worker.stamping.fiche_fonts import OBJECTS_PER_FONT, font_objects, repertoire
from services.worker.stamping.fiche_ink import Drawing, Spare, SpokenPart
from services.worker.stamping.fiche_objects import (
    XREF_FREE,
    Assembly,
    indirect,
    references,
    stream,
    text_string,
)
from shared.documents.texts import Texts

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns

PRODUCER: Final = "toetsfeedback"
CATALOG, PAGES, TREE, METADATA, DOCUMENT, PARENTS, REGULAR = range(1, 8)
BOLD = REGULAR + OBJECTS_PER_FONT
_STANDING = BOLD + OBJECTS_PER_FONT  # the stream of the base's objects
FIRST_FREE = _STANDING + 1
_SPOKEN_FOOT = SpokenPart("P", "", None)


def catalog(texts: Texts, more: bytes) -> bytes:
    """Where a reader starts; `more` are entries a single fiche has no use for."""
    return (
        b"<</Type/Catalog/Pages %d 0 R/StructTreeRoot %d 0 R/Metadata %d 0 R/Lang%b"
        b"/MarkInfo<</Marked true>>/ViewerPreferences<</DisplayDocTitle true>>%b>>"
    ) % (PAGES, TREE, METADATA, text_string(texts.language), more)


@dataclass(frozen=True, slots=True)
class Base:
    """What every fiche in a language starts with: header, catalog and the two standing fonts."""

    data: bytes
    entries: dict[int, bytes]
    hasher: "HASH"
    crc32: int

    @classmethod
    def of(cls, texts: Texts) -> "Base":
        header = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
        assembly = Assembly(len(header))
        bodies = {
            CATALOG: catalog(texts, b""),
            TREE: b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R>>" % (DOCUMENT, PARENTS),
        }
        for first, face in ((REGULAR, faces().regular[0]), (BOLD, faces().bold[0])):
            of_font, streams = font_objects(face, repertoire(face), first)
            bodies |= of_font
            for number, whole in streams.items():
                assembly.add(number, whole)
        assembly.add_together(_STANDING, bodies)
        data = header + assembly.joined()
        return cls(data, assembly.entries, sha256(data), zlib.crc32(data))


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


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What stands between the base and the student's own objects, numbered from `first_own` on.

    `hasher`, `crc32` and `size` are of base and plan together. The own objects are, in order:
    resources, document information, and per page what is drawn before and after the fragments.
    `pages` are what it was compiled from; `foot_parts` are the numbers of the foot's one part on each page.
    """

    data: bytes
    hasher: "HASH"
    crc32: int
    size: int
    xref: bytes
    first_own: int
    pages: tuple[Page, ...]
    foot_parts: tuple[int, ...]
    spares: frozenset[Spare]


def metadata(title: str, texts: Texts) -> bytes:
    """The XMP packet, as a whole object, that claims PDF/UA-1."""
    return stream(METADATA, _xmp(title, texts), b"/Type/Metadata/Subtype/XML")


def _xmp(title: str, texts: Texts) -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">'
        "<pdfuaid:part>1</pdfuaid:part>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt>'
        f"</dc:title><dc:language><rdf:Bag><rdf:li>{texts.language}</rdf:li></rdf:Bag>"
        f"</dc:language><xmp:CreatorTool>{template_version(texts)}</xmp:CreatorTool>"
        f"<pdf:Producer>{PRODUCER}</pdf:Producer>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


class Tree:
    """Structure elements below a parent in reading order; runs of list items get a list around.

    `parents` are, for each page, the numbers of the elements that its content belongs to.
    """

    def __init__(self, parent: int, first: int) -> None:
        self._parent = parent
        self.bodies: dict[int, bytes] = {}
        self.next = first
        self.children: list[int] = []
        self.parents: list[list[int]] = []
        self._list: int | None = None
        self._items: list[int] = []

    def take(self) -> int:
        self.next += 1
        return self.next - 1

    def add_page(self, page: Page, number: int) -> int:
        """The page's object number, to the number of its foot's one part."""
        self.parents.append([])
        top = first_top(len(self.parents))
        for part in page.head:
            self._add(part, number, top)
        for fragment in page.fragments:
            for part in fragment.parts:
                self._add(part, number, fragment.top)
        self._add(_SPOKEN_FOOT, number, 0.0)
        return len(self.parents[-1]) - 1

    def _add(self, part: SpokenPart, page: int, top: float) -> None:
        """The page's object number; `top` of its block in points from the page's bottom."""
        mark = len(self.parents[-1])
        if part.role == "LI":
            self._add_item(page, mark)
            return
        self._close_list()
        number = self.take()
        more = b"/Alt" + text_string(part.alternative) if part.alternative else b""
        if box := part.bounds:
            edges = (LEFT + box.left, top - box.bottom, LEFT + box.right, top - box.top)
            more += b"/A<</O/Layout/Placement/Block/BBox[%.2f %.2f %.2f %.2f]>>" % edges
        self._element(
            number, part.role.encode(), self._parent, b"/Pg %d 0 R/K %d" % (page, mark), more
        )
        self.children.append(number)
        self.parents[-1].append(number)

    def _add_item(self, page: int, mark: int) -> None:
        if self._list is None:
            self._list = self.take()
            self.children.append(self._list)
        item, body = self.take(), self.take()
        self._element(item, b"LI", self._list, b"/K %d 0 R" % body)
        self._element(body, b"LBody", item, b"/Pg %d 0 R/K %d" % (page, mark))
        self._items.append(item)
        self.parents[-1].append(body)

    def _close_list(self) -> None:
        if self._list is not None:
            self._element(self._list, b"L", self._parent, b"/K" + references(self._items))
            self._list, self._items = None, []

    def _element(
        self, number: int, role: bytes, parent: int, kids: bytes, more: bytes = b""
    ) -> None:
        self.bodies[number] = b"<</S/%b/P %d 0 R%b%b>>" % (role, parent, kids, more)


def compiled(base: Base, title: str, texts: Texts, pages: list[Page]) -> Plan:
    """The plan of these pages; the student's lines on the first page hold the head's parts."""
    assembly = Assembly(len(base.data))
    page_numbers = [FIRST_FREE + place for place in range(len(pages))]
    tree = Tree(DOCUMENT, FIRST_FREE + len(pages))
    streams: list[list[int]] = []
    foot_parts = []
    for page, number in zip(pages, page_numbers, strict=True):
        foot_parts.append(tree.add_page(page, number))
        streams.append([])
        for fragment in page.fragments:
            streams[-1].append(tree.take())
            whole = stream(streams[-1][-1], fragment.deflated, b"/Filter/FlateDecode")
            assembly.add(streams[-1][-1], whole)
    first_own = tree.next
    for number, body in tree.bodies.items():
        assembly.add(number, indirect(number, body))
    _add_frame(assembly, tree, page_numbers, streams, title, texts)
    data = assembly.joined()
    hasher = base.hasher.copy()
    hasher.update(data)
    entries = {**base.entries, **assembly.entries}
    return Plan(
        data=data,
        hasher=hasher,
        crc32=zlib.crc32(data, base.crc32),
        size=len(base.data) + len(data),
        xref=XREF_FREE + b"".join([entries[number] for number in range(1, first_own)]),
        first_own=first_own,
        pages=tuple(pages),
        foot_parts=tuple(foot_parts),
        spares=frozenset().union(*(f.spares for page in pages for f in page.fragments)),
    )


def _add_frame(
    assembly: Assembly,
    tree: Tree,
    page_numbers: list[int],
    streams: list[list[int]],
    title: str,
    texts: Texts,
) -> None:
    """Pages, the tree's root and its way back, metadata."""
    first_own = tree.next
    for place, number in enumerate(page_numbers):
        before = first_own + 2 + 2 * place
        drawn = [before, *streams[place], before + 1]
        assembly.add(number, indirect(number, page_body(first_own, drawn, place)))
    for number, body in frame(page_numbers, tree.children, dict(enumerate(tree.parents))).items():
        assembly.add(number, indirect(number, body))
    assembly.add(METADATA, metadata(title, texts))


def page_body(resources: int, drawn: list[int], place: int) -> bytes:
    """An A4 page of these streams, whose way back to the elements has the number `place`."""
    return (
        b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Resources %d 0 R"
        b"/Contents%b/StructParents %d/Tabs/S>>"
    ) % (PAGES, PAGE_WIDTH, PAGE_HEIGHT, resources, references(drawn), place)


def frame(
    pages: list[int], children: list[int], parents: Mapping[int, list[int]]
) -> dict[int, bytes]:
    """The list of pages, the topmost element with its children, and the way back from content."""
    ways = b"".join([b"%d%b" % (place, references(found)) for place, found in parents.items()])
    return {
        PAGES: b"<</Type/Pages/Count %d/Kids%b>>" % (len(pages), references(pages)),
        DOCUMENT: b"<</S/Document/P %d 0 R/K%b>>" % (TREE, references(children)),
        PARENTS: b"<</Nums[%b]>>" % ways,
    }
