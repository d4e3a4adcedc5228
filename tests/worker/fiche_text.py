"""The text that a fiche must have, from its content alone, to compare extracted text with."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from unicodedata import normalize

from services.worker.documents.fiche_pages import template_version
from shared.core.drawable_text import normalize_text
from shared.documents.content import ComponentOutcome, FicheContent, Level, SubjectSection
from shared.documents.texts import DUTCH

WORDS = DUTCH.fiche
_LETTERS_ON_A_LINE = 27  # of nine points, in the steps of a scale


def compact(text: str) -> str:
    """Return the text without white space, which depends on line breaks, and without ligatures."""
    return "".join(normalize("NFKC", normalize_text(text)).split())


def has_level(content: FicheContent) -> bool:
    return any(one.level for section in content.sections for one in section.outcomes)


def _facts(content: FicheContent) -> Iterator[str]:
    administration, school = content.administration, content.school
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    yield f"{WORDS.class_group} {content.class_group} {WORDS.school} {place}"
    if content.site_name:
        yield f"{WORDS.site} {content.site_name}"
    tested = DUTCH.period_of(administration.tested_from_on, administration.tested_until_on)
    yield f"{WORDS.target_group} {content.target_group_name} {WORDS.tested} {tested}"
    yield f"{WORDS.school_year} {administration.school_year}"


def _first(scale: tuple[Level, ...], marker: str) -> Level | None:
    return next((level for level in scale if getattr(level, marker)), None)


def goal_texts(outcome: ComponentOutcome) -> tuple[list[str], str, list[str]]:
    """Return the labels of the goals, what the level is enough for, and the explanations."""
    labels, explanations, enough = [], [], ""
    for marker, words in (
        ("attains_basic_literacy", WORDS.basic_literacy),
        ("attains_final_objectives", WORDS.final_objectives),
    ):
        first = _first(outcome.scale, marker)
        if first is None or outcome.level is None:
            continue
        labels.append(words.marker.format(level=first.code))
        explanations += [words.explanation.lead, words.explanation.text]
        if getattr(outcome.level, marker):
            enough = words.attained
        elif "nog niet" not in enough:
            enough += words.not_attained
    return labels, enough, explanations


def _steps(outcome: ComponentOutcome, *, in_rows: bool) -> Iterator[str]:
    codes = " ".join(level.code for level in outcome.scale)
    lowest, highest = WORDS.scale.lowest, WORDS.scale.highest
    yield f"{lowest} {codes} {highest}" if in_rows else f"{codes} {lowest} {highest}"


def _outcome(outcome: ComponentOutcome) -> Iterator[str]:
    yield outcome.name
    if outcome.level is None:
        status = DUTCH.statuses[outcome.status]
        yield f"{status.name} {WORDS.scale.no_level} {status.for_parents}"
        return
    labels, enough, _ = goal_texts(outcome)
    yield outcome.level.label
    longest = max(len(level.code) for level in outcome.scale)
    yield from _steps(outcome, in_rows=longest * len(outcome.scale) > _LETTERS_ON_A_LINE)
    yield from labels
    yield outcome.description or ""
    yield enough


def front_texts(content: FicheContent) -> Iterator[str]:
    """Yield the text of the front in reading order, without running heads and feet."""
    yield f"{WORDS.title} {content.administration.name} {content.student_name}"
    if content.stamnummer:
        yield f"{WORDS.stamnummer} {content.stamnummer} ·"
    yield f"{WORDS.document} {content.document_number}"
    yield from _facts(content)
    yield WORDS.introduction if has_level(content) else WORDS.introduction_without_level
    explanations: dict[str, None] = {}
    for section in content.sections:
        yield DUTCH.subject(section.subject)
        for outcome in section.outcomes:
            yield from _outcome(outcome)
            explanations |= dict.fromkeys(goal_texts(outcome)[2])
    if has_level(content):
        yield WORDS.guide_title
        for advice in WORDS.guide:
            yield f"{advice.lead} {advice.text}"
        yield from explanations
    else:
        yield from _questions()


def _questions() -> Iterator[str]:
    yield WORDS.questions_title
    for number, question in enumerate(WORDS.questions, start=1):
        yield f"{number}. {question}"


def back_texts(content: FicheContent) -> Iterator[str]:
    """Yield the text of the back in reading order; nothing for a fiche without any level."""
    if not has_level(content):
        return
    yield f"{WORDS.levels.title} {WORDS.levels.introduction}"
    for section in content.sections:
        reported = [outcome for outcome in section.outcomes if outcome.level]
        if reported:
            yield DUTCH.subject(section.subject)
        for outcome in reported:
            yield outcome.name
            yield from _levels(outcome)
    yield from _questions()
    yield from _viewing(content)


def _levels(outcome: ComponentOutcome) -> Iterator[str]:
    above = {one: after for one, after in pairwise(outcome.scale) if one == outcome.level}
    for level, text in zip(outcome.scale, outcome.descriptions, strict=True):
        yield level.code
        if level == outcome.level:
            is_highest = level == outcome.scale[-1]
            yield WORDS.levels.reached_highest if is_highest else WORDS.levels.reached
        if level in above.values():
            yield WORDS.levels.next_step
        yield (text or "").strip() or level.label


def _viewing(content: FicheContent) -> Iterator[str]:
    words = WORDS.viewing
    if content.viewing_periods is None:
        return
    periods = [
        words.period.format(days=DUTCH.period_of(one.from_on, one.until_on))
        if one.until_on
        else words.open_end.format(day=DUTCH.day(one.from_on))
        for one in content.viewing_periods
    ]
    when = words.planned.format(periods=words.joint.join(periods)) if periods else words.unplanned
    yield f"{words.title} {words.right} {when} {words.registration}"


def _running_head(content: FicheContent) -> str:
    student = f"{content.student_name}, {content.class_group}"
    return f"{student} · {WORDS.document} {content.document_number}"


def _foot(page: int, count: int) -> str:
    foot = f"{WORDS.version} {template_version(DUTCH)}"
    if count > 1:
        foot += f" {WORDS.page if page == count else WORDS.read_on} {min(page + 1, count)}"
    return foot


def _repeated_headings(sections: Sequence[SubjectSection]) -> Iterator[str]:
    """Yield what may be repeated at the top of a page: a subject, or also a component."""
    for section in sections:
        subject = DUTCH.subject(section.subject)
        yield from (f"{subject} {outcome.name}" for outcome in section.outcomes)
        yield subject


def require_text(content: FicheContent, pages: Sequence[str]) -> None:
    """Check that the extracted text of the pages is that of the content, in order.

    Raises:
        AssertionError: where another text is extracted.
    """
    expected = compact(" ".join((*front_texts(content), *back_texts(content))))
    headings = ["", *map(compact, _repeated_headings(content.sections))]
    for number, page in enumerate(pages, start=1):
        top = compact(_running_head(content)) if number > 1 else ""
        end = compact(_foot(number, len(pages)))
        read = compact(page)
        assert read.startswith(top), (top, read)
        assert read.endswith(end), (end, read)
        body = read[len(top) : len(read) - len(end)]
        found = (body.removeprefix(one) for one in headings if body.startswith(one))
        body = next((one for one in found if expected.startswith(one)), body)
        assert expected.startswith(body), (expected[: len(body)], body)
        expected = expected[len(body) :]
    assert expected == ""


def expected_findings(content: FicheContent) -> set[str]:
    """Return the rules that the checker `outloud` applies wrongly to a student's name.

    A name that looks like a URL is not a link, and one of many words in a running head is no prose.
    """
    words = content.student_name.split()
    rules = {"LNK-010"} if any("http:" in word for word in words) else set()
    return rules | ({"TAG-002"} if sum(word[0].islower() for word in words) > 2 else set())
