"""The print file of a class group: its fiches in one PDF, each as accessible as on its own."""

from collections.abc import Sequence

from services.worker.documents.fiche import PRODUCER, FicheLayout, FicheRenderer
from services.worker.documents.fiche_pages import GEOMETRY
from services.worker.pdf.merged_file import FileSection, MergedFile
from services.worker.pdf.metadata import DocumentMetadata
from shared.core.drawable_text import normalize_text
from shared.core.invisible import remove_invisible


def render_print_file(renderer: FicheRenderer, fiches: Sequence[FicheLayout]) -> bytes:
    """Render at least one fiche of a class group, laid out by this renderer, in this order.

    Each starts on a new sheet in double-sided print, too: an odd number of pages is followed by an
    empty one. In single-sided print that sheet can be left out. Fonts and shared fragments are in
    the file once. The same fiches give the same bytes.
    """
    file = MergedFile(renderer.prefix, GEOMETRY)
    for fiche in fiches:
        content = fiche.content
        names = filter(None, (content.family_name.strip(), content.given_name.strip()))
        bookmark = normalize_text(", ".join(names))
        section = FileSection(fiche.template, fiche.streams, fiche.fallback_characters, bookmark)
        file.add(section)
    first, texts = fiches[0].content, renderer.texts
    subject = remove_invisible(f"{first.class_group}, {first.administration.name}")
    title = f"{texts.files.fiches} {subject}"
    return file.to_bytes(DocumentMetadata(title, texts.language, renderer.version, PRODUCER))
