"""Print files: hand-out lists and fiches in one PDF, each as accessible as on its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.documents.fiche import PRODUCER, FicheLayout, FicheRenderer
from services.worker.documents.fiche_pages import GEOMETRY
from services.worker.documents.hand_out_list import HandOutListLayout
from services.worker.pdf.merged_file import FileSection, MergedFile
from services.worker.pdf.metadata import DocumentMetadata
from shared.core.drawable_text import normalize_text
from shared.core.invisible import remove_invisible


@dataclass(frozen=True, slots=True)
class PrintedClassGroup:
    """The hand-out list and the fiches of a class group in their order, laid out."""

    hand_out_list: HandOutListLayout
    fiches: Sequence[FicheLayout]


def render_print_file(
    renderer: FicheRenderer, class_groups: Sequence[PrintedClassGroup], subject: str
) -> bytes:
    """Render the class groups, at least one, which this renderer has laid out.

    Fiches with a back are for double-sided print: each document starts on a new sheet, if need be
    after an empty page. Others are for single-sided print, without any. Fonts and shared fragments
    are in the file once. The same layouts give the same bytes.
    """
    file = MergedFile(renderer.prefix, GEOMETRY, is_two_sided=renderer.has_back)
    for class_group in class_groups:
        first = class_group.hand_out_list
        section = FileSection(
            first.template, first.streams, first.fallback_characters, first.subject
        )
        file.add(section)
        for fiche in class_group.fiches:
            file.add(_fiche_section(fiche))
    texts = renderer.texts
    title = f"{texts.files.fiches} {remove_invisible(subject)}"
    return file.to_bytes(DocumentMetadata(title, texts.language, renderer.version, PRODUCER))


def _fiche_section(fiche: FicheLayout) -> FileSection:
    content = fiche.content
    names = filter(None, (content.family_name.strip(), content.given_name.strip()))
    bookmark = normalize_text(", ".join(names))
    return FileSection(
        fiche.template, fiche.streams, fiche.fallback_characters, bookmark, is_nested=True
    )
