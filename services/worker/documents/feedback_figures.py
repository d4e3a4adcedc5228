"""The figures of a component as rows of a table: of levels, of goals, and of class groups."""

from collections.abc import Iterator
from itertools import chain

from services.worker.documents.feedback_table import (
    Bar,
    FeedbackCell,
    FeedbackRow,
    cells_of_levels,
)
from shared.documents.school_feedback.sentences import percentage
from shared.documents.school_feedback.texts import SchoolFeedbackTexts
from shared.school_feedback.figures import (
    PERCENTAGES_FROM,
    ComponentFigures,
    FigureRow,
    MeanScore,
    Reference,
)

_GOAL_STEP = 0.7
"""The shade of bars that are about no level."""
_LONGEST_SIGN = 2


def signs_of(figures: ComponentFigures) -> tuple[str, ...]:
    """Return the sign of each level: its code, or its place if a code is too long for a bar."""
    codes = tuple(level.code for level in figures.levels)
    if max(map(len, codes)) <= _LONGEST_SIGN:
        return codes
    return tuple(str(level.ordinal) for level in figures.levels)


def level_headers(figures: ComponentFigures, first: str) -> tuple[str, ...]:
    labels = [level.label for level in figures.levels]
    signs = signs_of(figures)
    if signs[0] != figures.levels[0].code:
        labels = [f"{sign}. {label}" for sign, label in zip(signs, labels, strict=True)]
    return (first, *labels)


def level_rows(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[FeedbackRow]:
    """Yield the school and the references that have shares per level."""
    yield _counted(figures, figures.school_row, texts.school.text, texts, is_own=True)
    for one in figures.references:
        if one.shares is not None:
            shown = [percentage(share) for share in one.shares]
            cells = cells_of_levels(shown, one.shares, signs_of(figures))
            yield FeedbackRow(texts.references[one.name].text, cells)


def class_rows(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[FeedbackRow]:
    for row in figures.class_rows:
        name = ", ".join(filter(None, (row.name, row.site_name)))
        yield _counted(figures, row, name, texts)


def goal_headers(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> tuple[str, ...]:
    names = (texts.references[one.name].text for one in figures.references)
    return (texts.attainment, texts.school.text, *names)


def goal_rows(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[FeedbackRow]:
    """Yield the goals that the scale marks, and the mean score if there is one."""
    row = figures.school_row
    for name, count, shares in (
        (
            texts.basic_literacy,
            figures.basic_literacy(row),
            [one.basic_literacy for one in figures.references],
        ),
        (
            texts.final_objectives,
            figures.final_objectives(row),
            [one.final_objectives for one in figures.references],
        ),
    ):
        if count is not None and row.students:
            cells = [_goal_of_school(count, row.students, texts)]
            cells += [
                _goal_of_reference(share, one, texts)
                for share, one in zip(shares, figures.references, strict=True)
            ]
            yield FeedbackRow(name, tuple(cells))
    if figures.mean:
        means = chain([figures.mean], (one.mean for one in figures.references))
        yield FeedbackRow(texts.mean, tuple(FeedbackCell(mean_text(mean)) for mean in means))


def mean_text(mean: MeanScore | None) -> str:
    """Return a mean with its standard error, to one decimal."""
    if mean is None:
        return "\N{EN DASH}"
    return f"{mean.value:.1f} ± {mean.standard_error:.1f}".replace(".", ",")


def _counted(
    figures: ComponentFigures,
    row: FigureRow,
    name: str,
    texts: SchoolFeedbackTexts,
    *,
    is_own: bool = False,
) -> FeedbackRow:
    """Return a row of counts, with percentages from so many students; or the words for hidden."""
    if row.counts is None or not row.students:
        hidden = [FeedbackCell(texts.hidden), *[FeedbackCell("")] * (len(figures.levels) - 1)]
        return FeedbackRow(name, tuple(hidden), is_own)
    percentages = row.percentages or (None,) * len(row.counts)
    shown = [
        f"{count}" if percent is None else f"{count} ({percent}\N{NO-BREAK SPACE}%)"
        for count, percent in zip(row.counts, percentages, strict=True)
    ]
    shares = [count / row.students for count in row.counts]
    label = f"{name}, {texts.students.format(count=row.students)}"
    return FeedbackRow(label, cells_of_levels(shown, shares, signs_of(figures)), is_own)


def _goal_of_school(count: int, students: int, texts: SchoolFeedbackTexts) -> FeedbackCell:
    text = texts.of.format(count=count, students=students)
    if students >= PERCENTAGES_FROM:
        text += f" ({percentage(count / students)})"
    return FeedbackCell(text, Bar(texts.school.sign, count / students, _GOAL_STEP))


def _goal_of_reference(
    share: float | None, reference: Reference, texts: SchoolFeedbackTexts
) -> FeedbackCell:
    if share is None:
        return FeedbackCell("\N{EN DASH}")
    sign = texts.references[reference.name].sign
    return FeedbackCell(percentage(share), Bar(sign, share, _GOAL_STEP))
