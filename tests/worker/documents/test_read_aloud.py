"""Read aloud from the tag tree alone, a fiche answers what families ask.

What level, is that enough, what comes next, whom to ask: in this order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.hand_out_list import HandOutListRenderer
from services.worker.documents.reading_guide import render_reading_guide
from shared.documents.content import (
    ComponentOutcome,
    FicheContent,
    Level,
    SubjectSection,
    fiche_outcomes,
)
from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.reading_guides.texts import GUIDE_TEXTS
from shared.documents.texts import DUTCH
from tests.worker.contents import READS, SCALE, fiche, outcome, sections
from tests.worker.documents.structure import Spoken, read_aloud
from tests.worker.fiche_text import compact, goal_texts
from tests.worker.hand_outs import hand_out_list_of, print_file
from tests.worker.random_fiches import any_fiche

RENDERER = FicheRenderer()
WORDS = DUTCH.fiche
MARKED = tuple(
    replace(
        level,
        attains_basic_literacy=level.ordinal > 1,
        attains_final_objectives=level.ordinal > 2,
    )
    for level in SCALE
)
LONG_CODES = tuple(
    Level(code, f"Niveau {code}", place)
    for place, code in enumerate(("op weg", "nog niet helemaal", "op niveau"), start=1)
)


def of(*outcomes: ComponentOutcome) -> FicheContent:
    return fiche(sections=(SubjectSection("nederlands", outcomes),))


KINDS = {
    "ordinary": fiche(),
    "goals": of(outcome(code="C", scale=MARKED)),
    "the first goal only": of(outcome(code="D", scale=MARKED)),
    "no goal": of(outcome(code="E", scale=MARKED)),
    "the highest level": of(outcome(code="A", scale=MARKED)),
    "codes that are words": of(outcome(code="op weg", scale=LONG_CODES)),
    "several pages": of(
        *(outcome(f"C{n}", "D", name=f"Deel {n}", position=n, scale=MARKED) for n in range(8))
    ),
    "long texts": of(outcome(description=" ".join([READS] * 25), scale=MARKED)),
    **{f"seed {seed}": any_fiche(seed) for seed in range(20)},
}


def answers_to(content: FicheContent, one: ComponentOutcome) -> Iterator[Spoken]:
    """Yield what has to be said about a component, in this order."""
    assert one.level is not None
    reached = one.scale.index(one.level)
    yield Spoken("P", one.level.label)
    alternative = WORDS.scale.alternative_reached.format(level=one.level.label)
    yield Spoken("Figure", alternative)
    _, enough, _ = goal_texts(one)
    if enough:
        yield Spoken("P", enough)
    for level, text in list(zip(one.scale, one.descriptions, strict=True))[reached : reached + 2]:
        tag = WORDS.levels.next_step
        if level == one.level:
            is_highest = level == one.scale[-1]
            tag = WORDS.levels.reached_highest if is_highest else WORDS.levels.reached
        yield Spoken("LBody", f"{level.code} {tag} {(text or '').strip() or level.label}")
    yield Spoken("H2", WORDS.questions_title)
    for number, question in enumerate(WORDS.questions, start=1):
        yield Spoken("LBody", f"{number}. {question}")
    if content.viewing_periods is not None:
        yield Spoken("H2", WORDS.viewing.title)


def require_order(spoken: Sequence[Spoken], answers: Iterator[Spoken]) -> None:
    """Check that the answers are said in this order, others in between."""
    rest = iter(spoken)
    for answer in answers:
        assert any(
            one.role == answer.role and compact(answer.text) in compact(one.text) for one in rest
        ), answer


def about(spoken: Sequence[Spoken], name: str) -> Sequence[Spoken]:
    """Return what is said from the heading of a component on."""
    heading = next(
        number
        for number, one in enumerate(spoken)
        if one.role == "H3" and compact(one.text) == compact(name)
    )
    return spoken[heading + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fiche_answers_what_level_is_it_enough_what_is_next_and_whom_to_ask(kind: str) -> None:
    content = KINDS[kind]
    spoken = read_aloud(RENDERER.render(content).data)
    assert spoken[0].role == "H1"
    assert compact(content.student_name) in compact(spoken[0].text)
    outcomes = list(fiche_outcomes(content))
    for one in outcomes:
        if one.level is not None:
            require_order(about(spoken, one.name), answers_to(content, one))
        else:
            status = DUTCH.statuses[one.status]
            told = Spoken("P", status.name), Spoken("P", status.for_parents)
            require_order(about(spoken, one.name), iter(told))
    assert any(one.level for one in outcomes) == (Spoken("H2", WORDS.levels.title) in spoken)
    assert spoken[-1].role in {"P", "LBody"}


def test_a_fiche_without_any_level_says_so_first_and_whom_to_ask_last() -> None:
    content = of(outcome(code=None, status="exempt"))
    spoken = read_aloud(RENDERER.render(content).data)
    status = DUTCH.statuses["exempt"]
    answers = [
        Spoken("P", WORDS.introduction_without_level),
        Spoken("P", status.name),
        Spoken("P", status.for_parents),
        Spoken("H2", WORDS.questions_title),
        *(Spoken("LBody", question) for question in WORDS.questions),
    ]
    require_order(spoken, iter(answers))


def test_a_print_file_says_its_list_and_each_fiche_as_these_do() -> None:
    contents = [fiche(), fiche(given_name="Noor", sections=sections()[:1])]
    lists = HandOutListRenderer(RENDERER)
    hand_out_list = lists.to_file(lists.lay_out(hand_out_list_of(contents))).data
    alone = [hand_out_list, *(RENDERER.render(content).data for content in contents)]
    said = [spoken for data in alone for spoken in read_aloud(data)]
    assert read_aloud(print_file(RENDERER, contents)) == said


@pytest.mark.parametrize("texts", GUIDE_TEXTS, ids=lambda one: one.language)
def test_a_guide_says_what_each_place_means_and_the_questions(texts: GuideTexts) -> None:
    spoken = read_aloud(render_reading_guide(texts).data)
    questions = [
        Spoken("LBody", dutch if dutch == own else f"{dutch} {own}")
        for dutch, own in zip(WORDS.questions, texts.questions, strict=True)
    ]
    answers = [
        Spoken("H1", texts.title),
        Spoken("P", texts.introduction),
        Spoken("H2", texts.front.title),
        Spoken("Figure", texts.front.alternative.format(first=1, last=8)),
        Spoken("LBody", f"4 {WORDS.scale.lowest} · {WORDS.scale.highest} {texts.front.scale}"),
        Spoken("LBody", texts.front.goals),
        Spoken("H2", texts.back.title),
        Spoken("LBody", texts.back.next_step),
        Spoken("H2", texts.questions_title),
        *questions,
    ]
    require_order(spoken, iter(answers))
