"""Whole PDF files: prefix, page template, own objects and cross-reference stream."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.pdf.cross_reference import FIELD_WIDTHS, offset_entry
from services.worker.pdf.file_prefix import CATALOG, FilePrefix
from services.worker.pdf.page_template import PageTemplate


@dataclass(frozen=True, slots=True)
class PdfFile:
    """The bytes of a PDF, with the checksums that a store and a ZIP need."""

    data: bytes
    sha256: bytes
    crc32: int


def write_file(prefix: FilePrefix, template: PageTemplate, own_objects: Sequence[bytes]) -> PdfFile:
    """Complete a page template with a document's own objects, of which the second is Info.

    Only the own objects are hashed; the checksums of what precedes them are in the template.
    """
    entries, end = [template.cross_reference], template.size
    for written in own_objects:
        entries.append(offset_entry(end))
        end += len(written)
    entries.append(offset_entry(end))
    number = template.first_own + len(own_objects)
    cross_reference = b"".join(entries)
    tail = b"%b%d 0 obj\n<</Type/XRef/Size %d/W%b/Root %d 0 R/Info %d 0 R/Length %d/ID" % (
        b"".join(own_objects),
        number,
        number + 1,
        FIELD_WIDTHS,
        CATALOG,
        template.first_own + 1,
        len(cross_reference),
    )
    hasher = template.hasher.copy()
    hasher.update(tail)
    identifier = hasher.hexdigest()[:32].encode("ascii")
    last = b"[<%b><%b>]>>stream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (
        identifier,
        identifier,
        cross_reference,
        end,
    )
    hasher.update(last)
    crc32 = zlib.crc32(last, zlib.crc32(tail, template.crc32))
    data = b"".join((prefix.data, template.data, tail, last))
    return PdfFile(data, hasher.digest(), crc32)
