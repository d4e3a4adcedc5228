"""A rendered fiche has the text and the pixels of the reference, and the same bytes each time."""

import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.fiche_pages import FICHE_TEMPLATE_VERSION, OverfullFicheError
from services.worker.layout.fonts import UndrawableTextError
from shared.core.drawable_text import normalize_text
from shared.documents.content import FicheContent, PossibleSections, SubjectSection
from shared.documents.texts import DUTCH
from tests.worker.contents import (
    ADMINISTRATION,
    NASTY_NAMES,
    READS,
    SIGNS,
    fiche,
    fiche_with_signs,
    outcome,
    page_texts,
)
from tests.worker.fiche_text import require_text
from tests.worker.hand_outs import print_file
from tests.worker.random_fiches import any_fiche
from tests.worker.reference_renderer.fiche import draw_fiche

ROOT = Path(__file__).parents[3]
RENDERER = FicheRenderer()
_ROUNDING = 48  # shades of 255
_STRAY_PIXELS = 2  # an accent takes seven
SCORE = r"%|procent|\d\s*/\s*\d|\d+\s+(op|van|punten)\b|\d[.,]\d|gemiddeld|rang"


def _pixels(pdf: bytes) -> Iterator[Image.Image]:
    """Yield each page in grey, with two pixels per point."""
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        yield page.render(scale=2.0).to_pil().convert("L")
    document.close()


def _lies_within(image: Image.Image, other: Image.Image) -> bool:
    """Return whether each pixel has one as dark around it in the other image, within rounding."""
    around = other.filter(ImageFilter.MinFilter(3))
    darker = ImageChops.subtract(around, image).point(lambda shade: 255 * (shade >= _ROUNDING))
    # One row of pixels may differ: a baseline that is rounded differently. No letter is so low.
    two_rows = ImageChops.darker(darker, ImageChops.offset(darker, 0, 1))
    return two_rows.histogram()[255] <= _STRAY_PIXELS


@pytest.mark.parametrize("seed", range(0, 160, 8))
def test_it_looks_like_the_reference_by_reportlab(seed: int) -> None:
    content = any_fiche(seed)
    pairs = zip(_pixels(RENDERER.render(content).data), _pixels(draw_fiche(content)), strict=True)
    for rendered, reference in pairs:
        assert _lies_within(rendered, reference)
        assert _lies_within(reference, rendered)


def test_the_comparison_of_images_detects_another_letter() -> None:
    drawn, other = (next(_pixels(draw_fiche(fiche(class_group=it)))) for it in ("4e", "4é"))
    assert not (_lies_within(drawn, other) and _lies_within(other, drawn))


@given(st.integers(min_value=0, max_value=10**9))
@settings(max_examples=25, deadline=None)
def test_its_text_is_the_content_in_reading_order_without_a_score(seed: int) -> None:
    content = any_fiche(seed)
    pages = page_texts(RENDERER.render(content).data)
    require_text(content, pages)
    require_text(content, page_texts(draw_fiche(content)))
    words = {content.administration.name, content.target_group_name, content.class_group}
    words |= {content.given_name, content.family_name, content.school.name}
    words |= {level.code for s in content.sections for o in s.outcomes for level in o.scale}
    ours = " ".join(pages)
    for delivered in sorted(words, key=len, reverse=True):
        ours = ours.replace(delivered, " ")
    assert not re.findall(SCORE, ours, re.IGNORECASE)


def test_the_bytes_do_not_depend_on_earlier_fiches() -> None:
    contents = [any_fiche(seed) for seed in range(40)]
    first = [RENDERER.render(content) for content in contents]
    other = FicheRenderer()
    assert [other.render(content) for content in reversed(contents)] == first[::-1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(FicheRenderer().render, contents * 2)) == first * 2


def test_the_bytes_are_the_same_in_another_process() -> None:
    code = (
        "from tests.worker.random_fiches import any_fiche;"
        "from services.worker.documents.fiche import FicheRenderer;"
        "print([FicheRenderer().render(any_fiche(seed)).sha256.hex() for seed in range(5)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout.decode()
        for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima"))
    }
    own = [RENDERER.render(any_fiche(seed)).sha256.hex() for seed in range(5)]
    assert outputs == {f"{own}\n"}


def test_equal_scales_of_other_objects_are_the_same_scale() -> None:
    content = fiche()
    scale = tuple(replace(level) for level in content.sections[0].outcomes[0].scale)
    copied = tuple(
        SubjectSection(
            section.subject, tuple(replace(found, scale=scale) for found in section.outcomes)
        )
        for section in content.sections
    )
    assert RENDERER.render(replace(content, sections=copied)) == RENDERER.render(content)


def test_a_level_with_another_label_is_another_fiche() -> None:
    renamed = tuple(replace(level, label=f"Trap {level.code}") for level in outcome().scale)
    found = replace(outcome(), scale=renamed, level=renamed[2])
    section = SubjectSection("nederlands", (found,))
    before = RENDERER.render(fiche(sections=(SubjectSection("nederlands", (outcome(),)),)))
    after = RENDERER.render(fiche(sections=(section,)))
    assert "Niveau C" in page_texts(before.data)[0]
    assert "Trap C" in page_texts(after.data)[0]


def test_checksums_match_the_bytes() -> None:
    for seed in range(10):
        rendered = RENDERER.render(any_fiche(seed))
        assert rendered.sha256 == sha256(rendered.data).digest()
        assert rendered.crc32 == zlib.crc32(rendered.data)


def test_it_stays_small() -> None:
    assert len(RENDERER.render(fiche()).data) < 40 * 1024
    assert max(len(RENDERER.render(any_fiche(seed)).data) for seed in range(200)) <= 60 * 1024


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_any_name_is_extracted_intact(name: str) -> None:
    text = page_texts(RENDERER.render(fiche(given_name=name, family_name="Peeters")).data)[0]
    assert f"{normalize_text(name)}Peeters".replace(" ", "") in normalize("NFC", text).replace(
        " ", ""
    )


@pytest.mark.parametrize(
    ("given_name", "family_name"), [("", "Peeters"), ("Peeters", ""), ("Peeters", " ")]
)
def test_a_student_with_one_name_is_drawn_with_it(given_name: str, family_name: str) -> None:
    content = fiche(given_name=given_name, family_name=family_name)

    texts = page_texts(RENDERER.render(content).data)

    assert "2024 Peeters Stamnummer 2300001" in texts[0]
    assert texts[1].startswith("Peeters, 4A · Document")


def test_signs_are_drawn_and_extracted() -> None:
    content = fiche_with_signs()
    rendered = RENDERER.render(content).data
    assert normalize_text(SIGNS) in page_texts(rendered)[0]
    assert "∠ Zoë ⊥→ Maes ≤ √" in page_texts(rendered)[0]
    for image, reference in zip(_pixels(rendered), _pixels(draw_fiche(content)), strict=True):
        assert _lies_within(image, reference)
        assert _lies_within(reference, image)


def test_invisible_characters_are_not_in_the_file() -> None:
    def with_each(invisible: str) -> FicheContent:
        name = f"Toetsen {invisible}2024"
        return fiche(
            given_name=f"Ge{invisible}ert",
            family_name=f"{invisible}Maes",
            class_group=f"4{invisible}A",
            administration=replace(ADMINISTRATION, name=name),
            sections=(SubjectSection("wiskunde", (outcome(description=f"Leest{invisible}."),)),),
        )

    plain = with_each("")
    for invisible in "\u200b\u200c\u200d\u00ad\u202e\u2067\ufeff\ufe0f\u034f":
        content = with_each(invisible)
        assert RENDERER.render(content).data == RENDERER.render(plain).data
        assert print_file(RENDERER, [content]) == print_file(RENDERER, [plain])


def test_an_undrawable_letter_is_reported_without_the_name() -> None:
    with pytest.raises(UndrawableTextError) as caught:
        RENDERER.render(fiche(given_name="Mei 美麗", family_name="Wang王"))
    assert caught.value.fields == ("given_name", "family_name")
    assert not any(part in str(caught.value) for part in ("Mei", "美", "麗", "Wang", "王"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"class_group": "漢"}, "class_group"),
        ({"document_number": "漢"}, "document_number"),
        (
            {"sections": (SubjectSection("nederlands", (outcome(description="漢"),)),)},
            "LO4-LEZ.description",
        ),
    ],
)
def test_an_undrawable_letter_in_another_field_is_reported_each_time(
    changes: dict[str, object], field: str
) -> None:
    for _ in range(2):
        with pytest.raises(UndrawableTextError) as caught:
            RENDERER.render(fiche(**changes))
        assert caught.value.fields == (field,)


def test_texts_that_cannot_fit_fail_by_document_number() -> None:
    endless = outcome(description=" ".join([READS] * 250))
    with pytest.raises(OverfullFicheError, match="document 7QX2M4KD9A does not fit on 6 pages"):
        RENDERER.render(fiche(sections=(SubjectSection("nederlands", (endless,)),)))


def test_fiche_has_to_be_possible_at_each_level() -> None:
    own = (SubjectSection("nederlands", (outcome(),)),)
    for other, error in (
        (" ".join([READS] * 250), OverfullFicheError),
        ("漢", UndrawableTextError),
    ):
        section = SubjectSection("nederlands", (outcome(description=other),))
        with pytest.raises(error):
            RENDERER.lay_out(fiche(sections=own), PossibleSections((own, (section,))))
    same = RENDERER.lay_out(fiche(sections=own), PossibleSections((own, own)))
    assert RENDERER.to_file(same).data == RENDERER.render(fiche(sections=own)).data


def test_other_texts_give_another_fiche() -> None:
    french = replace(DUTCH, version="fr-1", language="fr-BE")
    rendered = FicheRenderer(french).render(fiche()).data
    with pikepdf.open(BytesIO(rendered)) as pdf:
        assert str(pdf.Root.Lang) == "fr-BE"
    version = FICHE_TEMPLATE_VERSION.replace(DUTCH.version, "fr-1")
    assert f"versie {version}" in page_texts(rendered)[0]


@pytest.mark.parametrize("number", ["7qx2", "Nº (12)-É", "W" * 120])
def test_a_document_number_of_another_form_is_rendered_too(number: str) -> None:
    content = fiche(document_number=number)
    rendered = RENDERER.render(content).data
    assert page_texts(rendered) == page_texts(draw_fiche(content))
    assert _lies_within(next(_pixels(draw_fiche(content))), next(_pixels(rendered)))


def test_properties_identify_the_fiche_and_not_the_student() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche()).data)) as pdf:
        properties = {key: str(value) for key, value in pdf.docinfo.items()}
        assert properties["/Title"] == "Feedbackfiche Vlaamse toetsen 2024"
        assert properties["/Subject"] == "Document 7QX2M4KD9A"
        assert not any("Jacobs" in value for value in properties.values())
