"""The morning of a head teacher and the work of a secretary: by mouse, and without JavaScript."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.conftest import Visitor

USUAL_CLASS = 25
PHONE: ViewportSize = {"width": 390, "height": 844}
MODES: dict[str, dict[str, Any]] = {"scripts": {}, "no scripts": {"java_script_enabled": False}}


@pytest.fixture(params=MODES)
def context_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return MODES[request.param]


def test_head_finds_a_fiche_a_print_file_and_who_looked(visitor: Visitor, tmp_path: Path) -> None:
    page, group = visitor.page, visitor.portal.class_group
    visitor.sign_on("Dirk Directeur")
    expect(page.get_by_text(re.compile(r"fiches? (is|zijn) nog niet overhandigd"))).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Klassen").click()
    page.get_by_role("link", name=group, exact=True).click()
    fiche = page.get_by_role("link", name=re.compile("Bekijk de fiche van")).first
    name = (fiche.get_attribute("aria-label") or "").removeprefix("Bekijk de fiche van ")
    opened = page.request.get(page.url.split("/klassen")[0] + (fiche.get_attribute("href") or ""))
    assert opened.headers["content-type"] == "application/pdf"
    assert opened.body().startswith(b"%PDF")
    page.get_by_role("link", name=f"Wie keek naar gegevens van {name}").click()
    expect(page.get_by_text("een document geopend of gedownload").first).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Fiches").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(f"drukbestand van .?{group}")).click()
    file = tmp_path / "print.pdf"
    download.value.save_as(file)
    assert file.read_bytes().startswith(b"%PDF")
    page.get_by_role("button", name="Afmelden").click()
    expect(page.get_by_role("heading", name="U bent afgemeld")).to_be_visible()


def test_links_to_fiches_are_in_view_on_a_phone(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size(PHONE)
    visitor.sign_on("Dirk Directeur")
    for view, name in (("klas", "Bekijk de fiche van"), ("fiches", "Bekijk de fiches per")):
        page.goto(visitor.portal.views()[view])
        box = page.get_by_role("link", name=re.compile(name)).first.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["width"]


def test_head_finds_a_student_by_name(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_on("Dirk Directeur")
    page.goto(visitor.portal.views()["klas"])
    name = page.locator("tbody th[scope=row] bdi").nth(4).inner_text()
    page.goto(visitor.portal.views()["klassen"])
    page.get_by_role("textbox", name="Zoek een leerling").fill(name[:4])
    page.get_by_role("button", name="Zoek").click()
    expect(page.get_by_role("main").get_by_text(name).first).to_be_visible()
    assert name[:4] not in page.url


def test_secretary_hands_a_class_over_and_undoes_it(visitor: Visitor) -> None:
    page, group = visitor.page, visitor.portal.class_group
    visitor.sign_on("Sam Secretaris")
    page.get_by_role("link", name="Naar overhandigen").click()
    page.get_by_role("link", name=re.compile(f"Noteer klas .?{group}")).click()
    progress = page.locator("p.figure")
    total = int(progress.inner_text().split()[2])
    assert total == USUAL_CLASS
    expect(progress).to_have_text(f"0 van {total} overhandigd")
    page.get_by_role("button", name="afgedrukt overhandigd").first.click()
    expect(progress).to_have_text(f"{total} van {total} overhandigd")
    page.get_by_role("status").get_by_role("button", name="Maak ongedaan").click()
    expect(progress).to_have_text(f"0 van {total} overhandigd")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="digitaal overhandigd").last.click()
    expect(progress).to_have_text(f"1 van {total} overhandigd")
    page.get_by_role("link", name="Toon alleen wie de fiche nog niet heeft").click()
    expect(page.locator("tbody tr")).to_have_count(total - 1)
    page.get_by_role("link", name="Lijst om te tekenen").click()
    expect(page.locator("tbody tr")).to_have_count(total)
    page.go_back()
    page.get_by_role("link", name="Toon iedereen").click()
    page.get_by_role("button", name=re.compile("Maak de overhandiging")).click()
    expect(progress).to_have_text(f"0 van {total} overhandigd")


def test_head_reads_school_feedback_and_takes_it_along(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_on("Dirk Directeur")
    page.get_by_role("link", name="De schoolfeedback is open").click()
    table = page.get_by_role("table").first
    expect(table.get_by_role("columnheader", name="Vlaanderen")).to_be_visible()
    expect(table.locator("svg").first).to_be_visible()
    for name, start in (("Rapport (pdf)", b"%PDF"), ("Werkboek", b"PK")):
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(re.escape(name))).first.click()
        file = tmp_path / "taken"
        download.value.save_as(file)
        assert file.read_bytes().startswith(start)
    page.get_by_role("link", name=re.compile("^Cijfers per klas van")).first.click()
    expect(page.get_by_role("rowheader").first).to_be_visible()
    page.get_by_role("link", name=re.compile("onderdelen$")).click()
    expect(page.get_by_role("heading", name="Schoolfeedback")).to_be_visible()


def test_secretary_registers_a_student_for_viewing_moves_and_cancels(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_on("Sam Secretaris")
    page.goto(visitor.portal.views()["klas"])
    row = page.locator(f"#leerling-{visitor.portal.places['student']}")
    family_name, given_name = row.locator("th bdi").all_inner_texts()
    page.get_by_role("navigation").get_by_role("link", name="Inzage").click()
    page.get_by_role("textbox", name="Schrijf een leerling in").fill(family_name)
    page.get_by_role("button", name="Zoek").click()
    page.locator(f"a[href$='{visitor.portal.places['student']}']").click()
    assert family_name not in page.url
    page.get_by_role("radio").last.check()
    page.get_by_role("button", name="Schrijf in").click()
    status = page.get_by_role("status")
    expect(status).to_contain_text("is ingeschreven")
    change = f"Inzage van .?{given_name} {family_name}"
    page.get_by_role("link", name=re.compile(change)).click()
    page.get_by_role("radio").nth(-2).check()
    page.get_by_role("button", name="Verplaats").click()
    expect(status).to_contain_text("is verplaatst")
    page.get_by_role("link", name=re.compile(change)).click()
    page.get_by_role("button", name="Zeg de inzage af").click()
    expect(status).to_contain_text("is afgezegd")
    expect(page.get_by_role("link", name=re.compile(change))).to_have_count(0)


def test_officer_checks_in_and_shows_right_or_wrong(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_on("Ilse Inzage")
    page.get_by_role("textbox", name="Code van de bevestiging").fill("00000-00000")
    page.get_by_role("button", name="Zoek").click()
    expect(page.get_by_role("status")).to_contain_text("Deze code")
    visitor.check_in(visitor.portal.codes.pop())
    page.locator(".chips a").first.click()
    answers = page.locator("tbody td").all_inner_texts()
    assert set(answers) <= {"\N{CHECK MARK} goed", "\N{BALLOT X} fout"}
    assert answers
    for later in page.get_by_role("link", name=re.compile("^Volgende")).all():
        later.click()
    page.get_by_role("link", name=re.compile("onderdelen$")).click()
    page.get_by_role("button", name="Beëindig de inzage").click()
    expect(page.get_by_role("status")).to_contain_text("is beëindigd")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)


def test_visitor_without_rights_sees_nothing(visitor: Visitor) -> None:
    visitor.page.goto(visitor.portal.url)
    visitor.page.get_by_role("link", name="Aanmelden", exact=True).click()
    visitor.page.get_by_role("button", name="Olga Onbekend").click()
    heading = visitor.page.get_by_role("heading", name="Geen rechten op deze school")
    expect(heading).to_be_visible()
    visitor.faults.clear()  # the console has the status 403
