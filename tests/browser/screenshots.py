"""Write the pictures of the portal to docs/images/, desktop and phone: `make screenshots`."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import HEAD, OFFICER, DemoPortal, Visitor
from tests.browser.pages import DESK_VIEWS, VIEWS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.mark.parametrize("size", SIZES)
def test_pictures_of_all_views(portal: DemoPortal, chromium: Browser, size: str) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="nl-BE")
    visitor = Visitor(portal, context.new_page())
    IMAGES.mkdir(exist_ok=True)
    for person, views in ((HEAD, VIEWS), (OFFICER, DESK_VIEWS)):
        visitor.sign_on(person)
        for name in views:
            visitor.page.goto(portal.views()[name])
            visitor.page.screenshot(path=IMAGES / f"{name}-{size}.png", full_page=size == "phone")
        visitor.sign_off()
    context.close()
    assert visitor.faults == []
