"""Forms and downloads: hand-overs, the declaration, mandates, and refused forms."""

import html
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from shared.core.clock import BRUSSELS
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.models import HandOver, HandOverWithdrawal
from shared.oauth.clients.models import Client
from shared.oauth.clients.rules import ClientKind
from tests.api.oauth_clients import register_client
from tests.api.seeding import FICHE, SCHOOL, Seeded
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
    page = head.get(PAGE).text
    assert "Er is niets genoteerd. Kies eerst" in page
    assert 'class="notice refusal"' in page
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


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("name", ["Range", "If-Range", "If-None-Match", "X-Forwarded-For"])
def test_header_that_no_browser_sends_is_ignored(head: Person, seeded: Seeded, name: str) -> None:
    whole = head.get(f"/documenten/{seeded.documents['fiche']}", **{name: "bytes=\xe9-"})
    assert (whole.status_code, whole.content) == (200, FICHE)


TODAY = datetime.now(BRUSSELS).date()
MANDATE = {
    "wat": "studentFeedback",
    "tot": (TODAY + timedelta(days=30)).isoformat(),
    "waarvoor": "Rapport & agenda",
}


@pytest.mark.parametrize(
    ("form", "reasons"),
    [
        ({"leverancier": "Smartschool"}, ["Geen leverancier heeft deze code"]),
        ({"leverancier": str(uuid4())}, ["Geen leverancier heeft deze code"]),
        (
            {"leverancier": "x", "wat": "", "tot": ""},
            ["Geen leverancier", "Kies minstens één soort", "Kies een einddatum"],
        ),
        ({"leverancier": str(uuid4()), "tot": "2020-01-01"}, ["Kies een einddatum"]),
    ],
)
def test_refused_mandate_is_explained_in_dutch_and_loses_no_input(
    head: Person, form: dict[str, str], reasons: list[str]
) -> None:
    refused = head.post("/delen/geven", MANDATE | form)
    assert refused.status_code == 400
    page = html.unescape(refused.text)
    assert all(reason in page for reason in reasons)
    assert f'value="{form["leverancier"]}"' in page
    assert 'value="Rapport & agenda"' in page
    assert "checked" in page or form.get("wat") == ""
    assert "Must" not in page
    assert "vendor" not in page


def test_mandate_is_shortened_and_revoked_and_refused_twice(
    head: Person, sessions: Sessions
) -> None:
    vendor = register_client(sessions, "", ClientKind.INTEGRATOR)
    form = MANDATE | {"leverancier": vendor.id}
    assert head.post("/delen/geven", form).status_code == 303
    page = head.get("/delen").text
    assert "Het mandaat is gegeven" in page
    with UnitOfWork(sessions) as unit:
        name = unit.session.scalars(select(Client.name).where(Client.id == vendor.id)).one()
    assert f"<bdi>{name}</bdi>" in page
    assert vendor.id not in page
    again = head.post("/delen/geven", form)
    assert (again.status_code, "Uw school deelt deze gegevens" in again.text) == (400, True)
    change = {"mandaat": page.split('name="mandaat" value="')[1][:36]}
    later = (TODAY + timedelta(days=60)).isoformat()
    longer = head.post("/delen/inkorten", change | {"tot": later})
    assert (longer.status_code, "inkorten en niet verlengen" in longer.text) == (400, True)
    assert head.post("/delen/inkorten", change | {"tot": TODAY.isoformat()}).status_code == 303
    assert head.post("/delen/intrekken", change).status_code == 303
    over = head.post("/delen/inkorten", change | {"tot": TODAY.isoformat()})
    assert (over.status_code, "al afgelopen of ingetrokken" in over.text) == (400, True)


def test_software_that_looked_has_its_name(
    head: Person, sessions: Sessions, api: tuple[FastAPI, str]
) -> None:
    vendor = register_client(sessions, api[1], ClientKind.INTEGRATOR)
    assert head.post("/delen/geven", MANDATE | {"leverancier": vendor.id}).status_code == 303
    assert vendor.request("GET", f"/v1/schools/{SCHOOL}/students").status_code == 200
    with UnitOfWork(sessions) as unit:
        name = unit.session.scalars(select(Client.name).where(Client.id == vendor.id)).one()
    page = head.get("/wie-keek").text
    assert f"softwareleverancier \u2068{name}\u2069</td>" in page
    assert vendor.id not in page


def test_declaration_is_recorded_once_and_shown(head: Person) -> None:
    assert "nog niets verklaard" in head.get("/overzicht").text
    assert head.post("/overzicht/verklaren", {"afname": "2024"}).status_code == 303
    page = head.get("/overzicht").text
    assert "De verklaring is vastgelegd" in page
    assert "verklaard op" in page
    assert "/overzicht/verklaren" not in page
    again = head.post("/overzicht/verklaren", {"afname": "2024"})
    assert (again.status_code, "misschien is het al gebeurd" in again.text) == (400, True)
