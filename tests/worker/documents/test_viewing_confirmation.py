"""A confirmation is accessible, has its code as text and as a QR code, and no result."""

from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pypdfium2
import pytest
import zxingcpp

from services.worker.documents.viewing_confirmation import (
    CONFIRMATION_VERSION,
    render_confirmation,
)
from tests.worker.confirmations import CODE, CONFIRMATIONS, USUAL
from tests.worker.contents import page_texts

every_content = pytest.mark.parametrize("name", CONFIRMATIONS)


@every_content
def test_two_checkers_and_qpdf_find_no_errors(name: str, tmp_path: Path) -> None:
    path = tmp_path / "confirmation.pdf"
    path.write_bytes(render_confirmation(CONFIRMATIONS[name]).data)
    report = outloud.check(str(path))
    assert report.error is None
    assert [found.rule for found in report.sorted_findings()] == []
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert len(pdf.pages) == 1


@every_content
def test_an_independent_reader_decodes_the_qr_code(name: str) -> None:
    document = pypdfium2.PdfDocument(render_confirmation(CONFIRMATIONS[name]).data)
    image = document[0].render(scale=2).to_numpy()
    assert [one.text for one in zxingcpp.read_barcodes(image)] == [CODE]
    document.close()


def test_a_confirmation_has_place_time_and_code_and_no_result() -> None:
    (text,) = page_texts(render_confirmation(USUAL).data)
    for part in (
        "Žofie Peeters",
        "De Berk",
        "Vlaamse toetsen 2024",
        "donderdag 27 juni 2024",
        "van 9.00 tot 10.30 uur",
        "Belpairegebouw",
        "Simon Bolivarlaan 17, 1000 Brussel",
        "7ZK3M-Q04XD",
        "identiteitskaart",
        "één begeleider",
    ):
        assert part in text
    for word in ("niveau", "score", "percent"):
        assert word not in text.lower()


def test_the_same_content_gives_the_same_bytes() -> None:
    first, second = (render_confirmation(USUAL).data for _ in range(2))
    assert first == second
    with pikepdf.open(BytesIO(first)) as pdf, pdf.open_metadata() as meta:
        assert meta["xmp:CreatorTool"] == CONFIRMATION_VERSION
        assert meta["pdfuaid:part"] == "1"
