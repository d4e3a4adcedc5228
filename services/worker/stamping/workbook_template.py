"""What the workbooks of one administration share, drawn once by openpyxl and cut at the holes.

openpyxl draws a workbook of a school and students that do not exist; the places where they stand
are the holes that each school's own rows and names go into.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from openpyxl.styles.cell_style import StyleArray
from openpyxl.workbook.workbook import Workbook

from services.worker.rendering.overview import overview_workbook, package_parts
from services.worker.rendering.overview_sheets import (
    all_labels,
    counts_headers,
    level_looks,
    student_headers,
)
from services.worker.rendering.workbook_cells import (
    LEAD,
    NUMBER,
    PLAIN,
    PROSE,
    STATUS,
    Grid,
    Look,
)
from services.worker.stamping.workbook_cutting import (
    STRINGS_HEAD,
    constant_parts,
    cut_guide,
    cut_properties,
    cut_table,
    cut_table_sheet,
    inline_texts,
    plain_xml,
    shared_string,
    with_shared_strings,
    xml_text,
)
from services.worker.stamping.workbook_endings import (
    OutcomeColumn,
    Strings,
    StyleNumbers,
    outcome_column,
)
from services.worker.stamping.workbook_package import Package, Started, start
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
# Private-use characters: in no name, kept by every step on the way, and easy to find again.
_SCHOOL: Final = SchoolFacts(id="\ue001", name="\ue000", municipality="\ue002")
_SCHOOL_LINE: Final = "\ue000 (\ue001)"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A target group without its students; `has_stamnummer` gives it one more column."""

    code: str
    name: str
    columns: tuple[OverviewColumn, ...]
    has_stamnummer: bool


@dataclass(frozen=True, slots=True)
class TemplateKey:
    """What two schools must have in common to share a template, besides the texts."""

    administration: AdministrationFacts
    groups: tuple[GroupKey, ...]


@dataclass(frozen=True, slots=True)
class TableSheet:
    """A sheet cut around range, widths, rows and school; its table around range and filter."""

    name: str
    pieces: tuple[str, ...]
    table_name: str
    table_pieces: tuple[str, ...]
    headers: tuple[str, ...]
    own_columns: int


@dataclass(frozen=True, slots=True)
class Guide:
    """The sheet cut around the rows of the school's facts and the school in the page header."""

    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupTemplate:
    key: GroupKey
    sheet: TableSheet
    columns: tuple[OutcomeColumn, ...]


@dataclass(frozen=True, slots=True)
class OverviewTemplate:
    texts: Texts
    package: Package
    styles: StyleNumbers
    strings: Strings
    shared_strings: Started
    properties: tuple[str, ...]
    groups: tuple[GroupTemplate, ...]
    counts: TableSheet
    labels: tuple[str, ...]
    guide: Guide


def compile_template(key: TemplateKey, texts: Texts) -> OverviewTemplate:
    model = _model(key)
    drawn: dict[Look, StyleArray] = {}
    workbook = overview_workbook(model, texts, drawn)
    styles = _number_styles(workbook, drawn, key)
    # Plain, so that it does not matter which of its XML writers openpyxl found.
    parts = {name: plain_xml(part) for name, part in package_parts(workbook, model, texts).items()}
    labels = all_labels(model)
    headers = [student_headers(group, texts) for group in model.target_groups]
    headers.append(counts_headers(labels, texts))
    sheets = [_cut_sheet(parts, number, *of) for number, of in enumerate(headers, start=1)]
    guide_name = _sheet_part(len(sheets) + 1)
    guide = Guide(guide_name, cut_guide(parts.pop(guide_name), _SCHOOL_LINE))
    properties = cut_properties(parts.pop(PROPERTIES), _SCHOOL_LINE)
    pieces = [piece for sheet in sheets for piece in sheet.pieces]
    strings = _number_texts((*pieces, *guide.pieces), key, texts)
    sheets = [
        replace(sheet, pieces=with_shared_strings(sheet.pieces, strings.constant))
        for sheet in sheets
    ]
    return OverviewTemplate(
        texts=texts,
        package=Package(constant_parts(parts)),
        styles=styles,
        strings=strings,
        shared_strings=_start_strings(strings, texts),
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
        guide=replace(guide, pieces=with_shared_strings(guide.pieces, strings.constant)),
    )


def _model(key: TemplateKey) -> OverviewContent:
    """The workbook of nobody: a student only where that makes a column appear."""
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


def _number_styles(
    workbook: Workbook, drawn: dict[Look, StyleArray], key: TemplateKey
) -> StyleNumbers:
    """Registers every style a school's own cells may need, whether the model needed it or not."""
    levels = (
        look
        for group in key.groups
        for column in group.columns
        for look in level_looks(column).values()
    )
    grid = Grid(workbook.create_sheet(), drawn)
    numbers = {}
    looks = dict.fromkeys((PLAIN, STATUS, NUMBER, LEAD, PROSE, *levels))
    for row, look in enumerate(looks, start=1):
        for column, text in enumerate(("", "="), start=1):
            grid.put(row, column, text, look)
            numbers[look, bool(text)] = grid.sheet.cell(row, column).style_id
    workbook.remove(grid.sheet)
    return StyleNumbers(numbers)


def _sheet_part(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _cut_sheet(
    parts: dict[str, str], number: int, headers: Sequence[str], own_columns: int
) -> TableSheet:
    """Takes the parts it cuts out of `parts`."""
    name, table = _sheet_part(number), f"xl/tables/table{number}.xml"
    pieces = cut_table_sheet(parts.pop(name), _SCHOOL_LINE)
    return TableSheet(name, pieces, table, cut_table(parts.pop(table)), tuple(headers), own_columns)


def _number_texts(pieces: Iterable[str], key: TemplateKey, texts: Texts) -> Strings:
    """Every text that is the same for all schools, in a fixed order."""
    written = [text for piece in pieces for text in inline_texts(piece)]
    for group in key.groups:
        written.append(xml_text(group.name))
        for column in group.columns:
            own = (column.name, texts.subject(column.subject))
            written += map(xml_text, (*own, *(level.label for level in column.scale)))
    written += (xml_text(texts.overview.facts[fact]) for fact in SCHOOL_FACTS)
    constant = {text: number for number, text in enumerate(dict.fromkeys(written))}
    statuses = {status: number for number, status in enumerate(texts.statuses, len(constant))}
    return Strings(constant, statuses)


def _start_strings(strings: Strings, texts: Texts) -> Started:
    names = (xml_text(texts.statuses[status].name) for status in strings.statuses)
    entries = map(shared_string, (*strings.constant, *names))
    return start("xl/sharedStrings.xml", (STRINGS_HEAD + "".join(entries)).encode())
