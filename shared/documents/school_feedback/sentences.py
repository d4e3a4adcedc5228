"""Sentences about a component, made from its figures alone; pure."""

from collections.abc import Iterator

from shared.documents.school_feedback.texts import SchoolFeedbackTexts
from shared.school_feedback.figures import ComponentFigures, ReferenceName


def percentage(share: float) -> str:
    """Return a share from 0 to 1 as a whole percentage."""
    return f"{round(100 * share)}\N{NO-BREAK SPACE}%"


def component_sentence(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> str:
    """Return how many students of the school attain the goals, or reached each level."""
    words, row = texts.sentences, figures.school_row
    if row.counts is None:
        return words.nothing_shown
    sentences = [*_attainment(figures, texts)]
    if not sentences:
        levels = [
            words.at_level.format(count=count, level=_in_sentence(level.label))
            for count, level in zip(row.counts, figures.levels, strict=True)
        ]
        listed = ", ".join(levels[:-1]) + f" en {levels[-1]}" if levels[1:] else levels[0]
        sentences.append(words.per_level.format(students=row.students, levels=listed))
    if not figures.has_late_corrections:
        sentences.append(words.late_corrections)
    return " ".join(sentences)


def not_tested_sentence(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> str:
    """Return how many students have no level, by status; empty if the school's row is hidden."""
    words, found = texts.not_tested, figures.not_tested
    if found is None:
        return ""
    counts = (
        (words.absent, found.absent),
        (words.exempt, found.exempt),
        (words.not_completed, found.not_completed),
    )
    listed = (text.format(count=words.few if count is None else count) for text, count in counts)
    sentence = f"{words.lead} {', '.join(listed)}."
    if not_assigned := figures.school_row.not_assigned:
        sentence += f" {words.not_assigned.format(count=not_assigned)}"
    return sentence


def reference_sentences(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[str]:
    """Yield the origin of the references, and what similar schools are."""
    for kind, text in texts.kinds.items():
        names = [texts.references[one.name].text for one in figures.references if one.kind is kind]
        if names:
            yield text.format(names=", ".join(names))
    if any(one.name is ReferenceName.SIMILAR for one in figures.references):
        yield texts.similar


def mean_sentence(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> str:
    """Return how to read the means; empty if there are none."""
    return "" if figures.mean is None else texts.standard_error


def reading_of_levels(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> str:
    """Return how to read the levels, with the one in the middle as the example."""
    middle = figures.levels[len(figures.levels) // 2]
    return texts.reading.levels.format(level=_in_sentence(middle.label))


def _attainment(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[str]:
    """Yield the number of students that attain each goal of the scale, and Flanders' share."""
    words, row = texts.sentences, figures.school_row
    basic, final = figures.basic_literacy(row), figures.final_objectives(row)
    if basic is not None:
        yield words.basic_literacy.format(count=basic, students=row.students)
    if final is None:
        return
    yield words.final_objectives.format(count=final, students=row.students)
    for one in figures.references:
        if one.name is ReferenceName.FLANDERS and one.final_objectives is not None:
            yield words.flanders.format(share=percentage(one.final_objectives))


def _in_sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
