"""The reading guide of an overview: facts, conditions of use, reading, statuses."""

from services.worker.documents.overview_layout import LINE_HEIGHT, line_count, page_setup
from services.worker.documents.overview_levels import legend_of
from services.worker.documents.overview_styles import HEADING, LEAD, PROSE, TITLE
from services.worker.xlsx.sheet import Cell, Sheet
from shared.documents.content import OverviewContent
from shared.documents.texts import Advice, Texts

_LEAD_WIDTH, _TEXT_WIDTH = 30.0, 68.0  # characters; together the width of a portrait page
_SPACE_BELOW = 3.0  # points


def guide_sheet(title: str, content: OverviewContent, texts: Texts, version: str) -> Sheet:
    """Return the guide, on one page: a heading is never separated from its text."""
    words = texts.overview
    reading = [*words.reading]
    columns = (column for group in content.target_groups for column in group.columns)
    if legend_of((level for column in columns for level in column.scale), words):
        reading.append(words.markers_legend)
    statuses = [Advice(status.name, status.explanation) for status in texts.statuses.values()]
    rows = [[Cell(f"{words.title} {content.administration.name}", TITLE)]]
    heights = {1: 2 * LINE_HEIGHT}
    for heading, advice in (
        ("", _facts(content, texts, version)),
        (words.conditions_title, words.conditions),
        (words.reading_title, reading),
        (words.statuses_title, statuses),
    ):
        if heading:
            rows.append([Cell(heading, HEADING)])
            heights[len(rows)] = 2 * LINE_HEIGHT
        for line in advice:
            rows.append([Cell(line.lead, LEAD), Cell(line.text, PROSE)])
            heights[len(rows)] = _height(line)
    page = page_setup(content, texts)
    return Sheet(title, rows, (_LEAD_WIDTH, _TEXT_WIDTH), page, heights)


def _height(line: Advice) -> float:
    """Return the height of a row in points: not every program computes it."""
    lines = max(line_count(line.lead, _LEAD_WIDTH - 2), line_count(line.text, _TEXT_WIDTH))
    return lines * LINE_HEIGHT + _SPACE_BELOW


def _facts(content: OverviewContent, texts: Texts, version: str) -> tuple[Advice, ...]:
    administration, school, labels = content.administration, content.school, texts.overview.facts
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    return (
        Advice(labels["school"], place),
        Advice(labels["school_id"], school.id),
        Advice(labels["administration"], administration.name),
        Advice(labels["school_year"], administration.school_year),
        Advice(labels["tested"], tested),
        Advice(labels["version"], version),
    )
