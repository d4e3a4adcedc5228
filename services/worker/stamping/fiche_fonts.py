"""Embeds parts of the shipped faces so that the code of a letter is the letter itself.

Each is a Type0 font with Identity-H: codes are UTF-16, a map leads from them to glyphs, and the
ToUnicode map says of every code that it is itself. Hints and tables a PDF has no use for are left
out, which halves the file; screens and printers smooth letters without them.
"""

from functools import cache
from hashlib import sha256
from itertools import pairwise
from struct import pack, unpack, unpack_from

from reportlab.pdfbase.ttfonts import TTFontMaker

from services.worker.rendering.fonts import DRAWING, Face
from services.worker.rendering.typesetting import plain_letters
from services.worker.stamping.fiche_objects import deflated_stream, literal

OBJECTS_PER_FONT = 6
_LATIN = "\u024f"
_ACCENTED = frozenset("àáâäçèéêëìíîïñòóôöùúûüÉË")
_SIGNS = frozenset(
    "\u00a0\u00ab\u00b0\u00b7\u00bb\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026\u20ac"
)
_PRIVATE = 0xE000  # codes for letters outside the first plane
_CMAP_ENTRIES = 22
_SIMPLE_HEAD = 10
_SYMBOLIC = 4
_KEPT_TABLES = (b"hhea", b"hmtx", b"maxp")


@cache
def repertoire(face: Face) -> frozenset[str]:
    """The letters embedded in every fiche, whatever it says.

    In bold, as names are, those of all of Europe's Latin alphabets; else what Dutch texts need.
    """
    is_bold = face.name == "Bold"
    return frozenset(
        letter
        for letter in plain_letters(face)
        if letter <= "~"
        or letter in _SIGNS
        or (letter.isalpha() and letter <= _LATIN if is_bold else letter in _ACCENTED)
    )


@cache
def _private_codes(face: Face) -> dict[str, int]:
    far = sorted(code for code in face.font.face.charToGlyph if code >= 1 << 16)
    return {chr(code): _PRIVATE + place for place, code in enumerate(far)}


def encoded(face: Face, text: str) -> bytes:
    """The text as a PDF string of this face's codes."""
    if not text.isascii() and max(text) > "\uffff":
        codes = _private_codes(face)
        text = "".join(chr(codes.get(letter, ord(letter))) for letter in text)
    return literal(text.encode("utf-16-be"))


def _tables(font: bytes) -> dict[bytes, bytes]:
    (count,) = unpack_from(">H", font, 4)
    found = {}
    for place in range(count):
        tag, _, offset, length = unpack_from(">4s3L", font, 12 + 16 * place)
        found[tag] = font[offset : offset + length]
    return found


def _without_hints(glyph: bytes) -> bytes:
    """The outline alone (OpenType `glyf`): instructions cut, and the flag that announces them."""
    if len(glyph) < _SIMPLE_HEAD:
        return glyph
    (contours,) = unpack_from(">h", glyph)
    at = _SIMPLE_HEAD
    if contours >= 0:
        at += 2 * contours
        (length,) = unpack_from(">H", glyph, at)
        return glyph[:at] + b"\0\0" + glyph[at + 2 + length :]
    bare = bytearray(glyph)
    flags = 0x20
    while flags & 0x20:
        (flags,) = unpack_from(">H", glyph, at)
        bare[at : at + 2] = pack(">H", flags & ~0x100)
        scale = 2 if flags & 0x08 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0
        at += 4 + (4 if flags & 1 else 2) + scale
    return bytes(bare[:at])


def _bare(tables: dict[bytes, bytes]) -> bytes:
    """A font program of outlines and widths only; of less than 128 KB of outlines."""
    (is_long,) = unpack_from(">h", tables[b"head"], 50)
    loca = tables[b"loca"]
    places = [
        place if is_long else 2 * place
        for place in unpack(f">{len(loca) // (4 if is_long else 2)}{'LH'[not is_long]}", loca)
    ]
    glyphs = [_without_hints(tables[b"glyf"][start:end]) for start, end in pairwise(places)]
    padded = [glyph + bytes(len(glyph) % 2) for glyph in glyphs]
    starts = [0]
    for glyph in padded:
        starts.append(starts[-1] + len(glyph) // 2)
    maker = TTFontMaker()
    for tag in _KEPT_TABLES:
        maker.add(tag.decode(), tables[tag])
    maker.add("glyf", b"".join(padded))
    maker.add("loca", pack(f">{len(starts)}H", *starts))
    maker.add("head", tables[b"head"][:50] + b"\0\0" + tables[b"head"][52:])
    program: bytes = maker.makeStream()
    return program


def _widths(face: Face, letters: list[tuple[int, str]]) -> bytes:
    """The /W array: a run of widths for each run of codes."""
    runs: list[bytes] = []
    previous = -1
    for code, letter in letters:
        width = b"%d" % round(face.font.face.charWidths[ord(letter)])
        if code == previous + 1:
            runs[-1] += b" " + width
        else:
            runs.append(b"%d[%b" % (code, width))
        previous = code
    return b"[%b]" % b"".join(run + b"]" for run in runs)


def _to_unicode(letters: list[tuple[int, str]]) -> bytes:
    lines: list[list[int]] = []
    far = []
    for code, letter in letters:
        if ord(letter) != code:
            far.append(b"<%04X> <%b>" % (code, letter.encode("utf-16-be").hex().encode()))
        elif lines and lines[-1][1] == code - 1 and code & 0xFF:
            lines[-1][1] = code
        else:
            lines.append([code, code])
    opening = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def"
        b"/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    )
    parts = [opening]
    ranges = [b"<%04X> <%04X> <%04X>" % (first, last, first) for first, last in lines]
    for name, entries in ((b"bfrange", ranges), (b"bfchar", far)):
        for at in range(0, len(entries), 100):
            some = entries[at : at + 100]
            parts.append(b"%d begin%b\n%b\nend%b\n" % (len(some), name, b"\n".join(some), name))
    parts.append(b"endcmap CMapName currentdict/CMap defineresource pop end end")
    return b"".join(parts)


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
    """`OBJECTS_PER_FONT` objects numbered from `first`, which is the font to refer to.

    First the bodies of the dictionaries, then the streams as whole objects.
    """
    codes = _private_codes(face)
    ordered = sorted((codes.get(letter, ord(letter)), letter) for letter in letters)
    with DRAWING:
        subset = face.font.face.makeSubset([ord(letter) for _, letter in ordered])
    tables = _tables(subset)
    glyphs = unpack_from(f">{len(ordered)}H", tables[b"cmap"], _CMAP_ENTRIES)
    map_to_glyphs = bytearray(2 * (ordered[-1][0] + 1))
    for (code, _), glyph in zip(ordered, glyphs, strict=True):
        map_to_glyphs[2 * code : 2 * code + 2] = pack(">H", glyph)
    program = _bare(tables)
    digest = sha256(program).digest()
    tag = bytes(ord("A") + byte % 26 for byte in digest[:6])
    name = tag + b"+" + bytes(face.font.face.name)
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
        file: deflated_stream(file, program, b"/Length1 %d" % len(program)),
        unicode: deflated_stream(unicode, _to_unicode(ordered)),
        glyph_map: deflated_stream(glyph_map, bytes(map_to_glyphs)),
    }
    return bodies, streams
