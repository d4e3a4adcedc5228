"""The portal by keyboard alone: everything is reachable, focus is visible, nothing traps it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.pages import DESK_VIEWS, VIEWS

MOST_TABS = 400
FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    name: one.getAttribute('aria-label') || one.innerText || one.id || '',
    isPage: one === document.body,
    isVisible: style.outlineStyle !== 'none' && box.width > 0,
    key: [...document.querySelectorAll('*')].indexOf(one),
  };
}"""
# Tab stops once at the radio buttons of a name; arrow keys choose among them.
FOCUSABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, [tabindex="0"]')]
  .filter(one => one.getClientRects().length)
  .filter(one => one.type !== 'radio' || one === document.getElementsByName(one.name)[0])
  .map(one => [...document.querySelectorAll('*')].indexOf(one))"""


def press_until(page: Page, name: str, key: str = "Enter") -> None:
    """Press Tab until the element with this name has the focus, and then a key."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if re.search(name, page.evaluate(FOCUSED)["name"]):
            page.keyboard.press(key)
            return
    raise AssertionError(f"{name} cannot be reached on {page.url}")


def test_secretary_hands_a_class_over_by_keyboard(visitor: Visitor) -> None:
    page, group = visitor.page, visitor.portal.class_group
    page.goto(visitor.portal.url)
    press_until(page, "^Aanmelden$")
    page.wait_for_url("**/authorize*")
    press_until(page, "Sam Secretaris")
    page.wait_for_url(f"{visitor.portal.url}/")
    press_until(page, "Naar overhandigen")
    page.wait_for_url("**/overhandigen?*")
    press_until(page, f"Noteer klas .?{group}")
    page.wait_for_url("**/overhandigen/klas*")
    press_until(page, "afgedrukt overhandigd")
    expect(page.get_by_role("status")).to_contain_text("genoteerd")
    press_until(page, "Maak ongedaan")
    expect(page.get_by_role("status")).to_contain_text("ongedaan gemaakt")
    press_until(page, "^Kies ", "Space")
    press_until(page, "digitaal overhandigd")
    expect(page.get_by_role("status")).to_contain_text("genoteerd")
    press_until(page, "Maak ongedaan")
    expect(page.get_by_role("status")).to_contain_text("ongedaan gemaakt")


def test_head_finds_a_fiche_by_keyboard(visitor: Visitor) -> None:
    page, group = visitor.page, visitor.portal.class_group
    visitor.sign_on("Dirk Directeur")
    press_until(page, "^Klassen$")
    page.wait_for_url("**/klassen")
    press_until(page, f"^{group}$")
    page.wait_for_url("**/klassen/klas*")
    press_until(page, "^Wie keek naar gegevens van")
    page.wait_for_url("**/wie-keek*")


@pytest.mark.parametrize("view", [*VIEWS, *DESK_VIEWS])
def test_tab_reaches_everything_with_visible_focus(visitor: Visitor, view: str) -> None:
    page = visitor.page
    visitor.open(view)
    expected: set[int] = set(page.evaluate(FOCUSABLE))
    reached: set[int] = set()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["isPage"] or (focused["key"] in reached and reached >= expected):
            break
        assert focused["isVisible"], focused["name"]
        reached.add(focused["key"])
    assert expected <= reached
