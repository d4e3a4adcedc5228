"""The pages of a fiche: A4, a front and a back if its texts fit, more pages if they must."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from services.worker.documents.fiche_style import WIDTH, Density
from services.worker.layout.blocks import Block, FlowBlock, paginate
from services.worker.layout.fonts import UndrawableTextError
from services.worker.pdf.page_geometry import PageGeometry
from shared.core.drawable_text import undrawable_characters
from shared.documents.content import FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH, Texts

FICHE_TEMPLATE_VERSION: Final = f"fiche-7.{DUTCH.version}"
"""Raise the number with any change in how a fiche looks: it marks older ones as stale."""

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
_TOP = PAGE_HEIGHT - 40.0
_RUNNING_HEAD_HEIGHT = 26.0
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
MAX_PAGES = 6

# Loose for few components, so that no page looks half empty; then tighter, and with levels on the
# lines of the names, to stay on one page. Type never shrinks below its size: longer texts take more
# pages.
FRONT_DENSITIES: Final = (
    Density(type=1.2, spacing=1.9),
    Density(type=1.1, spacing=1.5),
    Density(type=1.05, spacing=1.2),
    Density(type=1.0, spacing=0.9),
    Density(type=1.0, spacing=0.65),
    Density(type=1.0, spacing=0.65, has_inline_levels=True),
    Density(type=1.0, spacing=0.4, has_inline_levels=True),
)
BACK_DENSITIES: Final = (
    Density(type=1.2, spacing=1.7),
    Density(type=1.1, spacing=1.4),
    Density(type=1.0, spacing=1.1),
    Density(type=1.0, spacing=0.8),
    Density(type=1.0, spacing=0.5),
    Density(type=1.0, spacing=0.3),
)
OVERFLOW: Final = FRONT_DENSITIES[4]
"""The density of a front, and of a back, of several pages."""

Flow = Callable[[Density], Sequence[FlowBlock]]
Pages = list[list[Block]]


class OverfullFicheError(Exception):
    """The texts of a fiche do not fit on its pages."""

    def __init__(self, document_number: str) -> None:
        super().__init__(
            f"document {document_number} does not fit on {MAX_PAGES} pages:"
            " have the level descriptions or names of its components shortened"
        )


def template_version(texts: Texts, *, has_back: bool = True) -> str:
    """Return the version that is printed on fiches with these texts, with or without a back."""
    version = FICHE_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)
    return version if has_back else f"{version}.front"


def front_density(flow: Flow) -> Density:
    """Return the loosest density at which a front takes one page, or that of several pages."""
    return _loosest(flow, FRONT_DENSITIES, FIRST_PAGE_HEIGHT)


def front_pages(blocks: Sequence[FlowBlock]) -> Pages | None:
    """Return the pages of a front; None if they do not fit."""
    return _paginate(blocks, FIRST_PAGE_HEIGHT)


def back_pages(flow: Flow) -> Pages | None:
    """Return the pages that follow a front; None if they do not fit."""
    return _paginate(flow(_loosest(flow, BACK_DENSITIES, FURTHER_PAGE_HEIGHT)), FURTHER_PAGE_HEIGHT)


def _loosest(flow: Flow, densities: Sequence[Density], room: float) -> Density:
    heights = ((one, sum(item.block.height for item in flow(one))) for one in densities)
    return next((density for density, height in heights if height <= room), OVERFLOW)


def _paginate(blocks: Sequence[FlowBlock], first_height: float) -> Pages | None:
    pages = list(paginate(blocks, first_height, FURTHER_PAGE_HEIGHT))
    heights = [sum(block.height for block in page) for page in pages]
    has_room = heights[0] <= first_height and max(heights[1:], default=0.0) <= FURTHER_PAGE_HEIGHT
    return pages if has_room and len(pages) <= MAX_PAGES else None


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
    yield "stamnummer", content.stamnummer or ""
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
        yield f"{outcome.component}.description", " ".join(filter(None, outcome.descriptions))
        levels = [f"{level.code} {level.label}" for level in outcome.scale]
        yield f"{outcome.component}.scale", " ".join(levels)
