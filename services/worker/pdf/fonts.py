"""Embedded font subsets in which the code of a letter is its UTF-16 value.

Each is a Type0 font with Identity-H. A CIDToGIDMap leads from codes to glyphs, and the ToUnicode
CMap maps each code to itself. Hinting and tables that a PDF does not need are left out, which
halves the file; screens and printers smooth letters without them.
"""

from functools import cache
from hashlib import sha256
from itertools import pairwise
from struct import pack, unpack, unpack_from

from reportlab.pdfbase.ttfonts import TTFontMaker

from services.worker.layout.fonts import FONT_LOCK, Face
from services.worker.layout.typesetting import simple_characters
from services.worker.pdf.objects import deflated_stream_object, literal_string

OBJECTS_PER_FONT = 6
_BASE_FACES = ("Regular", "Bold")
_LATIN = "\u017f"  # the end of Latin Extended-A
_ROMANIAN = frozenset("ȘșȚț")
_ACCENTED = frozenset("àáâäçèéêëìíîïñòóôöùúûüÉË")
_PUNCTUATION = frozenset(
    "\u00a0\u00ab\u00b0\u00b7\u00bb\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026\u20ac"
)
_PRIVATE_USE = 0xE000  # codes for letters outside the Basic Multilingual Plane
_CMAP_ENTRIES = 22
_MAX_CMAP_ENTRIES = 100  # of one section (ISO 32000-1, 9.10.3)
_SIMPLE_GLYPH_HEADER = 10
_SYMBOLIC = 4
_COPIED_TABLES = (b"hhea", b"hmtx", b"maxp")


@cache
def base_subset(face: Face) -> frozenset[str]:
    """Return the letters that are embedded in every file, whatever its text.

    For the bold face, in which names are set: the Latin alphabets of the European Union. For the
    regular face: what Dutch texts need. The other faces are fallbacks only.
    """
    if face.name not in _BASE_FACES:
        return frozenset()
    is_bold = face.name == "Bold"
    return frozenset(
        letter
        for letter in simple_characters(face)
        if letter <= "~"
        or letter in _PUNCTUATION
        or (_is_european(letter) if is_bold else letter in _ACCENTED)
    )


def _is_european(letter: str) -> bool:
    return (letter.isalpha() and letter <= _LATIN) or letter in _ROMANIAN


@cache
def _private_use_codes(face: Face) -> dict[str, int]:
    supplementary = sorted(code for code in face.font.face.charToGlyph if code >= 1 << 16)
    return {chr(code): _PRIVATE_USE + index for index, code in enumerate(supplementary)}


def encode_text(face: Face, text: str) -> bytes:
    """Return the text as a literal string of this face's codes."""
    if not text.isascii() and max(text) > "\uffff":
        codes = _private_use_codes(face)
        text = "".join(chr(codes.get(letter, ord(letter))) for letter in text)
    return literal_string(text.encode("utf-16-be"))


def _read_tables(font: bytes) -> dict[bytes, bytes]:
    (count,) = unpack_from(">H", font, 4)
    tables = {}
    for index in range(count):
        tag, _, offset, length = unpack_from(">4s3L", font, 12 + 16 * index)
        tables[tag] = font[offset : offset + length]
    return tables


def _without_hinting(glyph: bytes) -> bytes:
    """Return the outline (OpenType `glyf`) without instructions and their flag."""
    if len(glyph) < _SIMPLE_GLYPH_HEADER:
        return glyph
    (contours,) = unpack_from(">h", glyph)
    at = _SIMPLE_GLYPH_HEADER
    if contours >= 0:
        at += 2 * contours
        (length,) = unpack_from(">H", glyph, at)
        return glyph[:at] + b"\0\0" + glyph[at + 2 + length :]
    outline = bytearray(glyph)
    flags = 0x20
    while flags & 0x20:
        (flags,) = unpack_from(">H", glyph, at)
        outline[at : at + 2] = pack(">H", flags & ~0x100)
        scale = 2 if flags & 0x08 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0
        at += 4 + (4 if flags & 1 else 2) + scale
    return bytes(outline[:at])


def _font_program(tables: dict[bytes, bytes]) -> bytes:
    """Return a font program of outlines and widths only, with less than 128 KB of outlines."""
    (is_long,) = unpack_from(">h", tables[b"head"], 50)
    loca = tables[b"loca"]
    offsets = [
        offset if is_long else 2 * offset
        for offset in unpack(f">{len(loca) // (4 if is_long else 2)}{'LH'[not is_long]}", loca)
    ]
    glyphs = [_without_hinting(tables[b"glyf"][start:end]) for start, end in pairwise(offsets)]
    padded = [glyph + bytes(len(glyph) % 2) for glyph in glyphs]
    starts = [0]
    for glyph in padded:
        starts.append(starts[-1] + len(glyph) // 2)
    maker = TTFontMaker()
    for tag in _COPIED_TABLES:
        maker.add(tag.decode(), tables[tag])
    maker.add("glyf", b"".join(padded))
    maker.add("loca", pack(f">{len(starts)}H", *starts))
    maker.add("head", tables[b"head"][:50] + b"\0\0" + tables[b"head"][52:])
    program: bytes = maker.makeStream()
    return program


def _widths(face: Face, letters: list[tuple[int, str]]) -> bytes:
    """Return the W array, with an array of widths for each range of codes."""
    ranges: list[bytes] = []
    previous = -1
    for code, letter in letters:
        width = b"%d" % round(face.font.face.charWidths[ord(letter)])
        if code == previous + 1:
            ranges[-1] += b" " + width
        else:
            ranges.append(b"%d[%b" % (code, width))
        previous = code
    return b"[%b]" % b"".join(one + b"]" for one in ranges)


def _to_unicode_cmap(letters: list[tuple[int, str]]) -> bytes:
    """Return the CMap with an entry per code: Ghostscript misreads ranges of codes."""
    entries = [
        b"<%04X> <%b>" % (code, letter.encode("utf-16-be").hex().upper().encode())
        for code, letter in letters
    ]
    opening = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def"
        b"/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    )
    sections = [opening]
    for at in range(0, len(entries), _MAX_CMAP_ENTRIES):
        some = entries[at : at + _MAX_CMAP_ENTRIES]
        sections.append(b"%d beginbfchar\n%b\nendbfchar\n" % (len(some), b"\n".join(some)))
    sections.append(b"endcmap CMapName currentdict/CMap defineresource pop end end")
    return b"".join(sections)


def _descriptor(face: Face, name: bytes, file: int) -> bytes:
    metrics = face.font.face
    box = b" ".join(b"%d" % round(edge) for edge in metrics.bbox)
    return (
        b"<</Type/FontDescriptor/FontName/%b/Flags %d/FontBBox[%b]/ItalicAngle 0"
        b"/Ascent %d/Descent %d/CapHeight %d/StemV %d/FontFile2 %d 0 R>>"
    ) % (
        name,
        _SYMBOLIC,
        box,
        round(metrics.ascent),
        round(metrics.descent),
        round(metrics.capHeight),
        round(metrics.stemV),
        file,
    )


def font_objects(
    face: Face, letters: frozenset[str], first: int
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Return `OBJECTS_PER_FONT` objects numbered from `first`, which is the font dictionary.

    The bodies of the dictionaries, and the streams as whole objects, by number.
    """
    codes = _private_use_codes(face)
    ordered = sorted((codes.get(letter, ord(letter)), letter) for letter in letters)
    with FONT_LOCK:
        subset = face.font.face.makeSubset([ord(letter) for _, letter in ordered])
    tables = _read_tables(subset)
    glyphs = unpack_from(f">{len(ordered)}H", tables[b"cmap"], _CMAP_ENTRIES)
    cid_to_gid = bytearray(2 * (ordered[-1][0] + 1))
    for (code, _), glyph in zip(ordered, glyphs, strict=True):
        cid_to_gid[2 * code : 2 * code + 2] = pack(">H", glyph)
    program = _font_program(tables)
    name = _subset_tag(program) + b"+" + bytes(face.font.face.name)
    font, descendant, descriptor, file, unicode, glyph_map = range(first, first + OBJECTS_PER_FONT)
    bodies = {
        font: b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H"
        b"/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>" % (name, descendant, unicode),
        descendant: b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%b"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor %d 0 R/CIDToGIDMap %d 0 R/W%b>>"
        % (name, descriptor, glyph_map, _widths(face, ordered)),
        descriptor: _descriptor(face, name, file),
    }
    streams = {
        file: deflated_stream_object(file, program, b"/Length1 %d" % len(program)),
        unicode: deflated_stream_object(unicode, _to_unicode_cmap(ordered)),
        glyph_map: deflated_stream_object(glyph_map, bytes(cid_to_gid)),
    }
    return bodies, streams


def _subset_tag(program: bytes) -> bytes:
    """Return six capitals that depend on the subset (ISO 32000-1, 9.6.4)."""
    return bytes(ord("A") + byte % 26 for byte in sha256(program).digest()[:6])
