import re

import httpx

from shared.core.version import package_version


def test_home_page_links_to_documentation_and_health(unauthenticated: httpx.Client) -> None:
    page = unauthenticated.get("/")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    links = re.findall(r'href="([^"]+)"', page.text)
    assert {"doc", "doc/openapi.yaml", "health"} <= set(links)
    for link in links:
        assert "://" not in link
        assert unauthenticated.get(f"/{link}").status_code in {200, 503}
    assert package_version() in page.text


def test_home_page_runs_no_script_and_loads_nothing_from_elsewhere(
    unauthenticated: httpx.Client,
) -> None:
    page = unauthenticated.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert "script" not in page.text + policy


def test_documentation_page_offers_no_request_that_could_only_fail(
    unauthenticated: httpx.Client,
) -> None:
    page, start = (unauthenticated.get(path).text for path in ("/doc", "/doc/assets/start.js"))
    assert "toetsfeedback call GET /v1/schools" in page
    assert "supportedSubmitMethods: []" in start
