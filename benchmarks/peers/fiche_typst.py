"""The fiche rendered by Typst as PDF/UA-1, with one compiler that caches fonts and layouts."""

import json
from importlib.resources import files
from pathlib import Path

import typst

from benchmarks.peers.fiche_words import WORDS, fiche_words
from shared.documents.content import FicheContent

_FIXED = json.dumps(
    {
        "no_level": WORDS.scale.no_level,
        "lowest": WORDS.scale.lowest,
        "highest": WORDS.scale.highest,
        "introduction": WORDS.introduction,
        "guide_title": WORDS.guide_title,
        "guide": [(advice.lead, advice.text) for advice in WORDS.guide],
        "levels_title": WORDS.levels.title,
        "levels_introduction": WORDS.levels.introduction,
        "questions_title": WORDS.questions_title,
        "questions": WORDS.questions,
        "viewing_title": WORDS.viewing.title,
    }
)
_FONTS = [
    str(files(package).joinpath("files")) for package in ("fontpkg_fira_sans", "fontpkg_noto_sans")
]


class TypstFiche:
    """A Typst compiler with the template and the fonts of a fiche."""

    def __init__(self) -> None:
        source = Path(__file__).with_name("fiche.typ")
        self._compiler = typst.Compiler(str(source), font_paths=_FONTS, ignore_system_fonts=True)

    def draw(self, content: FicheContent) -> bytes:
        words = json.dumps(fiche_words(content).as_json())
        document = self._compiler.compile(
            format="pdf",
            sys_inputs={"words": words, "fixed": _FIXED},
            pdf_standards=["ua-1"],
        )
        if not isinstance(document, bytes):
            raise TypeError("Typst rendered a fiche of several pages")
        return document
