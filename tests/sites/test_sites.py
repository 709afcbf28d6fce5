"""The sites do what their truth says: looked at with a browser alone, by somebody who knows where the buttons are."""

import json
import shutil
import time

import pytest

from sites.banners import WAYS, banners
from sites.shop import PAGES, shop
from sites.truth import read, truth

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STORAGE = """async () => ({
    local_storage: Object.keys(localStorage), session_storage: Object.keys(sessionStorage),
    indexed_db: (await indexedDB.databases()).map((one) => one.name),
})"""
FLEETING = {"probe"}
BROWSERS_KEEP_DAYS = 400


@pytest.fixture(scope="module")
def lenient(browser, tmp_path_factory):
    """A browser that keeps third parties' cookies, as this one does not by itself."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "Default").mkdir()
    settings = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    (folder / "Default" / "Preferences").write_text(json.dumps(settings))
    first = browser.browser_type.launch_persistent_context(
        str(folder),
        executable_path=shutil.which("chromium"),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-blink-features=AutomationControlled",
        ],
    )
    yield first.browser
    first.close()


@pytest.fixture
def page(lenient):
    context = lenient.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def served():
    with shop() as sites:
        yield sites


def expected(of, state):
    return {(one.host, one.kind, one.name) for one in truth(of) if state in one.states} - {
        ("localhost", "cookie", name) for name in FLEETING
    }


def there(page):
    """Everything that is on the device now, as far as this page and its frames can see it."""
    found = {(one["domain"], "cookie", one["name"]) for one in page.context.cookies()}
    for frame in page.frames:
        if frame.url.startswith("http"):
            host = frame.url.split("//")[1].split(":")[0]
            for kind, names in frame.evaluate(STORAGE).items():
                found |= {(host, kind, name) for name in names}
    return found


def become(page, url, state):
    page.goto(url)
    if state == "before":
        return
    page.get_by_role("button", name="Reject all" if state == "refused" else "Accept all").click()
    if state == "withdrawn":
        page.frame_locator("iframe[title='An ad']").locator("html").wait_for(state="attached")
        page.get_by_role("button", name="Cookie settings").click()
        page.get_by_role("button", name="Reject all").click()


def stay_until(page, seen):
    """Stay on the page until something was seen, for ten seconds at most."""
    until = time.monotonic() + 10
    while not seen() and time.monotonic() < until:
        page.wait_for_timeout(50)


@pytest.mark.parametrize("state", ["before", "accepted", "refused", "withdrawn"])
def test_the_shop_writes_what_its_truth_says_and_nothing_more(page, served, state):
    page.clock.install()
    become(page, served["first"].url, state)
    page.clock.run_for(46_000)
    for path in (*PAGES[1:-1], "/go", "/"):
        page.goto(served["first"].url + path, wait_until="load")
        if path == "/shop":  # what a worker fetches there ends with its page
            stay_until(page, lambda: any(one["name"] == "from_worker" for one in page.context.cookies()))
        if path == "/blog":  # and so does a database that is not made yet
            stay_until(page, lambda: any(name == "cache" for _, _, name in there(page)))
    until = time.monotonic() + 10
    while (seen := there(page)) != expected("shop", state) and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert seen == expected("shop", state)
    kept = {one["name"]: one["expires"] for one in page.context.cookies()}
    for one in truth("shop"):
        if one.kind == "cookie" and state in one.states and one.name not in FLEETING:
            days = max(kept[one.name] - time.time(), 0) / 86_400
            assert days == pytest.approx(min(one.days, BROWSERS_KEEP_DAYS), abs=0.01), one.name


def test_a_browser_that_keeps_no_third_partys_cookies_shows_less(browser, served):
    context = browser.new_context()
    page = context.new_page()
    page.goto(served["first"].url)
    page.frame_locator("iframe[title='A partner']").frame_locator("iframe").locator("html").wait_for(
        state="attached"
    )
    kept = {one["name"] for one in context.cookies()}
    context.close()
    assert "_ga" in kept
    assert not kept & {"tp_http", "tp_px", "tp_js"}


def test_the_truth_of_what_is_wrong_is_about_what_is_there():
    names = {one.name for one in truth("shop")} | {"collect", "ghost"}
    assert set().union(*read()["wrong"].values()) <= names


SAID = {
    "plain": ("Accept all", "Reject all"), "french": ("Tout accepter", "Continuer sans accepter"),
    "german": ("Alle akzeptieren", "Alle ablehnen"), "shy": ("Allow all", "Only necessary"),
    "two_layers": ("Accept all", "Manage options", "Reject all"), "shadow": ("Accept all", "Decline"),
    "ticked": ("I agree", "Cookie preferences", "Advertising", "Save my choices"),
    "framed": ("Accept all", "Reject all"), "framed_elsewhere": ("Accept all", "Reject all"),
    "fading": ("Accept", "Decline"),
    "late": ("Accept", "Reject"), "native": ("Yes, I accept", "No, thanks"), "ours": ("Jes, ĉion", "Ne, nenion"),
}  # fmt: skip


def press(page, words):
    for word in words:
        place = page.frame_locator("iframe.asks") if page.locator("iframe.asks").count() else page
        place.get_by_text(word, exact=True).locator("visible=true").click()


def chosen(page, accepted):
    """Wait until the site remembers this choice (None for none), and return the cookies that are there then."""
    page.wait_for_function(
        """(yes) => document.cookie.includes("wanted=") === (yes === true)
            && document.cookie.includes("choice=") === (yes !== null)""",
        arg=accepted,
    )
    return {("localhost", "cookie", one["name"]) for one in page.context.cookies()}


def test_every_site_that_asks_keeps_to_what_was_said(page):
    assert set(SAID) == {*WAYS, "ours"}
    page.clock.install()
    with banners() as sites:
        for name, (yes, *no) in SAID.items():
            page.context.clear_cookies()
            page.goto(sites[name].url)
            assert chosen(page, None) == expected("banners", "before"), name
            page.clock.run_for(2_500)
            press(page, [yes])
            assert chosen(page, True) == expected("banners", "accepted"), name
            again = {
                "french": "Gérer mes cookies",
                "german": "Cookie-Einstellungen",
                "ours": "Miaj elektoj",
            }
            page.get_by_text(again.get(name, "Cookie settings"), exact=True).click()
            press(page, no)
            assert chosen(page, False) == expected("banners", "withdrawn"), name
