"""The text that a reading guide must have, from its texts alone, to compare extracted text with."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from services.worker.documents.reading_guide import READING_GUIDE_VERSION
from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.texts import DUTCH
from tests.worker.fiche_text import compact

WORDS = DUTCH.fiche
NEDERLANDS, WISKUNDE = (DUTCH.subjects[code] for code in ("nederlands", "wiskunde"))


def front_texts(texts: GuideTexts) -> Iterator[str]:
    """Yield the text of the first page in reading order."""
    front = texts.front
    yield f"{WORDS.title} {texts.title} {texts.introduction} {front.title}"
    yield f"{WORDS.title} {NEDERLANDS} {WORDS.scale.no_level} {WISKUNDE} {WORDS.guide_title}"
    yield "1 2 3 4 5 6 7 8"
    yield f"1 {WORDS.title} {front.student}"
    yield f"2 {WORDS.class_group} · {WORDS.school} · {WORDS.site} · {WORDS.target_group}"
    yield f"· {WORDS.tested} · {WORDS.school_year} {front.facts}"
    yield f"3 {NEDERLANDS} · {WISKUNDE} {front.subjects}"
    yield f"4 {WORDS.scale.lowest} · {WORDS.scale.highest} {front.scale}"
    yield f"5 {front.description}"
    yield f"6 Basisgeletterdheid · Eindtermen {front.goals}"
    yield f"7 {WORDS.scale.no_level} {front.no_level}"
    yield f"8 {WORDS.guide_title} {front.tips}"
    yield texts.statuses.title
    meanings = [getattr(texts.statuses, field.name) for field in fields(texts.statuses)[1:]]
    for status, meaning in zip(DUTCH.statuses.values(), meanings, strict=True):
        yield f"{status.name} {meaning}"
    yield f"{texts.version} {READING_GUIDE_VERSION} {texts.read_on} 2"


def back_texts(texts: GuideTexts) -> Iterator[str]:
    """Yield the text of the second page in reading order."""
    back = texts.back
    yield f"{texts.title} {back.title}"
    yield f"{WORDS.levels.title} {NEDERLANDS} {WORDS.levels.reached} {WORDS.levels.next_step}"
    yield f"{WORDS.questions_title} {WORDS.viewing.title} 9 10 11 12"
    yield f"9 {WORDS.levels.title} {back.levels}"
    yield f"10 {WORDS.levels.reached} · {WORDS.levels.next_step} {back.next_step}"
    yield f"11 {WORDS.questions_title} {back.questions}"
    yield f"12 {WORDS.viewing.title} {back.viewing}"
    yield texts.tips_title
    for tip in texts.tips:
        yield f"{tip.lead} {tip.text}"
    yield f"{texts.questions_title} {texts.questions_introduction}"
    for dutch, question in zip(WORDS.questions, texts.questions, strict=True):
        yield dutch if question == dutch else f"{dutch} {question}"
    yield f"{texts.version} {READING_GUIDE_VERSION} {texts.page} 2"


def require_guide_text(texts: GuideTexts, pages: Sequence[str]) -> None:
    """Check that the extracted text of the pages is that of the guide, in order.

    Raises:
        AssertionError: where another text is extracted.
    """
    expected = [compact(" ".join(page(texts))) for page in (front_texts, back_texts)]
    assert list(map(compact, pages)) == expected
