"""The fiche rendered by ReportLab's platypus: paragraphs and tables, with constant styles."""

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from benchmarks.peers.fiche_words import WORDS, ComponentWords, FicheWords, fiche_words, guide_rows
from services.worker.documents.fiche_style import (
    ACCENT,
    OUTLINE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WIDTH,
)
from services.worker.layout.fonts import FONT_LOCK
from shared.documents.content import FicheContent
from tests.worker.reference_renderer.canvas import register_faces

_SCALE = 166.0
_STEP = 19.0
_MARGIN = (A4[0] - WIDTH) / 2


def _style(
    size: float, colour: tuple[float, float, float], *, bold: bool = False, **more: Any
) -> ParagraphStyle:
    return ParagraphStyle(
        "",
        fontName="Bold" if bold else "Regular",
        fontSize=size,
        leading=size * 1.32,
        textColor=Color(*colour),
        **more,
    )


_TITLE = _style(13, ACCENT, bold=True, spaceAfter=3)
_NAME = _style(25, TEXT, bold=True, spaceAfter=8)
_LABEL, _VALUE, _BODY = _style(9, SECONDARY_TEXT), _style(11, TEXT), _style(11, TEXT)
_SUBJECT = _style(14, ACCENT, bold=True, spaceBefore=10, spaceAfter=3)
_COMPONENT, _LEVEL = _style(11.5, TEXT, bold=True), _style(15, ACCENT, bold=True)
_END = _style(9, SECONDARY_TEXT)
_GUIDE_TITLE, _GUIDE = _style(11.5, ACCENT, bold=True), _style(10, TEXT)
_SMALL_BOLD = _style(10, ACCENT, bold=True)
_FLUSH = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)

_TIGHT = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ]
)


def draw(content: FicheContent) -> bytes:
    with FONT_LOCK:
        register_faces()
        words = fiche_words(content)
        target = BytesIO()
        document = SimpleDocTemplate(
            target,
            pagesize=A4,
            leftMargin=_MARGIN - 6,
            rightMargin=_MARGIN - 6,
            topMargin=34,
            bottomMargin=34,
            title=words.title,
            subject=words.subject,
            lang="nl-BE",
            invariant=1,
            pageCompression=1,
        )
        document.build(
            _story(words),
            onFirstPage=partial(_furniture, "", words.feet[0]),
            onLaterPages=partial(_furniture, words.head, words.feet[1]),
        )
    return target.getvalue()


def _furniture(head: str, foot: str, canvas: Canvas, _document: object) -> None:
    canvas.setFont("Regular", 9)
    canvas.setFillColorRGB(*SECONDARY_TEXT)
    canvas.drawString(_MARGIN, A4[1] - 34, head)
    canvas.drawString(_MARGIN, 34, foot)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _story(words: FicheWords) -> list[Flowable]:
    facts = [
        [[_text(label, _LABEL), _text(value, _VALUE)] for label, value in row]
        for row in words.facts
    ]
    story: list[Flowable] = [
        _text(words.title, _TITLE),
        _text(words.name, _NAME),
        _text(words.numbers, _LABEL),
        Table(facts, colWidths=(164, 202, 117), style=_FLUSH),
        _text(WORDS.introduction, _BODY),
    ]
    for subject, components in words.sections:
        story.append(_text(subject, _SUBJECT))
        story += [_component(component) for component in components]
    return [*story, Spacer(0, 6), *_guide(), PageBreak(), *_back(words)]


def _back(words: FicheWords) -> Iterator[Flowable]:
    yield _text(WORDS.levels.title, _TITLE)
    yield _text(WORDS.levels.introduction, _BODY)
    for subject, components in words.levels:
        yield _text(subject, _SUBJECT)
        for name, levels in components:
            yield _text(name, _COMPONENT)
            rows = [
                [
                    _text(one.code, _GUIDE),
                    [
                        *([_text(one.tag, _SMALL_BOLD)] if one.tag else []),
                        _text(one.text, _GUIDE),
                    ],
                ]
                for one in levels
            ]
            yield Table(rows, colWidths=(34, WIDTH - 34), style=_TIGHT)
    yield _text(WORDS.questions_title, _GUIDE_TITLE)
    for number, question in enumerate(WORDS.questions, start=1):
        yield _text(f"{number}. {question}", _BODY)
    yield _text(WORDS.viewing.title, _GUIDE_TITLE)
    yield _text(words.viewing, _BODY)


def _component(component: ComponentWords) -> Table:
    texts = [
        _text(component.name, _COMPONENT),
        _text(component.level, _LEVEL),
        _text(component.explanation, _BODY),
    ]
    return Table(
        [[texts, _scale(component)]],
        colWidths=(WIDTH - _SCALE, _SCALE),
        style=TableStyle(
            [*_FLUSH.getCommands(), ("LINEABOVE", (0, 0), (-1, 0), 0.6, Color(*TINT))]
        ),
    )


def _scale(component: ComponentWords) -> list[Flowable]:
    steps = len(component.scale)
    style: list[Any] = [
        ("GRID", (0, 0), (-1, -1), 0.8, Color(*OUTLINE)),
        ("ALIGN", (0, 0), (-1, -1), "CENTER"),
        ("FONT", (0, 0), (-1, -1), "Regular", 10.5),
        ("TEXTCOLOR", (0, 0), (-1, -1), Color(*SECONDARY_TEXT)),
    ]
    if component.reached is None:
        return [Table([[WORDS.scale.no_level]], colWidths=[_SCALE], style=TableStyle(style))]
    at = (component.reached, 0)
    style += [
        ("BACKGROUND", at, at, Color(*ACCENT)),
        ("TEXTCOLOR", at, at, white),
        ("FONT", at, at, "Bold", 10.5),
    ]
    ends = [_text(WORDS.scale.lowest, _END), _text(WORDS.scale.highest, _END)]
    return [
        Table(
            [component.scale],
            colWidths=[_SCALE / steps] * steps,
            rowHeights=[_STEP],
            style=TableStyle(style),
        ),
        Table([ends], colWidths=[_SCALE / 2] * 2, style=_FLUSH),
    ]


def _guide() -> list[Flowable]:
    rows = [
        [[_text(lead, _SMALL_BOLD), _text(text, _GUIDE)] for lead, text in row]
        for row in guide_rows()
    ]
    style = TableStyle([*_FLUSH.getCommands(), ("BACKGROUND", (0, 0), (-1, -1), Color(*TINT))])
    return [
        _text(WORDS.guide_title, _GUIDE_TITLE),
        Table(rows, colWidths=(WIDTH / 2, WIDTH / 2), style=style),
    ]
