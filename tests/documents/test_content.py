"""Validation of contents, and their digest: equal for equal contents only."""

import dataclasses
from dataclasses import replace
from datetime import date
from typing import Any, get_type_hints

import pytest

from shared.documents.content import (
    NOT_ASSIGNED,
    REPORTED,
    STATUSES,
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
from shared.documents.fingerprints import content_sha256

SCALE = tuple(Level(code, f"Niveau {code}", place) for place, code in enumerate("EDCBA", start=1))
CAN_DO = (None, "Zoekt.", "Leest.", "Begrijpt.", None)
OUTCOME = ComponentOutcome("LEZ", "Begrijpend lezen", 1, REPORTED, SCALE, SCALE[2], CAN_DO)
ADMINISTRATION = AdministrationFacts(
    "2024", "Vlaamse toetsen 2024", "2023-2024", date(2024, 4, 24), date(2024, 5, 16)
)
SCHOOL = SchoolFacts("000028", "De Kameleon", "Genk")
FICHE = FicheContent(
    document_number="7QX2M4KD9A",
    stamnummer=None,
    administration=ADMINISTRATION,
    school=SCHOOL,
    target_group_name="4de leerjaar lager onderwijs",
    class_group="4A",
    site_name=None,
    given_name="Noor",
    family_name="Peeters",
    sections=(SubjectSection("nederlands", (OUTCOME,)),),
    viewing_periods=(),
)
COLUMN = OverviewColumn("LEZ", "Begrijpend lezen", "nederlands", SCALE)
ROW = OverviewRow("4A", "Peeters", "Noor", "2300001", (OverviewCell(REPORTED, SCALE[0]),))
GROUP = OverviewTargetGroup("LO4", "4de leerjaar", (COLUMN,), (ROW,))
OVERVIEW = OverviewContent(ADMINISTRATION, SCHOOL, (GROUP,))


@pytest.mark.parametrize("descriptions", [("Leest.",), ("Leest.",) * (len(SCALE) + 1)])
def test_a_column_has_a_description_for_each_level_or_none(descriptions: tuple[str]) -> None:
    replace(COLUMN, descriptions=(None,) * len(SCALE))
    with pytest.raises(ValueError, match="give a description, or None, for each level"):
        replace(COLUMN, descriptions=descriptions)


def test_a_description_of_a_column_has_no_lone_surrogate() -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        replace(COLUMN, descriptions=("\ud800",) * len(SCALE))


@pytest.mark.parametrize("status", [status for status in STATUSES if status != REPORTED])
def test_only_a_reported_result_has_a_level(status: str) -> None:
    replace(OUTCOME, status=status, level=None, descriptions=())
    with pytest.raises(ValueError, match="a level exactly when 'reported'"):
        replace(OUTCOME, status=status)


def test_a_reported_result_has_a_level() -> None:
    with pytest.raises(ValueError, match="a level exactly when 'reported'"):
        replace(OUTCOME, level=None, descriptions=())


def test_an_unknown_status_is_rejected() -> None:
    with pytest.raises(ValueError, match="unknown status 'sick'"):
        replace(OUTCOME, status="sick", level=None, descriptions=())


def test_a_level_belongs_to_the_scale_of_its_component() -> None:
    with pytest.raises(ValueError, match="level outside its scale"):
        replace(OUTCOME, level=Level("F", "Niveau F", 6))


def test_a_scale_has_its_lowest_level_first() -> None:
    with pytest.raises(ValueError, match="order levels lowest first"):
        replace(OUTCOME, scale=SCALE[::-1])
    with pytest.raises(ValueError, match="no levels"):
        replace(OUTCOME, scale=())


def test_descriptions_belong_to_the_levels_of_a_reported_outcome() -> None:
    assert OUTCOME.description == "Leest."
    assert replace(OUTCOME, status="absent", level=None, descriptions=()).description is None
    with pytest.raises(ValueError, match="none without a level"):
        replace(OUTCOME, status="absent", level=None)
    with pytest.raises(ValueError, match="a description per level"):
        replace(OUTCOME, descriptions=CAN_DO[1:])
    with pytest.raises(ValueError, match="lone surrogate"):
        replace(OUTCOME, descriptions=(*CAN_DO[1:], "\ud800"))


def test_components_are_unique_and_ordered_by_position() -> None:
    later = replace(OUTCOME, component="SCH", position=2)
    with pytest.raises(ValueError, match="order by position"):
        SubjectSection("nederlands", (later, OUTCOME))
    with pytest.raises(ValueError, match="components of a fiche"):
        replace(FICHE, sections=(SubjectSection("nederlands", (OUTCOME, OUTCOME)),))


def test_a_fiche_has_a_name_and_a_component() -> None:
    replace(FICHE, family_name="")
    with pytest.raises(ValueError, match="needs a name"):
        replace(FICHE, family_name="", given_name=" ")
    with pytest.raises(ValueError, match="needs a component"):
        replace(FICHE, sections=())


def test_the_error_about_a_lone_surrogate_has_no_name() -> None:
    with pytest.raises(ValueError, match=r"FicheContent\.family_name") as caught:
        replace(FICHE, family_name="Peeters\ud800")
    assert "Peeters" not in str(caught.value)


def test_the_tests_cannot_end_before_they_start() -> None:
    with pytest.raises(ValueError, match="end before they start"):
        replace(ADMINISTRATION, tested_until_on=date(2024, 4, 23))


def test_an_overview_row_has_a_cell_per_column_that_fits_it() -> None:
    with pytest.raises(ValueError, match="one cell per column"):
        replace(GROUP, rows=(replace(ROW, cells=()),))
    with pytest.raises(ValueError, match="a level exactly when 'reported'"):
        replace(GROUP, rows=(replace(ROW, cells=(OverviewCell(NOT_ASSIGNED, SCALE[0]),)),))
    replace(GROUP, rows=(replace(ROW, cells=(None,)),))


def test_equal_contents_have_the_same_digest_on_every_machine() -> None:
    assert content_sha256(replace(FICHE, site_name=None)) == content_sha256(FICHE)
    assert content_sha256(FICHE).hex() == (
        "54dd0cc4083e38724f68f3b62c87014419877ea9f2054c41dc3d8dd14728295f"
    )
    assert content_sha256(OVERVIEW).hex() == (
        "44a629c76377d13db8ca5c78da26495bc226d9f90426f8aa45c5e293ca4086eb"
    )


def test_every_difference_in_a_fiche_changes_its_digest() -> None:
    other_outcome = replace(OUTCOME, level=SCALE[3])
    variants = [
        FICHE,
        replace(FICHE, document_number="7QX2M4KD9B"),
        replace(FICHE, administration=replace(ADMINISTRATION, tested_until_on=date(2024, 5, 17))),
        replace(FICHE, school=replace(SCHOOL, municipality="Hasselt")),
        replace(FICHE, target_group_name="2de leerjaar A-stroom"),
        replace(FICHE, class_group="4B"),
        replace(FICHE, site_name="Hoofdvestiging"),
        replace(FICHE, site_name=""),
        replace(FICHE, given_name="Noo", family_name="rPeeters"),
        replace(FICHE, given_name="NOOR"),
        replace(FICHE, sections=(SubjectSection("nederlands", (other_outcome,)),)),
        replace(FICHE, sections=(SubjectSection("wiskunde", (OUTCOME,)),)),
    ]
    assert len({content_sha256(variant) for variant in variants}) == len(variants)


def _field_names(facts: type[Any]) -> set[str]:
    names: set[str] = set()
    for name, hint in get_type_hints(facts).items():
        names.add(name)
        inner = [hint, *getattr(hint, "__args__", ())]
        for kind in inner:
            if dataclasses.is_dataclass(kind) and isinstance(kind, type):
                names |= _field_names(kind)
    return names


@pytest.mark.parametrize("contents", [FicheContent, OverviewContent])
def test_contents_have_no_field_for_a_score_or_a_calibration(contents: type[Any]) -> None:
    names = _field_names(contents)
    assert "ordinal" in names
    assert not {
        name
        for name in names
        for word in ("score", "calibration", "percent", "rank", "average", "insz")
        if word in name
    }


def test_contents_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FICHE.given_name = "Lotte"  # type: ignore[misc]  # that is the point
