"""Forms and downloads: hand-overs, the declaration, mandates, and refused forms."""

import pytest
from sqlalchemy import func, select

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.models import HandOver, HandOverWithdrawal
from tests.api.seeding import FICHE, Seeded
from tests.portal.conftest import Person

CLASS = {"afname": "2024", "klas": "4A"}
PAGE = "/overhandigen/klas?afname=2024&klas=4A"
RECORD = "/overhandigen/noteren"


def count(sessions: Sessions, model: type[HandOver | HandOverWithdrawal]) -> int:
    with UnitOfWork(sessions) as unit:
        return unit.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.usefixtures("open_now")
def test_class_group_is_handed_over_and_that_is_undone(head: Person, sessions: Sessions) -> None:
    before, withdrawn = count(sessions, HandOver), count(sessions, HandOverWithdrawal)
    done = head.post(RECORD, CLASS | {"wie": "klas", "wijze": "afgedrukt"})
    assert (done.status_code, done.headers["Location"]) == (303, PAGE)
    added = count(sessions, HandOver) - before
    assert added > 0
    page = head.get(PAGE).text
    assert "genoteerd" in page
    assert "afgedrukt op" in page
    assert "genoteerd" not in head.get(PAGE).text
    ids = page.split('name="overhandiging" value="')[1][:36]
    head.post("/overhandigen/ongedaan", CLASS | {"overhandiging": ids})
    assert count(sessions, HandOverWithdrawal) == withdrawn + 1


@pytest.mark.usefixtures("open_now")
def test_nothing_is_recorded_without_a_choice(head: Person, sessions: Sessions) -> None:
    before = count(sessions, HandOver)
    head.post(RECORD, CLASS | {"wijze": "digitaal"})
    assert "Kies eerst" in head.get(PAGE).text
    assert count(sessions, HandOver) == before


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"form_token": "made up"}, {}),
        ({"form_token": ""}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Sec-Fetch-Site": "none"}),
        ({}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}),
    ],
)
def test_form_of_elsewhere_changes_nothing(
    head: Person, sessions: Sessions, form: dict[str, str], headers: dict[str, str]
) -> None:
    before = count(sessions, HandOver)
    refused = head.post(RECORD, CLASS | {"wie": "klas"} | form, **headers)
    assert refused.status_code == 403
    assert count(sessions, HandOver) == before


def test_too_large_form_is_refused(head: Person) -> None:
    assert head.post(RECORD, {"leerling": "x" * 100_000}).status_code == 400


@pytest.mark.usefixtures("open_now")
def test_teacher_cannot_record(visitor: Person, sessions: Sessions) -> None:
    visitor.sign_on("teacher", class_group="4A")
    before = count(sessions, HandOver)
    assert visitor.post(RECORD, CLASS | {"wie": "klas"}).status_code == 403
    assert count(sessions, HandOver) == before


@pytest.mark.usefixtures("open_now")
def test_fiche_is_downloaded_shown_and_resumed(head: Person, seeded: Seeded) -> None:
    path = f"/documenten/{seeded.documents['fiche']}"
    whole = head.get(path)
    assert whole.content == FICHE
    assert whole.headers["Content-Disposition"].startswith("attachment")
    shown = head.get(f"{path}/bekijken")
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    rest = head.get(path, **{"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
    assert (rest.status_code, rest.content) == (206, FICHE[100:])


def test_refused_mandate_is_explained(head: Person) -> None:
    form = {"leverancier": "no id", "wat": "studentFeedback", "tot": "2030-01-01", "waarvoor": "x"}
    refused = head.post("/delen/geven", form)
    assert refused.status_code == 400
    assert "aanvaardt deze gegevens niet" in refused.text


def test_declaration_is_recorded_once_and_shown(head: Person) -> None:
    assert "nog niets verklaard" in head.get("/overzicht").text
    assert head.post("/overzicht/verklaren", {"afname": "2024"}).status_code == 303
    page = head.get("/overzicht").text
    assert "De verklaring is vastgelegd" in page
    assert "verklaard op" in page
    assert "/overzicht/verklaren" not in page
    assert head.post("/overzicht/verklaren", {"afname": "2024"}).status_code == 400
