"""The engine of the class-council workbook: a template per administration, then a school's rows."""

from functools import lru_cache, partial
from typing import Final
from xml.sax.saxutils import escape

from services.worker.rendering.overview_sheets import (
    advice_height,
    print_text,
    school_line,
    school_place,
    shows_stamnummer,
)
from services.worker.rendering.workbook_cells import LEAD, NUMBER, PROSE, single_line
from services.worker.stamping.workbook_cutting import STRINGS_END
from services.worker.stamping.workbook_endings import OwnTexts, text_ending
from services.worker.stamping.workbook_package import Packed, pack
from services.worker.stamping.workbook_rows import (
    count_rows,
    student_rows,
    write_sheet,
    write_table,
)
from services.worker.stamping.workbook_template import (
    PROPERTIES,
    SCHOOL_FACTS,
    GroupKey,
    OverviewTemplate,
    TemplateKey,
    compile_template,
)
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Advice, Texts

_MOST_TEMPLATES: Final = 64  # of about 100 KB


class OverviewStamper:
    """Makes workbooks with the same cells, looks and set-up as `draw_overview`, in less time.

    The same content and texts give the same bytes, in any order, from any XML library; parts are
    deflated, so they suppose the same zlib.
    """

    def __init__(self, texts: Texts = DUTCH) -> None:
        self._template = lru_cache(_MOST_TEMPLATES)(partial(compile_template, texts=texts))

    def stamp(self, content: OverviewContent) -> bytes:
        template = self._template(_key(content))
        return template.package.with_parts(_parts(content, template))


def _key(content: OverviewContent) -> TemplateKey:
    return TemplateKey(
        content.administration,
        tuple(
            GroupKey(group.code, group.name, group.columns, shows_stamnummer(group))
            for group in content.target_groups
        ),
    )


def _parts(content: OverviewContent, template: OverviewTemplate) -> list[Packed]:
    """The parts that are this school's own, in the order in which they stand in the package."""
    own = OwnTexts(template.styles, template.strings)
    school = escape(print_text(school_line(content)))
    drawn = [
        (group, group_content.rows, student_rows(group, group_content.rows, own))
        for group, group_content in zip(template.groups, content.target_groups, strict=True)
    ]
    counts = count_rows(drawn, len(template.labels), template.styles.of(NUMBER), own)
    sheets = [*((group.sheet, rows) for group, _, rows in drawn), (template.counts, counts)]
    packed = [_properties(content, template), _guide(content, template, own, school)]
    for sheet, rows in sheets:
        packed.append(pack(sheet.name, write_sheet(sheet, rows, school).encode()))
        packed.append(pack(sheet.table_name, write_table(sheet, rows).encode()))
    strings = own.shared_strings() + STRINGS_END
    return [*packed, template.shared_strings.finish(strings.encode())]


def _properties(content: OverviewContent, template: OverviewTemplate) -> Packed:
    school = escape(single_line(school_line(content)))
    return pack(PROPERTIES, school.join(template.properties).encode())


def _guide(
    content: OverviewContent, template: OverviewTemplate, own: OwnTexts, school: str
) -> Packed:
    """All of it is constant but for the school: in two rows of facts and above each page."""
    labels = template.texts.overview.facts
    values = (school_place(content.school), content.school.id)
    rows = []
    for number, (fact, value) in enumerate(zip(SCHOOL_FACTS, values, strict=True), start=2):
        label = labels[fact]
        height = advice_height(Advice(label, value))
        lead = text_ending(template.styles.of(LEAD, label), own.number(label))
        text = text_ending(template.styles.of(PROSE, value), own.number(value))
        rows.append(
            f'<row customHeight="1" ht="{height:g}" r="{number}">'
            f'<c r="A{number}{lead}<c r="B{number}{text}</row>'
        )
    before, between, after = template.guide.pieces
    return pack(template.guide.name, "".join((before, *rows, between, school, after)).encode())
