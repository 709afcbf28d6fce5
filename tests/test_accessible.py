"""The contrast of words is judged once for all that look alike, and no word that differs is passed by."""

from __future__ import annotations

import pytest

from accessible import ALIKE_MAX, violations

PAGE = """<!doctype html><html lang="en"><title>Words</title>
<style>body { background: #fff; color: #222 } .dark { background: #333 } .pale { opacity: 0.3 } small { font-size: 9px }
input::placeholder { color: #222 } .half { color: #808080; font-size: 30px } .half.small { font-size: 12px }
</style><main><h1>Words</h1>%s%s</main></html>"""
MANY = "".join(f"<p>The same words as before, number {n}.</p>" for n in range(2 * ALIKE_MAX))

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    "added",
    [
        '<p style="color: #bbb">Pale by themselves.</p>',
        '<p>A word <b style="color: #ccc">inside</b> others.</p>',
        '<div class="dark"><section><p>As the others, before another layer.</p></section></div>',
        '<div class="pale"><div><p>As the others, seen through.</p></div></div>',
        '<p class="half">Large enough.</p><p class="half small">Pale for their size.</p>',
        '<p><label>Name <input value="Ada" style="color: #ddd"></label></p>',
    ],
)
def test_a_word_that_is_hard_to_read_is_found_among_many_that_are_not(browser, added):
    page = browser.new_page()
    page.set_content(PAGE % (MANY, ""))
    assert violations(page) == []
    page.set_content(PAGE % (MANY, added))
    assert [rule for rule, _ in violations(page)] == ["color-contrast"]
    page.set_content(PAGE % (added, MANY))
    assert [rule for rule, _ in violations(page)] == ["color-contrast"]
    page.close()
