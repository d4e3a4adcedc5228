"""The reading guide of an overview: facts, conditions of use, scales and statuses."""

from collections.abc import Iterator
from math import ceil

from services.worker.documents.overview_sheets import LINE_HEIGHT
from services.worker.documents.overview_styles import HEADING, LEAD, PROSE, TITLE
from services.worker.xlsx.sheet_writer import SheetWriter
from shared.documents.content import OverviewContent, SchoolFacts
from shared.documents.texts import Advice, Texts

_GUIDE_WIDTHS = (30.0, 68.0)  # characters; together the width of a portrait page


def fill_guide(writer: SheetWriter, content: OverviewContent, texts: Texts, version: str) -> None:
    """Write the facts, the conditions of use and the reading guide."""
    words = texts.overview
    for letter, width in zip("AB", _GUIDE_WIDTHS, strict=True):
        writer.sheet.column_dimensions[letter].width = width
    writer.write(1, 1, f"{words.title} {content.administration.name}", TITLE)
    parts = (
        ("", _facts(content, texts, version)),
        (words.conditions_title, words.conditions),
        (words.reading_title, words.reading),
        (f"{words.scales_title}, {words.scale_from_to}", _scales(content)),
        (words.statuses_title, _statuses(texts)),
    )
    writer.sheet.row_dimensions[1].height = 2 * LINE_HEIGHT
    row = 2
    for title, advice in parts:
        if title:
            writer.write(row, 1, title, HEADING)
            writer.sheet.row_dimensions[row].height = 2 * LINE_HEIGHT
            row += 1
        for line in advice:
            _write_advice(writer, row, line)
            row += 1


def _write_advice(writer: SheetWriter, row: int, advice: Advice) -> None:
    """Write a row with a fixed, generous height: not every program computes it."""
    writer.write(row, 1, advice.lead, LEAD)
    writer.write(row, 2, advice.text, PROSE)
    writer.sheet.row_dimensions[row].height = advice_height(advice)


def advice_height(advice: Advice) -> float:
    """Return the height of a row in points."""
    lead, text = _GUIDE_WIDTHS
    lines = max(ceil(len(advice.lead) / lead), ceil(len(advice.text) / text), 1)
    return lines * LINE_HEIGHT + 3


def _facts(content: OverviewContent, texts: Texts, version: str) -> tuple[Advice, ...]:
    administration, school, labels = content.administration, content.school, texts.overview.facts
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    return (
        Advice(labels["school"], school_place(school)),
        Advice(labels["school_id"], school.id),
        Advice(labels["administration"], administration.name),
        Advice(labels["school_year"], administration.school_year),
        Advice(labels["tested"], tested),
        Advice(labels["version"], version),
    )


def school_place(school: SchoolFacts) -> str:
    return f"{school.name}, {school.municipality}" if school.municipality else school.name


def _scales(content: OverviewContent) -> Iterator[Advice]:
    """Yield a line per scale, with the components that have it."""
    for group in content.target_groups:
        by_scale: dict[str, list[str]] = {}
        for column in group.columns:
            levels = ", ".join(level.label for level in column.scale)
            by_scale.setdefault(levels, []).append(column.name)
        for levels, names in by_scale.items():
            yield Advice(group.name, f"{', '.join(names)}: {levels}")


def _statuses(texts: Texts) -> Iterator[Advice]:
    for status in texts.statuses.values():
        yield Advice(status.name, status.explanation)
