"""Compiles everything on a fiche but the student's own lines, ready to be put in front of them."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from services.worker.rendering.fiche import PAGE_HEIGHT, PAGE_WIDTH, template_version
from services.worker.rendering.fonts import faces
from services.worker.stamping.fiche_fonts import OBJECTS_PER_FONT, font_objects, repertoire
from services.worker.stamping.fiche_ink import Spare
from services.worker.stamping.fiche_objects import (
    XREF_FREE,
    Assembly,
    indirect,
    references,
    stream,
    text_string,
)
from services.worker.stamping.fiche_tree import Page, Tree
from shared.documents.texts import Texts

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns

PRODUCER: Final = "toetsfeedback"
CATALOG, PAGES, TREE, METADATA, DOCUMENT, PARENTS, REGULAR = range(1, 8)
BOLD = REGULAR + OBJECTS_PER_FONT
_STANDING = BOLD + OBJECTS_PER_FONT  # the stream of the base's objects
FIRST_FREE = _STANDING + 1


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


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What stands between the base and the student's own objects, numbered from `first_own` on.

    `hasher`, `crc32` and `size` are of base and plan together. The own objects are, in order:
    resources, document information, and per page what is drawn before and after the fragments.
    `pages` are what it was compiled from; `foot_parts` are the numbers of each page's last part.
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


def compiled(base: Base, title: str, texts: Texts, pages: list[Page]) -> Plan:
    """The plan of these pages; the student's lines on the first page hold the head's parts."""
    assembly = Assembly(len(base.data))
    tree = Tree(pages)
    free = FIRST_FREE + tree.size - 1
    numbers = [DOCUMENT, *range(FIRST_FREE, free)]
    written = [b"%d" % number for number in numbers]
    for place, element in tree.elements.items():
        assembly.add(numbers[place], indirect(numbers[place], element.filled(written)))
    first_own = free + sum(len(page.fragments) for page in pages)
    for place, page in enumerate(pages):
        drawn = range(free, free + len(page.fragments))
        free = drawn.stop
        for number, fragment in zip(drawn, page.fragments, strict=True):
            assembly.add(number, stream(number, fragment.deflated, b"/Filter/FlateDecode"))
        before = first_own + 2 + 2 * place
        contents = references([before, *drawn, before + 1])
        body = page_body(first_own, contents, b"%d" % place)
        assembly.add(numbers[1 + place], indirect(numbers[1 + place], body))
    ways = [references([numbers[place] for place in found]) for found in tree.parents]
    children = [numbers[place] for place in tree.children]
    for number, body in frame(numbers[1 : 1 + len(pages)], children, ways).items():
        assembly.add(number, indirect(number, body))
    assembly.add(METADATA, metadata(title, texts))
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
        foot_parts=tuple([len(found) - 1 for found in tree.parents]),
        spares=frozenset().union(*(f.spares for page in pages for f in page.fragments)),
    )


def page_body(resources: int, contents: bytes, place: bytes) -> bytes:
    """An A4 page of these streams, whose way back to the elements has the number `place`."""
    return (
        b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Resources %d 0 R"
        b"/Contents%b/StructParents %b/Tabs/S>>"
    ) % (PAGES, PAGE_WIDTH, PAGE_HEIGHT, resources, contents, place)


def frame(pages: Sequence[int], children: Sequence[int], ways: Sequence[bytes]) -> dict[int, bytes]:
    """The list of pages, the topmost element with its children, and the ways back from content."""
    numbered = b" ".join([b"%d %b" % one for one in enumerate(ways)])
    return {
        PAGES: b"<</Type/Pages/Count %d/Kids%b>>" % (len(pages), references(pages)),
        DOCUMENT: b"<</S/Document/P %d 0 R/K%b>>" % (TREE, references(children)),
        PARENTS: b"<</Nums[%b]>>" % numbered,
    }
