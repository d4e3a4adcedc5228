"""The fiche of grade 4 takes one sheet at all levels, with descriptions as long as real ones."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, product

import pytest

from services.worker.documents.fiche_back import back_flow
from services.worker.documents.fiche_pages import back_pages
from services.worker.documents.fiche_style import Density
from services.worker.layout.blocks import FlowBlock
from shared.documents.content import ComponentOutcome, SubjectSection
from shared.documents.texts import DUTCH
from shared.documents.viewing_periods import ViewingPeriod
from synthetic import catalogue
from tests.worker.contents import VIEWING, fiche, outcome, page_texts
from tests.worker.reference_renderer.fiche import draw_fiche

COMPONENTS = catalogue.tested_components("LO4")
DESCRIPTIONS = catalogue.load_level_descriptions()


def sections_at(codes: Sequence[str]) -> tuple[SubjectSection, ...]:
    """Return the components of grade 4, each at the level of its code."""
    outcomes = zip(COMPONENTS, map(_outcome, range(len(COMPONENTS)), codes), strict=True)
    return tuple(
        SubjectSection(subject, tuple(one for _, one in of_subject))
        for subject, of_subject in groupby(outcomes, lambda pair: pair[0].subject)
    )


def _outcome(number: int, code: str) -> ComponentOutcome:
    component = COMPONENTS[number]
    found = outcome(component.code, code, name=component.name, position=number)
    return replace(found, descriptions=tuple(DESCRIPTIONS[component.code]))


def flow(
    sections: tuple[SubjectSection, ...],
    periods: tuple[ViewingPeriod, ...] | None,
    density: Density,
) -> list[FlowBlock]:
    return list(back_flow(tuple(sections), periods and tuple(periods), DUTCH, density))


@pytest.mark.parametrize("periods", [VIEWING, (), None])
def test_a_back_takes_one_page_at_any_levels(periods: tuple[ViewingPeriod, ...] | None) -> None:
    for codes in product("EDCBA", repeat=len(COMPONENTS)):
        sections = sections_at(codes)

        def flow(
            density: Density, sections: tuple[SubjectSection, ...] = sections
        ) -> list[FlowBlock]:
            return list(back_flow(tuple(sections), periods and tuple(periods), DUTCH, density))

        pages = back_pages(flow)
        assert pages is not None
        assert len(pages) == 1, codes


@pytest.mark.parametrize("codes", ["EEEE", "DECA", "AAAA", "BCDE"])
def test_a_fiche_of_four_components_has_two_pages(codes: str) -> None:
    assert len(page_texts(draw_fiche(fiche(sections=sections_at(codes))))) == 2
