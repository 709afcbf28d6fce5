"""The notice is fit for everybody, in a real browser (WCAG 2.2 AA)."""

import pytest

from accessible import violations
from troth.policy.notice import render
from writing_policies import first_project, read

POLICY = read(first_project())


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(browser, language, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.set_content(render(POLICY, language, "html"))
    found = violations(page)
    page.close()
    assert found == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_but_tables_scrolls_sideways(browser, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_content(render(POLICY, "fr", "html"))
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.close()
    assert overflow == 0


@pytest.mark.browser
@pytest.mark.slow
def test_the_keyboard_skips_to_the_text(browser):
    page = browser.new_page()
    page.set_content(render(POLICY, "en", "html"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash || document.activeElement.id") in ("#text", "text")
    page.close()
