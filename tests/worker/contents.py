"""Sample contents of documents, and the text of a PDF."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pypdfium2

from shared.documents.content import (
    REPORTED,
    AdministrationFacts,
    ComponentOutcome,
    FicheContent,
    Level,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
    SchoolFacts,
    SubjectSection,
)
from shared.documents.viewing_periods import ViewingPeriod

SCALE = tuple(Level(code, f"Niveau {code}", place) for place, code in enumerate("EDCBA", start=1))
ADMINISTRATION = AdministrationFacts(
    "2024", "Vlaamse toetsen 2024", "2023-2024", date(2024, 4, 24), date(2024, 5, 16)
)
SCHOOL = SchoolFacts("000028", "De Kameleon", "Genk")
READS = "Verbindt informatie uit verschillende zinnen en herkent de hoofdgedachte."
VIEWING = (
    ViewingPeriod(date(2024, 6, 25), date(2024, 7, 12)),
    ViewingPeriod(date(2024, 8, 19), date(2024, 9, 13)),
)
OTHER_LEVELS = {
    "E": "Haalt losse stukjes informatie uit een korte tekst met bekende woorden.",
    "D": "Begrijpt waar een korte tekst over gaat en vindt informatie die er letterlijk staat.",
    "C": "Verbindt informatie uit verschillende zinnen en herkent de hoofdgedachte.",
    "B": "Begrijpt ook wat niet in de tekst staat en ziet wat de schrijver bedoelt.",
    "A": "Vergelijkt teksten over hetzelfde onderwerp en staaft een eigen mening.",
}
SOLVES = "Kiest zelf een aanpak voor vraagstukken met meerdere stappen."

# Each of these has broken a document in some program.
NASTY_NAMES = (
    '=HYPERLINK("http://x","y")',
    "</w:t>",
    "(unbalanced",
    "back\\slash)",
    "../../etc",
    'O"Brien',
    "X",
    "Wolfeschlegelsteinhausenbergerdorff" * 3,
    "-Anaïs",
    "+Şahin",
    "@home",
    "#N/A",
    "007",
    "_x0041_",
    "&P <b>",
    "CON",
    "D'Hondt",
    "Ó Súilleabháin",
    "Trần Thị Ngọc",
    "Οδυσσέας",
    "Вовк-Шевченко",
    "Adébọ́lá",
)


SIGNS = (
    "Bepaalt ∠A in △ABC → ∠D ⊥ ∠E; a ∥ b; √2 ≈ 1,41 ≠ ∞; 3 ≤ 4 ≥ 2 ± 1; 3 \u00d7 4 ÷ 2; ½ ¼ ²"
    " 90° π ∑ x ∈ R, y ∉ N, A ⊂ B \u222a C ∩ D.\n• telt\n◦ deelt\n▪ kiest\n‣ leest\n✓ juist"
    " ✗ fout ☐ open ☑ klaar; A ⇒ B ↔ C ← D"
)


def outcome(
    component: str = "LO4-LEZ",
    code: str | None = "C",
    *,
    status: str = REPORTED,
    description: str | None = READS,
    name: str = "Begrijpend lezen",
    position: int = 1,
    scale: tuple[Level, ...] = SCALE,
) -> ComponentOutcome:
    """Return a reported level, or without `code` the given status."""
    level = next((level for level in scale if level.code == code), None)
    descriptions = tuple(
        description if one == level else OTHER_LEVELS.get(one.code) for one in scale if level
    )
    return ComponentOutcome(component, name, position, status, scale, level, descriptions)


def sections() -> tuple[SubjectSection, ...]:
    return (
        SubjectSection(
            "nederlands",
            (
                outcome(),
                outcome("LO4-SCH", None, status="absent", name="Schrijven", position=2),
            ),
        ),
        SubjectSection(
            "wiskunde",
            (
                outcome(
                    "LO4-WIS",
                    "A",
                    description=SOLVES,
                    name="Wiskundige problemen oplossen",
                    position=3,
                ),
                outcome(
                    "LO4-GET", "E", description=None, name="Getallen en bewerkingen", position=4
                ),
            ),
        ),
    )


def fiche(**changes: Any) -> FicheContent:
    facts: dict[str, Any] = {
        "document_number": "7QX2M4KD9A",
        "stamnummer": "2300001",
        "administration": ADMINISTRATION,
        "school": SCHOOL,
        "target_group_name": "4de leerjaar lager onderwijs",
        "class_group": "4A",
        "site_name": "Hoofdvestiging",
        "given_name": "Žofie",
        "family_name": "Jacobs",
        "sections": sections(),
        "viewing_periods": VIEWING,
    }
    return FicheContent(**{**facts, **changes})


def overview(
    names: Sequence[tuple[str, str]] = (("Jacobs", "Žofie"), ("Maes", "Noor")), **changes: Any
) -> OverviewContent:
    """Return two components: the first student has a level and an absence, others C and none."""
    columns = (
        OverviewColumn("LO4-LEZ", "Begrijpend lezen", "nederlands", SCALE),
        OverviewColumn("LO4-WIS", "Wiskundige problemen oplossen", "wiskunde", SCALE),
    )
    cells = (
        (OverviewCell(REPORTED, SCALE[4]), OverviewCell("absent", None)),
        (OverviewCell(REPORTED, SCALE[2]), None),
    )
    rows = tuple(
        OverviewRow("4A", family, given, f"{2300001 + number}", cells[min(number, 1)])
        for number, (family, given) in enumerate(names)
    )
    group = OverviewTargetGroup("LO4", "4de leerjaar lager onderwijs", columns, rows)
    facts: dict[str, Any] = {
        "administration": ADMINISTRATION,
        "school": SCHOOL,
        "target_groups": (group,),
    }
    return OverviewContent(**{**facts, **changes})


def two_target_groups() -> OverviewContent:
    """Return a second target group in two class groups, with two scales and markers."""
    scale = (
        Level("L", "Nog niet", 1, attains_basic_literacy=False, attains_final_objectives=False),
        Level("H", "Bereikt", 2, attains_basic_literacy=True, attains_final_objectives=False),
    )
    attaining = Level("2", "Top", 2, attains_basic_literacy=True, attains_final_objectives=True)
    top = (Level("1", "Start", 1), attaining)
    columns = (
        OverviewColumn("SO2B-LEZ", "Lezen", "nederlands", scale, ("Leest zinnen.", None)),
        OverviewColumn("SO2B-GET", "Getallen", "wiskunde", top),
    )
    rows = tuple(
        OverviewRow(class_group, "Maes", "Noor", None, cells, "7QX2M4KD9A", site)
        for class_group, site, cells in (
            ("2A", "Noord", (OverviewCell(REPORTED, scale[1]), OverviewCell(REPORTED, top[0]))),
            ("2A", None, (OverviewCell("absent", None), OverviewCell(REPORTED, top[1]))),
            ("2B", "Zuid", (OverviewCell(REPORTED, scale[0]), None)),
        )
    )
    second = OverviewTargetGroup("SO2B", "2de leerjaar B-stroom", columns, rows)
    return overview(target_groups=(*overview().target_groups, second))


def page_texts(pdf: bytes) -> list[str]:
    """Return the extracted text of each page, with single spaces."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]
    finally:
        document.close()


def fiche_with_signs() -> FicheContent:
    """Return a fiche with signs in its description and in every text of its head."""
    texts = {"class_group": "4A → 5A ✓", "given_name": "∠ Zoë", "family_name": "⊥→ Maes ≤ √"}
    administration = replace(ADMINISTRATION, name="Toetsen ⇒ 2024")
    signs = SubjectSection("wiskunde", (outcome(name="Meten ∠ →", description=SIGNS),))
    return fiche(**texts, administration=administration, sections=(signs,))
