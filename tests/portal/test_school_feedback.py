"""School feedback as pages: the figures of the API, hidden rows, sentences, and documents."""

import re
from collections.abc import Iterator
from uuid import UUID

import html5lib
import pytest

from services.api.schemas.school_feedback import ComponentFeedback
from services.portal.pages import load_texts
from services.portal.views.figures import NONE, ComponentTables
from shared.core.database import Sessions
from shared.documents.school_feedback.sentences import (
    component_sentence,
    not_tested_sentence,
    reading_of_levels,
)
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.school_feedback.figures import ComponentFigures
from tests.api.feedback_seeding import with_report
from tests.api.seeding import OTHER, OVERVIEW, Seeded
from tests.portal.conftest import Person
from tests.portal.seeding import FIGURES, HOSTILE_GROUP
from tests.worker.feedback import FEEDBACK, any_feedback

PAGE = "/schoolfeedback"
CLASSES = f"{PAGE}/klassen?afname=2024&onderdeel=LO4-LEZ"
TEXTS = load_texts()["school_feedback"]
COMPONENTS = [
    one
    for content in (*FEEDBACK.values(), *map(any_feedback, range(60)))
    for one in content.components()
]
SVG = "{http://www.w3.org/2000/svg}"


def tables_of(figures: ComponentFigures) -> ComponentTables:
    """Return the tables of figures, as the API serves them."""
    served = ComponentFeedback.of(figures)
    return ComponentTables(served.model_dump(mode="json", by_alias=True, exclude_none=True), TEXTS)


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?<!N)\b\d+", text)]


def rows_of(page: str) -> list[list[str]]:
    """Return the texts of the cells of each row, without those in the bars."""
    found = html5lib.parse(page, namespaceHTMLElements=False)
    for bar in found.iter(f"{SVG}svg"):
        bar.clear()
    return [
        [" ".join("".join(cell.itertext()).split()) for cell in row] for row in found.iter("tr")
    ]


@pytest.mark.usefixtures("open_now")
def test_page_has_the_figures_of_the_school_and_its_references(head: Person) -> None:
    page = head.get(PAGE)
    rows = rows_of(page.text)
    assert ["Niveau E", "3 (7 %)", "8 %", NONE] in rows
    assert ["Niveau A", "5 (11 %)", "12 %", NONE] in rows
    assert ["Bereikt de eindtermen", "30 van 45 (67 %)", "71 %", NONE] in rows
    assert ["Gemiddelde schaalscore", "501,2 ± 7,1", "502,5 ± 0,6", NONE] in rows
    for sign in "●□△":
        assert f'<span aria-hidden="true">{sign}</span>' in page.text
    assert "30 van de 45 leerlingen met een niveau bereiken de eindtermen" in page.text
    assert "Lezen &amp; &lt;b&gt;luisteren&lt;/b&gt;" in page.text


@pytest.mark.usefixtures("open_now")
def test_bars_are_as_long_as_the_shares_and_begin_with_the_level(head: Person) -> None:
    found = html5lib.parse(head.get(PAGE).text, namespaceHTMLElements=False)
    table = next(found.iter("table"))
    bars = [row[1].find(f"{SVG}svg") for row in table.iter("tr") if row[1].find(f"{SVG}svg")]
    signs = [bar.findtext(f"{SVG}text") for bar in bars]
    widths = [float(bar.findall(f"{SVG}rect")[1].get("width")) for bar in bars]
    assert signs == ["E", "D", "C", "B", "A", "●", "●"]
    counts = [3, 12, 15, 10, 5, 42, 30]
    assert widths == [round(100 * count / 45, 1) for count in counts]


@pytest.mark.usefixtures("open_now")
def test_hidden_figures_are_not_shown_and_say_so_neutrally(head: Person) -> None:
    page, classes = head.get(PAGE).text, head.get(CLASSES).text
    assert TEXTS["hidden"] in page
    assert ["4B", "niet getoond"] in rows_of(classes)
    assert TEXTS["hidden"] in classes
    assert HOSTILE_GROUP not in classes
    assert HOSTILE_GROUP.replace("<", "&lt;").replace(">", "&gt;") in classes


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("query", ["onderdeel=SO2A-LEZ", "", "onderdeel=LO4-LEZ&doelgroep=SO2A"])
def test_unknown_component_is_not_found(head: Person, query: str) -> None:
    assert head.get(f"{PAGE}/klassen?afname=2024&{query}").status_code == 404


def test_before_its_release_the_page_names_no_component(head: Person) -> None:
    page = head.get(PAGE)
    assert page.status_code == 200
    assert "Lezen" not in page.text
    assert "<table" not in page.text
    assert head.get(CLASSES).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_other_school_and_other_roles_read_no_figures(visitor: Person) -> None:
    visitor.sign_on("head", OTHER)
    assert "<table" not in visitor.get(PAGE).text
    visitor.sign_on("secretary")
    assert visitor.get(PAGE).status_code == 403
    assert PAGE not in visitor.get("/").text


@pytest.fixture
def report(seeded: Seeded, sessions: Sessions) -> Iterator[UUID]:
    with with_report(sessions, seeded) as report:
        yield report


@pytest.mark.usefixtures("open_now")
def test_report_is_downloaded_from_its_page(head: Person, report: UUID) -> None:
    link = f'href="/documenten/{report}"'
    assert link in head.get(PAGE).text
    assert head.get(f"/documenten/{report}").content == OVERVIEW


@pytest.mark.parametrize("figures", COMPONENTS, ids=range(len(COMPONENTS)))
def test_tables_and_sentences_have_the_numbers_of_the_figures(figures: ComponentFigures) -> None:
    tables = tables_of(figures)
    row = figures.school_row
    assert tables.is_hidden == row.is_hidden
    if row.counts is not None:
        assert numbers(tables.sentence) == numbers(
            component_sentence(figures, DUTCH_SCHOOL_FEEDBACK)
        )
        assert [numbers(one.cells[0].text)[0] for one in tables.levels] == [*row.counts]
        shares = [one.cells[0].share for one in tables.levels]
        assert shares == [count / sum(row.counts) for count in row.counts]
        missing = not_tested_sentence(figures, DUTCH_SCHOOL_FEEDBACK)
        assert numbers(tables.origins)[: len(numbers(missing))] == numbers(missing)
    assert numbers(tables.reading) == numbers(reading_of_levels(figures, DUTCH_SCHOOL_FEEDBACK))
    for shown, group in zip(tables.class_groups, figures.class_rows, strict=True):
        counts = [numbers(cell.text)[0] for cell in shown.cells]
        assert counts == [*(group.counts or ())]
        assert shown.students == group.students


def test_seeded_figures_have_what_the_pages_show() -> None:
    assert [tables_of(one).is_hidden for one in FIGURES.values()] == [False, True]
