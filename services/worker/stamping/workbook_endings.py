"""Endings of cells in sheet XML: how a cell looks and what it holds, whatever its place.

A cell is its place, as in `<c r="E17`, and an ending, as in `" s="4" t="s"><v>12</v></c>`. Endings
are few and made once; a row is then a matter of putting them in their places.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.worker.rendering.overview_sheets import level_looks
from services.worker.rendering.workbook_cells import PLAIN, STATUS, Look, needs_quote_prefix
from services.worker.stamping.workbook_cutting import shared_string, xml_text
from shared.documents.content import NOT_ASSIGNED, OverviewCell, OverviewColumn
from shared.documents.texts import Texts


@dataclass(frozen=True, slots=True)
class StyleNumbers:
    """The number of a look's style: for text as it is, and for text that needs a quote prefix."""

    numbers: Mapping[tuple[Look, bool], int]

    def of(self, look: Look, text: str = "") -> int:
        return self.numbers[look, needs_quote_prefix(text)]


@dataclass(frozen=True, slots=True)
class Strings:
    """Numbers of the shared strings; a school's own texts count on from `free`.

    Constant texts go by how they are written in XML. Each status has its own number, also where
    two have the same name, so that cells can be told apart by what they refer to.
    """

    constant: Mapping[str, int]
    statuses: Mapping[str, int]

    @property
    def free(self) -> int:
        return len(self.constant) + len(self.statuses)


def text_ending(style: int, string: int) -> str:
    return f'" s="{style}" t="s"><v>{string}</v></c>'


def empty_ending(style: int) -> str:
    return f'" s="{style}"/>'


class OwnTexts(dict[str, str]):
    """The ending per text in the plain look; a text that is new becomes a shared string."""

    def __init__(self, styles: StyleNumbers, strings: Strings) -> None:
        super().__init__()
        self._styles = styles
        self._constant = strings.constant
        self._free = strings.free
        self._added: list[str] = []

    def __missing__(self, text: str) -> str:
        style = self._styles.of(PLAIN, text)
        ending = text_ending(style, self.number(text)) if text else empty_ending(style)
        self[text] = ending
        return ending

    def number(self, text: str) -> int:
        written = xml_text(text)
        if written in self._constant:
            return self._constant[written]
        self._added.append(written)
        return self._free + len(self._added) - 1

    def shared_strings(self) -> str:
        return "".join(map(shared_string, self._added))


@dataclass(frozen=True, slots=True)
class OutcomeColumn:
    """The cells a component can have: their endings, and the lengths of their texts.

    `counted` has the endings that count for each label of the workbook, None for a label that is
    not on this component's scale.
    """

    component: str
    subject: str
    levels: Mapping[str, str]
    statuses: Mapping[str, str]
    lengths: Mapping[str, int]
    counted: tuple[frozenset[str] | None, ...]

    @property
    def not_assigned(self) -> str:
        return self.statuses[NOT_ASSIGNED]

    def ending(self, cell: OverviewCell | None) -> str:
        if cell is None:
            return self.not_assigned
        return self.levels[cell.level.code] if cell.level else self.statuses[cell.status]


def outcome_column(
    column: OverviewColumn,
    labels: tuple[str, ...],
    styles: StyleNumbers,
    strings: Strings,
    texts: Texts,
) -> OutcomeColumn:
    looks = level_looks(column)
    levels, lengths = {}, {}
    by_label: dict[str, set[str]] = {}
    for level in column.scale:
        style = styles.of(looks[level.code], level.label)
        ending = text_ending(style, strings.constant[xml_text(level.label)])
        levels[level.code] = ending
        lengths[ending] = len(level.label)
        by_label.setdefault(level.label, set()).add(ending)
    statuses = {}
    for status, number in strings.statuses.items():
        name = texts.statuses[status].name
        statuses[status] = text_ending(styles.of(STATUS, name), number)
        lengths[statuses[status]] = len(name)
    return OutcomeColumn(
        component=column.name,
        subject=texts.subject(column.subject),
        levels=levels,
        statuses=statuses,
        lengths=lengths,
        counted=tuple(
            frozenset(by_label[label]) if label in by_label else None for label in labels
        ),
    )
