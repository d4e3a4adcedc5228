"""The reading guides of every language, and their version.

Arabic is not among them: its letters need shaping, which the layout does not do
(docs/decisions/0053-a-reading-guide-per-language.md).
"""

from typing import Final

from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.reading_guides.languages.dutch import DUTCH_GUIDE
from shared.documents.reading_guides.languages.english import ENGLISH
from shared.documents.reading_guides.languages.french import FRENCH
from shared.documents.reading_guides.languages.german import GERMAN
from shared.documents.reading_guides.languages.polish import POLISH
from shared.documents.reading_guides.languages.romanian import ROMANIAN
from shared.documents.reading_guides.languages.turkish import TURKISH
from shared.documents.reading_guides.languages.ukrainian import UKRAINIAN

GUIDE_TEXTS: Final[tuple[GuideTexts, ...]] = (
    GERMAN,
    ENGLISH,
    FRENCH,
    DUTCH_GUIDE,
    POLISH,
    ROMANIAN,
    TURKISH,
    UKRAINIAN,
)
"""In the order of their language tags."""

GUIDES_FOLDER: Final = "Leeswijzers"
"""The folder of the guides in bundles; for the school that hands them over, so in Dutch."""

GUIDE_FILE_NAME: Final = "Leeswijzer {dutch_name} \N{EN DASH} {name}.pdf"

GUIDE_TEXTS_VERSION: Final = "2"
"""Change it with any text of a guide: it is part of the version of the guides."""
