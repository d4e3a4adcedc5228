"""Draws blocks with ReportLab's canvas, to compare our content streams with."""

from codecs import BOM_UTF16_BE
from functools import cache
from typing import Final

from reportlab import rl_config
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

from services.worker.layout.blocks import (
    Block,
    Content,
    PageArtifact,
    PlacedLine,
    Polygon,
    TableRow,
    TaggedContent,
)
from services.worker.layout.fonts import font_faces
from services.worker.layout.typesetting import TextRun

_FILL: Final = 0
_FILL_AND_OUTLINE: Final = 2


@cache
def register_faces() -> None:
    """Make the shipped faces known to ReportLab by name."""
    # Binary streams: a fifth smaller, and the same whatever a machine's ReportLab settings say.
    rl_config.useA85 = 0
    faces = font_faces()
    for name, font in {face.name: face.font for face in (*faces.regular, *faces.bold)}.items():
        assert font.fontName == name
        registerFont(font)


def draw_block(canvas: Canvas, block: Block, left: float, top: float) -> None:
    for content in block.contents:
        _draw(canvas, content, left, top)


def _draw(canvas: Canvas, content: Content, left: float, top: float) -> None:
    if isinstance(content, TaggedContent | PageArtifact):
        for graphic in content.graphics:
            _draw(canvas, graphic, left, top)
    elif isinstance(content, TableRow):
        for cell in content.cells:
            for graphic in cell.graphics:
                _draw(canvas, graphic, left, top)
    elif isinstance(content, Polygon):
        _draw_polygon(canvas, content, left, top)
    else:
        _draw_line(canvas, content, left, top)


def _draw_line(canvas: Canvas, line: PlacedLine, left: float, top: float) -> None:
    runs = line.line.runs
    # Text extraction would take marks off the baseline for other lines.
    has_marks = any(run.marks for run in runs)
    if has_marks:
        actual = (BOM_UTF16_BE + line.line.text.encode("utf-16-be")).hex()
        canvas.addLiteral(f"/Span <</ActualText <{actual}>>> BDC")
    for run in runs:
        _draw_run(canvas, line, run, left + line.x, top - line.y)
    if has_marks:
        canvas.addLiteral("EMC")


def _draw_run(canvas: Canvas, line: PlacedLine, run: TextRun, left: float, baseline: float) -> None:
    text = canvas.beginText(left + run.x * line.size, baseline)
    text.setFillColorRGB(*line.colour)
    text.setFont(run.face.name, line.size * run.face.scale)
    if run.face.stroke:
        canvas.setLineWidth(run.face.stroke * line.size)
        text.setStrokeColorRGB(*line.colour)
        text.setTextRenderMode(_FILL_AND_OUTLINE)
    text.textOut(run.text)
    for mark in run.marks:
        text.setTextOrigin(left + mark.x * line.size, baseline + mark.y * line.size)
        text.textOut(mark.text)
    if run.face.stroke:
        text.setTextRenderMode(_FILL)
    canvas.drawText(text)


def _draw_polygon(canvas: Canvas, polygon: Polygon, left: float, top: float) -> None:
    path = canvas.beginPath()
    for number, (x, y) in enumerate(polygon.points):
        (path.lineTo if number else path.moveTo)(left + x, top - y)
    path.close()
    has_fill, has_outline = polygon.fill is not None, polygon.outline is not None
    if polygon.fill is not None:
        canvas.setFillColorRGB(*polygon.fill)
    if polygon.outline is not None:
        canvas.setStrokeColorRGB(*polygon.outline)
        canvas.setLineWidth(polygon.line_width)
    if polygon.dashes:
        canvas.setDash(list(polygon.dashes))
    canvas.drawPath(path, stroke=int(has_outline), fill=int(has_fill))
    if polygon.dashes:
        canvas.setDash()
