"""The fiche rendered by WeasyPrint as PDF/UA-1, if WeasyPrint is installed."""

from html import escape
from importlib import import_module
from importlib.resources import files

from benchmarks.peers.fiche_words import (
    WORDS,
    ComponentLevels,
    ComponentWords,
    FicheWords,
    fiche_words,
    guide_rows,
)
from shared.documents.content import FicheContent

_FILES = files("fontpkg_fira_sans").joinpath("files")
_STYLE = """
@font-face { font-family: Fira; src: url("file://%s/FiraSans-Regular.ttf"); }
@font-face { font-family: Fira; font-weight: bold;
             src: url("file://%s/FiraSans-Bold.ttf"); }
@page { size: A4; margin: 40pt 56pt 46pt; }
body { font: 10.5pt Fira; color: #1c1f24; margin: 0; }
p, h1, h2, h3 { margin: 2pt 0; }
h1 { font-size: 13pt; color: #173866; } h2 { font-size: 14pt; color: #173866; }
h3 { font-size: 11.5pt; }
.back { break-before: page; }
.name { font-size: 25pt; font-weight: bold; }
.level { font-size: 15pt; font-weight: bold; color: #173866; }
.quiet { font-size: 8.5pt; color: #4d545e; }
table { width: 100%%; border-collapse: collapse; } td { vertical-align: top; padding: 1pt 0; }
.scale td { border: .8pt solid #6b7380; text-align: center; color: #4d545e; }
.scale td.reached { background: #173866; color: white; font-weight: bold; }
.part > p { width: 300pt; } .part table { float: right; width: 166pt; }
.guide { background: #f2f5f9; font-size: 9.5pt; padding: 4pt 8pt; }
"""


class WeasyPrintFiche:
    """WeasyPrint with its fonts loaded.

    Raises:
        ImportError: if WeasyPrint is not installed; the project does not require it.
    """

    def __init__(self) -> None:
        self._library = import_module("weasyprint")
        self._fonts = import_module("weasyprint.text.fonts").FontConfiguration()
        self._css = self._library.CSS(string=_STYLE % (_FILES, _FILES), font_config=self._fonts)

    def draw(self, content: FicheContent) -> bytes:
        page = self._library.HTML(string=_page(fiche_words(content)))
        document: bytes = page.write_pdf(
            stylesheets=[self._css], font_config=self._fonts, pdf_variant="pdf/ua-1"
        )
        return document


def _page(words: FicheWords) -> str:
    facts = "".join(f"<tr>{''.join(map(_fact, row))}</tr>" for row in words.facts)
    sections = "".join(
        f"<h2>{escape(subject)}</h2>{''.join(map(_part, parts))}"
        for subject, parts in words.sections
    )
    guide = "".join(f"<tr>{''.join(map(_advice, row))}</tr>" for row in guide_rows())
    return (
        f'<html lang="nl-BE"><head><title>{escape(words.title)}</title></head><body>'
        f'<h1>{escape(words.title)}</h1><p class="name">{escape(words.name)}</p>'
        f'<p class="quiet">{escape(words.numbers)}</p>'
        f"<table>{facts}</table><p>{escape(WORDS.introduction)}</p>{sections}"
        f'<div class="guide"><h2>{escape(WORDS.guide_title)}</h2><table>{guide}</table></div>'
        f'<p class="quiet">{escape(words.feet[0])}</p>{_back(words)}</body></html>'
    )


def _back(words: FicheWords) -> str:
    levels = "".join(
        f"<h2>{escape(subject)}</h2>{''.join(map(_levels, components))}"
        for subject, components in words.levels
    )
    questions = "".join(
        f"<p>{number}. {escape(question)}</p>"
        for number, question in enumerate(WORDS.questions, start=1)
    )
    return (
        f'<p class="quiet back">{escape(words.head)}</p><h2>{escape(WORDS.levels.title)}</h2>'
        f"<p>{escape(WORDS.levels.introduction)}</p>{levels}"
        f'<div class="guide"><h2>{escape(WORDS.questions_title)}</h2>{questions}'
        f"<h2>{escape(WORDS.viewing.title)}</h2><p>{escape(words.viewing)}</p></div>"
        f'<p class="quiet">{escape(words.feet[1])}</p>'
    )


def _levels(component: ComponentLevels) -> str:
    name, levels = component
    rows = "".join(
        f"<tr><td>{one.code}</td><td><b>{escape(one.tag)}</b> {escape(one.text)}</td></tr>"
        for one in levels
    )
    return f"<h3>{escape(name)}</h3><table>{rows}</table>"


def _fact(fact: tuple[str, str]) -> str:
    label, value = map(escape, fact)
    return f'<td><span class="quiet">{label}</span><br>{value}</td>'


def _advice(advice: tuple[str, str]) -> str:
    lead, text = map(escape, advice)
    return f"<td><b>{lead}</b><br>{text}</td>"


def _part(part: ComponentWords) -> str:
    return (
        f'<div class="part">{_scale(part)}<h3>{escape(part.name)}</h3>'
        f'<p class="level">{escape(part.level)}</p><p>{escape(part.explanation)}</p></div>'
    )


def _scale(part: ComponentWords) -> str:
    if part.reached is None:
        return f'<table class="scale"><tr><td>{escape(WORDS.scale.no_level)}</td></tr></table>'
    steps = "".join(
        f'<td class="{"reached" if at == part.reached else ""}">{escape(code)}</td>'
        for at, code in enumerate(part.scale)
    )
    ends = f"{escape(WORDS.scale.lowest)} / {escape(WORDS.scale.highest)}"
    width = len(part.scale)
    return (
        f'<table class="scale"><tr>{steps}</tr>'
        f'<tr><td colspan="{width}" class="quiet">{ends}</td></tr></table>'
    )
