"""The workbook template of an administration: a model by openpyxl, split at its placeholders.

The model is the workbook of an invented school; the invented texts in it are the placeholders for
each school's own names and rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from openpyxl.styles.cell_style import StyleArray
from openpyxl.workbook.workbook import Workbook

from services.worker.documents.overview_columns import (
    OutcomeColumn,
    TemplateStrings,
    outcome_column,
)
from services.worker.documents.overview_model import model_parts, model_workbook
from services.worker.documents.overview_sheets import (
    all_labels,
    counts_headers,
    level_styles,
    student_headers,
)
from services.worker.documents.overview_styles import LEAD, NUMBER, PLAIN, PROSE, STATUS
from services.worker.xlsx.canonical_xml import canonical_xml
from services.worker.xlsx.cell_xml import StyleIndexes
from services.worker.xlsx.package import Package, PartPrefix
from services.worker.xlsx.placeholders import (
    split_properties,
    split_table,
    split_table_sheet,
    split_text_sheet,
)
from services.worker.xlsx.shared_string_table import (
    PART_NAME,
    TABLE_START,
    declare_table,
    inline_strings,
    string_item,
    with_shared_strings,
    xml_text,
)
from services.worker.xlsx.sheet_template import TableSheetTemplate, TextSheetTemplate
from services.worker.xlsx.sheet_writer import CellStyle, SheetWriter
from shared.documents.content import (
    AdministrationFacts,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
    SchoolFacts,
)
from shared.documents.texts import Texts

PROPERTIES: Final = "docProps/core.xml"
SCHOOL_FACTS: Final = ("school", "school_id")
_SCHOOL_FACT_ROWS: Final = slice(1, 3)  # of the reading guide; row 0 is the title
# Private-use characters: in no name, unchanged by every step, and easy to find.
_SCHOOL: Final = SchoolFacts(id="\ue001", name="\ue000", municipality="\ue002")
_SCHOOL_LINE: Final = "\ue000 (\ue001)"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A target group without its students; with `has_stamnummer` it has one more column."""

    code: str
    name: str
    columns: tuple[OverviewColumn, ...]
    has_stamnummer: bool


@dataclass(frozen=True, slots=True)
class TemplateKey:
    """The facts that two schools with the same template have in common, besides the texts."""

    administration: AdministrationFacts
    groups: tuple[GroupKey, ...]


@dataclass(frozen=True, slots=True)
class GroupTemplate:
    key: GroupKey
    sheet: TableSheetTemplate
    columns: tuple[OutcomeColumn, ...]


@dataclass(frozen=True, slots=True)
class OverviewTemplate:
    texts: Texts
    package: Package
    styles: StyleIndexes
    strings: TemplateStrings
    shared_strings: PartPrefix
    properties: tuple[str, ...]
    groups: tuple[GroupTemplate, ...]
    counts: TableSheetTemplate
    labels: tuple[str, ...]
    guide: TextSheetTemplate


def compile_template(key: TemplateKey, texts: Texts) -> OverviewTemplate:
    model = _model_content(key)
    style_arrays: dict[CellStyle, StyleArray] = {}
    workbook = model_workbook(model, texts, style_arrays)
    styles = _index_styles(workbook, style_arrays, key)
    # Canonical, so that it does not matter which XML library openpyxl found.
    written = model_parts(workbook, model, texts)
    parts = {name: canonical_xml(part) for name, part in written.items()}
    labels = all_labels(model)
    headers = [student_headers(group, texts) for group in model.target_groups]
    headers.append(counts_headers(labels, texts))
    sheets = [_split_sheet(parts, number, *of) for number, of in enumerate(headers, start=1)]
    guide_name = _sheet_part(len(sheets) + 1)
    guide_pieces = split_text_sheet(parts.pop(guide_name), _SCHOOL_FACT_ROWS, _SCHOOL_LINE)
    properties = split_properties(parts.pop(PROPERTIES), _SCHOOL_LINE)
    pieces = [piece for sheet in sheets for piece in sheet.pieces]
    strings = _index_strings((*pieces, *guide_pieces), key, texts)
    sheets = [
        replace(sheet, pieces=with_shared_strings(sheet.pieces, strings.constant))
        for sheet in sheets
    ]
    return OverviewTemplate(
        texts=texts,
        package=Package(declare_table(parts)),
        styles=styles,
        strings=strings,
        shared_strings=_shared_strings_prefix(strings, texts),
        properties=properties,
        groups=tuple(
            GroupTemplate(
                group,
                sheet,
                tuple(outcome_column(c, labels, styles, strings, texts) for c in group.columns),
            )
            for group, sheet in zip(key.groups, sheets, strict=False)
        ),
        counts=sheets[-1],
        labels=labels,
        guide=TextSheetTemplate(guide_name, with_shared_strings(guide_pieces, strings.constant)),
    )


def _model_content(key: TemplateKey) -> OverviewContent:
    """Return content with a student only where that adds a column."""
    groups = (
        OverviewTargetGroup(
            group.code,
            group.name,
            group.columns,
            (OverviewRow("-", "", "", "-", (None,) * len(group.columns)),)
            if group.has_stamnummer
            else (),
        )
        for group in key.groups
    )
    return OverviewContent(key.administration, _SCHOOL, tuple(groups))


def _index_styles(
    workbook: Workbook, style_arrays: dict[CellStyle, StyleArray], key: TemplateKey
) -> StyleIndexes:
    """Register every style that a school's own cells may need, used by the model or not."""
    levels = (
        style
        for group in key.groups
        for column in group.columns
        for style in level_styles(column).values()
    )
    writer = SheetWriter(workbook.create_sheet(), style_arrays)
    indexes = {}
    styles = dict.fromkeys((PLAIN, STATUS, NUMBER, LEAD, PROSE, *levels))
    for row, style in enumerate(styles, start=1):
        for column, text in enumerate(("", "="), start=1):
            writer.write(row, column, text, style)
            indexes[style, bool(text)] = writer.sheet.cell(row, column).style_id
    workbook.remove(writer.sheet)
    return StyleIndexes(indexes)


def _sheet_part(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _split_sheet(
    parts: dict[str, str], number: int, headers: Sequence[str], key_columns: int
) -> TableSheetTemplate:
    """Remove the sheet and its table from `parts` and return them as a template."""
    name, table = _sheet_part(number), f"xl/tables/table{number}.xml"
    pieces = split_table_sheet(parts.pop(name), _SCHOOL_LINE)
    table_pieces = split_table(parts.pop(table))
    return TableSheetTemplate(name, pieces, table, table_pieces, tuple(headers), key_columns)


def _index_strings(pieces: Iterable[str], key: TemplateKey, texts: Texts) -> TemplateStrings:
    """Assign an index to every text that is the same for all schools, in a fixed order."""
    written = [text for piece in pieces for text in inline_strings(piece)]
    for group in key.groups:
        written.append(xml_text(group.name))
        for column in group.columns:
            own = (column.name, texts.subject(column.subject))
            written += map(xml_text, (*own, *(level.label for level in column.scale)))
    written += (xml_text(texts.overview.facts[fact]) for fact in SCHOOL_FACTS)
    constant = {text: index for index, text in enumerate(dict.fromkeys(written))}
    statuses = {status: index for index, status in enumerate(texts.statuses, len(constant))}
    return TemplateStrings(constant, statuses)


def _shared_strings_prefix(strings: TemplateStrings, texts: Texts) -> PartPrefix:
    names = (xml_text(texts.statuses[status].name) for status in strings.statuses)
    items = map(string_item, (*strings.constant, *names))
    return PartPrefix.of(PART_NAME, (TABLE_START + "".join(items)).encode())
