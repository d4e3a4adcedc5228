"""The renderer of confirmations of test viewing: a page with place, time, code and QR code."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from services.worker.documents.fiche import PRODUCER
from services.worker.documents.fiche_head import fact_blocks, foot, introduction, student_name
from services.worker.documents.fiche_pages import FIRST_PAGE_HEIGHT, GEOMETRY
from services.worker.documents.fiche_style import ACCENT, BODY_SIZE, TEXT, WIDTH, Density
from services.worker.documents.hand_out_table import drawable
from services.worker.documents.qr_code import qr_code
from services.worker.documents.shared_fragments import page_content
from services.worker.layout.blocks import Block, Column, TaggedContent, rectangle
from services.worker.layout.fonts import FONT_LOCK, font_faces
from services.worker.layout.typesetting import wrap_text
from services.worker.pdf.content_stream import save_state_at
from services.worker.pdf.file import PdfFile, write_file
from services.worker.pdf.file_prefix import FilePrefix
from services.worker.pdf.metadata import DocumentMetadata
from services.worker.pdf.own_objects import own_objects
from services.worker.pdf.page_template import compile_page_template
from shared.core.clock import in_brussels
from shared.documents.texts import DUTCH
from shared.viewings.codes import written
from shared.viewings.confirmations import ConfirmationContent
from shared.viewings.texts import CONFIRMATION, ConfirmationTexts

CONFIRMATION_VERSION: Final = f"confirmation-2.{CONFIRMATION.version}"
"""Raise the first number with any change in how a confirmation looks."""

_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_DENSITIES = (Density(type=1.15, spacing=1.6), Density(type=1.0, spacing=0.8))
_CODE_SIZE, _QR_SIZE = 26.0, 117.0
_QUIET_ZONE = _QR_SIZE / 5
"""The white space that a QR code needs around it."""


def render_confirmation(content: ConfirmationContent) -> PdfFile:
    """Render a confirmation; it has no result. The same content gives the same bytes.

    A letter that cannot be drawn is replaced, so that no name makes it fail.
    """
    prefix, texts = _prefix(), CONFIRMATION
    end = foot(CONFIRMATION_VERSION, _Foot(texts), 1, 1)
    page = page_content((), _blocks(content, texts), GEOMETRY.blocks_top(1), end)
    metadata = DocumentMetadata(texts.title, texts.language, CONFIRMATION_VERSION, PRODUCER)
    template = compile_page_template(prefix, metadata, GEOMETRY, [page])
    own = own_objects(template, (_AT_TOP,), template.fallback_characters)
    return write_file(prefix, template, own)


@cache
def _prefix() -> FilePrefix:
    """Return what each confirmation starts with; its fonts take longer than all the rest."""
    with FONT_LOCK:
        font_faces()
    return FilePrefix.of(CONFIRMATION.language)


class _Foot:
    """The texts of the foot of a confirmation."""

    def __init__(self, texts: ConfirmationTexts) -> None:
        self.version, self.page, self.read_on = DUTCH.fiche.version, texts.page, texts.read_on


def _blocks(content: ConfirmationContent, texts: ConfirmationTexts) -> list[Block]:
    """Return the blocks of the page at the loosest density at which they fit."""
    for density in _DENSITIES:
        blocks = [
            _title(content, texts),
            student_name(drawable(content.student_name) or "-"),
            introduction(texts.introduction, density),
            *fact_blocks(_facts(content, texts), density),
            _code(content.code, texts, density),
            _list(texts.bring_title, texts.bring, density),
            _list(texts.companions, [_companions(content.companions, texts)], density),
            _list(texts.see_title, texts.see, density),
            _list(texts.absence_title, texts.absence, density),
        ]
        if sum(block.height for block in blocks) <= FIRST_PAGE_HEIGHT:
            break
    return blocks


def _title(content: ConfirmationContent, texts: ConfirmationTexts) -> Block:
    column = Column()
    column.contents.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.add_space(13)
    text = f"{texts.title} {drawable(content.administration_name)}"
    column.add_lines("H1", wrap_text(text, 13, WIDTH, bold=True), 13, ACCENT)
    column.add_space(3)
    return column.to_block()


def _facts(
    content: ConfirmationContent, texts: ConfirmationTexts
) -> tuple[tuple[tuple[str, str], ...], ...]:
    start, end = in_brussels(content.starts_at), in_brussels(content.ends_at)
    when = texts.period.format(
        weekday=texts.days[start.weekday()],
        day=DUTCH.day(start.date()),
        start=f"{start.hour}.{start.minute:02}",
        end=f"{end.hour}.{end.minute:02}",
    )
    where = f"{drawable(content.location_name)}\n{drawable(content.address)}"
    school = drawable(content.school_name)
    return (((texts.when, when), (texts.where, where), (texts.school, school)),)


def _code(code: str, texts: ConfirmationTexts, density: Density) -> Block:
    """Return the code in large type, and next to it as a QR code."""
    top, half = _QUIET_ZONE, WIDTH / 2
    column = Column(height=top)
    column.add_lines("H2", wrap_text(texts.code, 13, half, bold=True), 13, ACCENT)
    column.add_space(8)
    column.add_lines("P", wrap_text(written(code), _CODE_SIZE, half, bold=True), _CODE_SIZE, TEXT)
    column.add_space(4)
    size = BODY_SIZE * density.type
    column.add_lines("P", wrap_text(texts.code_use, size, half), size, TEXT)
    alternative = texts.code_alternative.format(code=written(code))
    column.contents.append(qr_code(code, alternative, _QR_SIZE, WIDTH - _QR_SIZE, top))
    return Block(top + _QR_SIZE + _QUIET_ZONE, tuple(column.contents))


def _companions(count: int, texts: ConfirmationTexts) -> str:
    if count > 1:
        return texts.some_companions.format(count=count)
    return texts.one_companion if count else texts.no_companion


def _list(title: str, items: Iterable[str], density: Density) -> Block:
    column = Column(height=8 * density.spacing)
    size = BODY_SIZE * density.type
    column.add_lines("H2", wrap_text(title, 13, WIDTH, bold=True), 13, ACCENT)
    for item in items:
        column.add_space(3 * density.spacing)
        lines = column.place_lines(wrap_text(item, size, WIDTH), size, TEXT)
        column.contents.append(TaggedContent("LI", lines))
    return column.to_block()
