"""The pages of a fiche: A4, one page if its text fits, two at most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.worker.documents.fiche_blocks import WIDTH, Density
from services.worker.layout.blocks import Block, paginate
from services.worker.layout.fonts import UndrawableTextError
from services.worker.pdf.page_geometry import PageGeometry
from shared.core.drawable_text import undrawable_characters
from shared.documents.content import FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH, Texts

FICHE_TEMPLATE_VERSION: Final = f"fiche-5.{DUTCH.version}"
"""Raise the number with any change in how a fiche looks: it marks older ones as stale."""

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
_TOP = PAGE_HEIGHT - 40.0
_RUNNING_HEAD_HEIGHT = 24.0
GEOMETRY: Final = PageGeometry(
    width=PAGE_WIDTH,
    height=PAGE_HEIGHT,
    left=(PAGE_WIDTH - WIDTH) / 2,
    top=_TOP,
    further_top=_TOP - _RUNNING_HEAD_HEIGHT,
    foot_top=47.0,
)
FIRST_PAGE_HEIGHT = GEOMETRY.top - GEOMETRY.foot_top - 7.0
FURTHER_PAGE_HEIGHT = FIRST_PAGE_HEIGHT - _RUNNING_HEAD_HEIGHT
_MAX_PAGES = 2


class OverfullFicheError(Exception):
    """The texts of a fiche do not fit on two pages in the smallest type."""

    def __init__(self, document_number: str) -> None:
        super().__init__(
            f"document {document_number} does not fit on {_MAX_PAGES} pages:"
            " have the level descriptions or names of its components shortened"
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """A density to set a fiche at, and the most pages it may then take."""

    density: Density
    max_pages: int


# Loose for few components, comfortable for most; then tighter, and with levels on the lines of the
# names, to stay on one page; then a second page. Type is 9 points or more, except for texts of
# unforeseen length.
ATTEMPTS: Final = (
    Attempt(Density(type=1.08, spacing=1.5), 1),
    Attempt(Density(type=1.0, spacing=0.95), 1),
    Attempt(Density(type=0.95, spacing=0.72), 1),
    Attempt(Density(type=0.95, spacing=0.72, has_inline_levels=True), 1),
    Attempt(Density(type=1.0, spacing=0.95), _MAX_PAGES),
    Attempt(Density(type=0.95, spacing=0.72), _MAX_PAGES),
    Attempt(Density(type=0.85, spacing=0.6), _MAX_PAGES),
    Attempt(Density(type=0.7, spacing=0.4), _MAX_PAGES),
)


def template_version(texts: Texts) -> str:
    """Return the version that is printed on fiches with these texts."""
    return FICHE_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)


def fit_pages(blocks: Sequence[Block], max_pages: int) -> list[list[Block]] | None:
    """Return the pages of these blocks; None if they do not fit."""
    pages = list(paginate(blocks, FIRST_PAGE_HEIGHT, FURTHER_PAGE_HEIGHT))
    is_overfull = any(sum(block.height for block in page) > FIRST_PAGE_HEIGHT for page in pages)
    return None if is_overfull or len(pages) > max_pages else pages


def require_drawable(content: FicheContent) -> None:
    """Check that a shipped face covers each character of the delivered texts.

    Raises:
        UndrawableTextError: when none does.
    """
    found = {
        field: missing
        for field, text in _delivered_texts(content)
        if (missing := undrawable_characters(text))
    }
    if found:
        raise UndrawableTextError(found)


def _delivered_texts(content: FicheContent) -> Iterator[tuple[str, str]]:
    """Yield the name of each field from the delivery with its text."""
    yield "document_number", content.document_number
    yield "administration.name", content.administration.name
    yield "administration.school_year", content.administration.school_year
    yield "school.name", content.school.name
    yield "school.municipality", content.school.municipality
    yield "target_group_name", content.target_group_name
    yield "class_group", content.class_group
    yield "site_name", content.site_name or ""
    yield "given_name", content.given_name
    yield "family_name", content.family_name
    for section in content.sections:
        yield "subject", section.subject
    for outcome in fiche_outcomes(content):
        yield f"{outcome.component}.name", outcome.name
        yield f"{outcome.component}.description", outcome.description or ""
        for level in outcome.scale:
            yield f"{outcome.component}.scale", level.code + level.label
