"""Sign-on and sign-off: cookies, the binding to a browser, sessions on the server."""

import re
import time
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis

from services.portal.sessions import Session, SessionStore
from shared.core.settings import Settings
from tests.api.seeding import OTHER, SCHOOL
from tests.portal.conftest import Person

SESSION, BROWSER = "__Host-session", "__Host-sign-on"


def test_session_cookie_is_strict_and_for_this_host_alone(visitor: Person) -> None:
    page = visitor.sign_on("head")
    assert 'content="0;url=/"' in page.text
    (cookie,) = [one for one in visitor.set_cookies if one.startswith(f"{SESSION}=")]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=strict", "path=/"}
    assert BROWSER not in visitor.cookies
    assert f"School {SCHOOL}" in visitor.get("/").text


def test_no_page_and_no_cookie_has_a_token(head: Person) -> None:
    pages = [head.get(path).text for path in ("/", "/hulp", "/delen")]
    sent = "".join(pages) + "".join(head.set_cookies)
    assert not re.search(r"eyJ[\w-]{10,}\.eyJ", sent)


def test_callback_of_another_browser_is_refused(visitor: Person) -> None:
    back = visitor.sign_on_elsewhere("head")
    other = replace(visitor, cookies={}, set_cookies=[])
    other.get("/aanmelden/begin")
    assert other.get(back).status_code == 400
    assert SESSION not in other.cookies


def test_callback_is_used_once(visitor: Person) -> None:
    back = visitor.sign_on_elsewhere("head")
    cookies = dict(visitor.cookies)
    assert visitor.get(back).status_code == 200
    visitor.cookies = cookies
    assert visitor.get(back).status_code == 400


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied&state=y"])
def test_made_up_callback_signs_nobody_on(visitor: Person, query: str) -> None:
    assert visitor.get(f"/aanmelden/terug{query}").status_code == 400
    assert visitor.cookies == {}


def test_person_without_a_role_sees_nothing_and_can_sign_off(visitor: Person) -> None:
    visitor.sign_on("onlooker")
    page = visitor.get("/")
    assert page.status_code == 403
    assert SCHOOL not in page.text
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token is not None
    assert visitor.post("/afmelden", {"form_token": token[1]}).status_code == 200
    assert SESSION not in visitor.cookies


def test_sign_off_ends_the_session_on_the_server(head: Person) -> None:
    cookies = dict(head.cookies)
    page = head.post("/afmelden", {})
    assert "/end?id_token_hint=" in page.text
    head.cookies = cookies
    assert head.get("/").headers["Location"] == "/aanmelden"


def test_pages_are_those_of_the_school_of_the_person(visitor: Person) -> None:
    visitor.sign_on("head", OTHER)
    assert f"School {OTHER}" in visitor.get("/").text


def test_pages_without_a_session_lead_to_the_sign_on(visitor: Person) -> None:
    visitor.cookies = {SESSION: "made up"}
    for path in ("/", "/klassen", "/wie-keek", "/documenten/0195d2a4-7c1e-4b5a-9f00-abcdefabcdef"):
        response = visitor.get(path)
        assert (response.status_code, response.headers["Location"]) == (303, "/aanmelden")


def test_records_of_sessions_are_unreadable_and_end(settings: Settings) -> None:
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    store = SessionStore(redis, idle_seconds=1, session_seconds=100)
    secret = store.add(Session("subject token", "id token", "Dirk Directeur", []))
    records = {key: redis.get(key) for key in redis.keys("portal:session:*")}
    assert records
    assert not any("Dirk" in repr(content) for content in records.values())
    assert not any(secret.encode() in key for key in records)
    found = store.find(secret)
    assert found is not None
    assert found.name == "Dirk Directeur"
    time.sleep(1.2)
    assert store.find(secret) is None


def test_session_ends_however_much_it_is_used(settings: Settings) -> None:
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    store = SessionStore(redis, idle_seconds=900, session_seconds=8 * 3600)
    old = Session("subject token", "id token", "name", [], started_at=time.time() - 8 * 3600)
    secret = store.add(replace(old, started_at=time.time()))
    store.save(secret, old)
    time.sleep(1.1)
    assert store.find(secret) is None


def test_ended_session_is_not_stored_again(settings: Settings) -> None:
    store = SessionStore(Redis.from_url(settings.redis_url.get_secret_value()), 900, 900)
    session = Session("subject token", "id token", "name", [])
    secret = store.add(session)
    store.end(secret)
    store.save(secret, session)
    assert store.find(secret) is None


def test_provider_signs_nobody_on_for_another_address(visitor: Person) -> None:
    begun = httpx.URL(visitor.get("/aanmelden/begin").headers["Location"])
    wrong = begun.copy_merge_params({"redirect_uri": "https://evil.example/aanmelden/terug"})
    assert urlsplit(str(wrong)).netloc == urlsplit(str(begun)).netloc
    assert visitor.http.get(wrong).status_code == 400
