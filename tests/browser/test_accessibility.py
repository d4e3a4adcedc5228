"""axe-core on every view, in four widths, with forced colours and with text of twice the size."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Visitor
from tests.browser.pages import DESK_VIEWS, VIEWS

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 768, 1280, 3840)
RUN = """rules => axe.run(
  document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def findings(visitor: Visitor) -> list[str]:
    visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = visitor.page.evaluate(RUN, RULES)
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in result["violations"]
    ]


@pytest.mark.parametrize("view", [*VIEWS, *DESK_VIEWS, "aanmelden"])
def test_view_has_no_finding(visitor: Visitor, view: str) -> None:
    page, views = visitor.page, visitor.portal.views()
    if view != "aanmelden":
        visitor.open(view)
    address, found = views.get(view, f"{visitor.portal.url}/aanmelden"), []
    for colours in ("none", "active"):
        page.emulate_media(forced_colors=colours)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for size in ("100%", "200%"):
                page.goto(address)
                page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
                place = f"{width} px, {size}, forced colours {colours}"
                found += [f"{place}: {one}" for one in findings(visitor)]
                if page.evaluate(OVERFLOW) > 0:
                    found.append(f"{place}: the page scrolls sideways")
    assert found == []
