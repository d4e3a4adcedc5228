"""A fiche tells who it is of, whether a level is enough, and without a level why there is none."""

import re
from dataclasses import replace

import pytest

from services.worker.documents.fiche import FicheRenderer
from shared.documents.content import SubjectSection
from shared.documents.texts import DUTCH
from tests.worker.contents import fiche, outcome, page_texts

RENDERER = FicheRenderer()


def test_students_of_one_name_have_fiches_with_different_numbers() -> None:
    texts = [
        page_texts(RENDERER.render(fiche(document_number=number, stamnummer=stamnummer)).data)
        for number, stamnummer in (("7QX2M4KD9A", "2300001"), ("AAAAAAAAAA", None))
    ]
    assert "Žofie Jacobs Stamnummer 2300001 · Document 7QX2M4KD9A" in texts[0][0]
    assert "Žofie Jacobs Document AAAAAAAAAA" in texts[1][0]
    assert "Document 7QX2M4KD9A" in texts[0][1]
    assert "Document AAAAAAAAAA" in texts[1][1]


def test_a_fiche_without_any_level_is_one_kind_page_without_a_letter() -> None:
    absent = outcome(code=None, status="absent")
    exempt = outcome("SCH", None, status="exempt", name="Schrijven", position=2)
    content = fiche(sections=(SubjectSection("nederlands", (absent, exempt)),))
    (text,) = page_texts(RENDERER.render(content).data)
    assert DUTCH.fiche.introduction_without_level in text
    assert all(question in text for question in DUTCH.fiche.questions)
    assert DUTCH.fiche.viewing.title not in text
    assert not re.search(r"Niveau [A-E]|\b[A-E] [A-E]\b", text)


def test_a_fiche_can_have_a_front_only() -> None:
    renderer = FicheRenderer(has_back=False)
    content = fiche()
    (text,) = page_texts(renderer.render(content).data)
    whole = page_texts(RENDERER.render(content).data)
    assert renderer.version == f"{RENDERER.version}.front"
    assert text == whole[0].replace(f"{RENDERER.version} verder op bladzijde 2", renderer.version)


@pytest.mark.parametrize(
    ("reached", "enough"),
    [
        ("E", "Dit is nog niet genoeg voor de basisgeletterdheid."),
        (
            "D",
            "Dit is genoeg voor de basisgeletterdheid. Dit is nog niet genoeg voor de eindtermen.",
        ),
        ("C", "Dit is genoeg voor de eindtermen."),
    ],
)
def test_a_fiche_tells_what_a_level_is_enough_for(reached: str, enough: str) -> None:
    scale = tuple(
        replace(
            level,
            attains_basic_literacy=level.ordinal > 1,
            attains_final_objectives=level.ordinal > 2,
        )
        for level in outcome().scale
    )
    found = outcome(code=reached, scale=scale)
    text = page_texts(RENDERER.render(fiche(sections=(SubjectSection("x", (found,)),))).data)[0]
    assert "vanaf D: basisgeletterdheid vanaf C: eindtermen" in text
    assert f"hoofdgedachte. {enough} Zo lees je" in text


def test_a_scale_without_goals_tells_nothing_about_them() -> None:
    text = " ".join(page_texts(RENDERER.render(fiche()).data))
    assert "basisgeletterdheid" not in text.lower()
    assert "eindtermen" not in text.lower()
