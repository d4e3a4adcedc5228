"""The renderer of overviews: a template per administration, completed with a school's rows."""

from functools import lru_cache, partial
from typing import Final
from xml.sax.saxutils import escape

from services.worker.documents.overview_guide import advice_height, school_place
from services.worker.documents.overview_rows import GroupRows, count_rows, student_rows
from services.worker.documents.overview_sheets import (
    column_width,
    page_header_text,
    school_line,
    shows_stamnummer,
)
from services.worker.documents.overview_styles import LEAD, NUMBER, PLAIN, PROSE
from services.worker.documents.overview_template import (
    PROPERTIES,
    SCHOOL_FACTS,
    GroupKey,
    OverviewTemplate,
    TemplateKey,
    compile_template,
)
from services.worker.xlsx.cell_xml import text_cell
from services.worker.xlsx.package import DeflatedPart, deflate_part
from services.worker.xlsx.shared_string_table import TABLE_END, SharedStringTable
from services.worker.xlsx.sheet_template import (
    SheetRows,
    TableSheetTemplate,
    complete_sheet,
    complete_table,
)
from services.worker.xlsx.text import single_line
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Advice, Texts

_MAX_TEMPLATES: Final = 64  # of about 100 KB


class OverviewRenderer:
    """A renderer of workbooks with the cells, styles and setup of a model, in less time.

    The same content and texts give the same bytes, in any order and with any XML library, on every
    machine with the same zlib.
    """

    def __init__(self, texts: Texts = DUTCH) -> None:
        self._template = lru_cache(_MAX_TEMPLATES)(partial(compile_template, texts=texts))

    def render(self, content: OverviewContent) -> bytes:
        template = self._template(_key(content))
        return template.package.with_parts(_own_parts(content, template))


def _key(content: OverviewContent) -> TemplateKey:
    return TemplateKey(
        content.administration,
        tuple(
            GroupKey(group.code, group.name, group.columns, shows_stamnummer(group))
            for group in content.target_groups
        ),
    )


def _own_parts(content: OverviewContent, template: OverviewTemplate) -> list[DeflatedPart]:
    """Return the parts that differ per school, in the order of the package."""
    constant = template.strings.constant
    strings = SharedStringTable(template.styles, PLAIN, constant, template.strings.count)
    school = escape(page_header_text(school_line(content)))
    groups = [
        GroupRows(group, own.rows, student_rows(group, own.rows, strings))
        for group, own in zip(template.groups, content.target_groups, strict=True)
    ]
    counts = count_rows(groups, len(template.labels), template.styles.of(NUMBER), strings)
    parts = [_properties(content, template), _guide(content, template, strings, school)]
    for group in groups:
        parts += _sheet_parts(group.template.sheet, group.rows, school)
    parts += _sheet_parts(template.counts, counts, school)
    rest = strings.added_items() + TABLE_END
    return [*parts, template.shared_strings.complete(rest.encode())]


def _sheet_parts(
    template: TableSheetTemplate, rows: SheetRows, page_header: str
) -> tuple[DeflatedPart, DeflatedPart]:
    headers = enumerate(zip(template.headers, rows.longest, strict=True))
    widths = [
        column_width(header, longest, is_key=number < template.key_columns)
        for number, (header, longest) in headers
    ]
    sheet = complete_sheet(template, rows, widths, page_header)
    return (
        deflate_part(template.name, sheet.encode()),
        deflate_part(template.table_name, complete_table(template, rows).encode()),
    )


def _properties(content: OverviewContent, template: OverviewTemplate) -> DeflatedPart:
    school = escape(single_line(school_line(content)))
    return deflate_part(PROPERTIES, school.join(template.properties).encode())


def _guide(
    content: OverviewContent,
    template: OverviewTemplate,
    strings: SharedStringTable,
    page_header: str,
) -> DeflatedPart:
    """Complete the reading guide with the school: two rows of facts and the page header."""
    labels = template.texts.overview.facts
    values = (school_place(content.school), content.school.id)
    rows = []
    for number, (fact, value) in enumerate(zip(SCHOOL_FACTS, values, strict=True), start=2):
        label = labels[fact]
        height = advice_height(Advice(label, value))
        lead = text_cell(template.styles.of(LEAD, label), strings.index(label))
        text = text_cell(template.styles.of(PROSE, value), strings.index(value))
        rows.append(
            f'<row customHeight="1" ht="{height:g}" r="{number}">'
            f'<c r="A{number}{lead}<c r="B{number}{text}</row>'
        )
    sheet = template.guide.complete("".join(rows), page_header)
    return deflate_part(template.guide.name, sheet.encode())
