"""The banner as visitors meet it: a real browser, a real site with a strict policy of its own, en and fr."""

import json
import re
import time
import urllib.request
from dataclasses import replace

import pytest

from accessible import violations
from faces.banner_site import site
from troth.faces.banner.script import build
from troth.ledger import receipt
from troth.policy.promise import Cookie
from troth.rules.cookie import read_choice, table, write_choice

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAID = {
    "en": ("Accept all", "Reject all", "Choose", "Cookie choices", "Save my choice"),
    "fr": ("Tout accepter", "Tout refuser", "Choisir", "Choix des cookies", "Enregistrer mon choix"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def visit(browser, shop):
    """Open a browser of one's own, which notes what breaks a rule of the page."""
    contexts, noted = [], []

    def new(**more):
        context = browser.new_context(
            base_url=shop.url, **{"viewport": {"width": 1100, "height": 900}, **more}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on("console", lambda said: noted.append(said.text) if "Content Security" in said.text else None)
        return page

    shop.down = False
    shop.asked.clear()
    yield new
    for context in contexts:
        context.close()
    assert noted == []


def until(page, expression):
    """Wait for an expression to be true, asked from outside: the page's own rules forbid that it asks itself."""
    end = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


def cookies(page):
    return {one["name"]: one for one in page.context.cookies()}


def recorded(shop, page, least):
    """Wait until the site has recorded so many choices."""
    for _ in range(200):
        if len(shop.choices()) >= least:
            return shop.choices()[-1]
        page.wait_for_timeout(25)
    raise AssertionError("No choice was recorded.")


@pytest.mark.parametrize("language", SAID)
def test_it_asks_evenly_can_be_used_by_all_and_nothing_is_stored_or_fetched_before(visit, shop, language):
    page = visit()
    page.goto(f"/{language}")
    accept, refuse, choose, _, save = SAID[language]
    boxes = [page.get_by_role("button", name=name, exact=True) for name in (accept, refuse, choose)]
    sizes = {(box.bounding_box()["width"], box.bounding_box()["height"]) for box in boxes}
    looks = {
        box.evaluate("one => { const s = getComputedStyle(one); return [s.color, s.backgroundColor, s.font].join() }")
        for box in boxes
    }  # fmt: skip
    assert (len(sizes), len(looks)) == (1, 1)
    assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 480})  # where the words must be scrolled, no button is
    seen = [box.bounding_box() for box in boxes]
    assert len({(box["width"], box["height"]) for box in seen}) == 1
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= 480 for box in seen)
    assert cookies(page) == {}
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert not {"/tag.js", "/film"} & set(shop.asked)
    assert page.evaluate("before") == ["default denied"]
    page.keyboard.press("Tab")  # the link
    for name in (accept, refuse, choose):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == name
    page.keyboard.press("Enter")
    page.get_by_role("button", name=save, exact=True).wait_for()
    assert page.locator("input:checked:not(:disabled)").count() == 0  # Case C-673/17
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name=choose, exact=True).wait_for()
    assert cookies(page) == {}


LOOKS = """() => [...document.querySelectorAll("#troth-choices, #troth-choices *")].map((one) => {
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    return [one.tagName, box.x, box.y, box.width, box.height, ...[...style].map((name) => style[name])].join(" ");
})"""


def test_the_strictest_rules_and_the_worst_style_of_a_page_change_nothing_of_it(visit, shop):
    plain, strict = visit(), visit()
    plain.goto("/en")
    strict.goto("/strict")
    for _ in range(2):
        assert strict.evaluate(LOOKS) == plain.evaluate(LOOKS)
        for page in (plain, strict):
            page.get_by_role("button", name="Choose", exact=True).or_(page.locator("summary").first).click()
    assert strict.locator("iframe").is_visible() is False
    strict.get_by_role("button", name="Accept all").click()
    until(strict, "window.tagged && window.inline")
    assert "/planted.js" not in shop.asked  # no nonce: whoever put it there cannot run it through us


def test_a_choice_in_one_tab_holds_in_the_others_at_once(visit, shop):
    first = visit()
    first.goto("/en")
    second = first.context.new_page()
    second.goto("/en")
    first.get_by_role("button", name="Accept all").click()
    until(second, "window.tagged")
    assert second.get_by_role("dialog").count() == 0
    with second.expect_navigation():
        first.evaluate("troth.choose([])")
    assert second.evaluate("window.tagged") is None
    second.goto("/en")
    assert second.evaluate("[...dataLayer].map((one) => one[1] + ' ' + one[2].ad_storage)") == [
        "default denied", "update denied",
    ]  # fmt: skip


def test_a_yes_lets_what_waited_run_with_proof_and_a_withdrawal_clears_it_all(visit, shop):
    before = len(shop.choices())
    page = visit()
    page.goto("/en")
    page.get_by_role("button", name="Accept all").click()
    until(page, "window.tagged")
    given = recorded(shop, page, before + 1)
    choice = read_choice(cookies(page)["choice"]["value"].removesuffix(".u"))
    assert (given.facts["given"], given.facts["choices"]) == (
        "given", {"analytics": "given", "marketing": "given"},
    )  # fmt: skip
    assert given.stream == f"cookies/{choice.proof}"
    known = table(shop.project.policy.cookies)
    assert given.facts["table_sha256"] == known.sha256
    assert choice.imprints == {one for some in known.imprints.values() for one in some}
    script = build(shop.project.policy, "en", notice=f"{shop.project.settings.public_url}/notice/en")
    assert given.facts["interface_sha256"] == script.sha256
    assert {"visits", "hidden_1", "basket"} <= set(cookies(page))
    assert page.frame_locator("iframe").get_by_text("A film").is_visible()
    assert page.evaluate("dataLayer.length") == 2
    written = urllib.request.urlopen(f"{shop.url}/choices/receipt/{given.id}").read()
    assert receipt.verify(written).event.id == given.id

    page.goto("/en")
    until(page, "window.tagged && indexedDB.databases().then((all) => all.length === 1)")
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("button", name="Cookie choices").click()
    link = page.get_by_role("link", name="The receipt of your choice").get_attribute("href")
    written = urllib.request.urlopen(f"{shop.url}{link}").read()
    assert receipt.verify(written).event.id == given.id
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.get_by_role("button", name="Cookie choices").click()
        page.get_by_role("button", name="Reject all").click()
    taken = recorded(shop, page, before + 2)
    assert (taken.facts["given"], taken.stream) == ("withdrawn", given.stream)
    assert set(cookies(page)) == {"choice"}
    assert page.evaluate("localStorage.length") == 0
    until(page, "indexedDB.databases().then((all) => all.length === 0)")
    assert page.evaluate("window.tagged") is None
    assert read_choice(cookies(page)["choice"]["value"]).proof == ""


def test_a_no_names_nobody_and_is_not_asked_again(visit, shop):
    before = len(shop.choices())
    pages = [visit(), visit()]
    for page in pages:
        page.goto("/fr")
        page.get_by_role("button", name="Tout refuser").click()
    refused = [recorded(shop, pages[0], before + 2), shop.choices()[-2]]
    assert [one.facts["given"] for one in refused] == ["refused", "refused"]
    same = [{**one.facts, "chosen_at": ""} for one in refused]
    assert same[0] == same[1]
    assert all(re.fullmatch(r"cookies/refused-[\d-]{10}-[0-9a-f]", one.stream) for one in refused)
    told = json.dumps(dict(refused[0].facts))
    assert "Mozilla" not in told
    assert "127.0.0.1" not in told
    choice = read_choice(cookies(pages[0])["choice"]["value"].removesuffix(".u"))
    assert write_choice(replace(choice, unsent=False)).endswith("....")
    pages[0].goto("/fr")
    assert pages[0].get_by_role("dialog").count() == 0
    assert "/tag.js" not in shop.asked


def test_each_kind_is_chosen_apart_and_a_frame_may_be_loaded_once(visit, shop):
    page = visit()
    page.goto("/en")
    page.get_by_role("button", name="Choose").click()
    page.locator("input[value=a]").check()
    page.get_by_role("button", name="Save my choice").click()
    until(page, "window.tagged")
    assert "/film" not in shop.asked
    frame = "getComputedStyle(document.querySelector('.troth-held'))"
    assert page.evaluate(f"[{frame}.borderTopWidth, {frame}.paddingLeft]") == ["2px", "16px"]
    assert page.evaluate("[troth.allows('analytics'), troth.allows('marketing')]") == [True, False]
    page.get_by_role("button", name="Load it this once").click()
    page.frame_locator("iframe").get_by_text("A film").wait_for()
    assert page.evaluate("troth.allows('marketing')") is False


def test_a_browsers_signal_is_a_no_that_a_choice_overrides(visit, shop):
    said = json.loads(urllib.request.urlopen(f"{shop.url}/.well-known/gpc.json").read())
    assert said["gpc"] is True
    before = len(shop.choices())
    page = visit()
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page.goto("/en")
    page.get_by_role("button", name="Cookie choices").wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert (cookies(page), len(shop.choices())) == ({}, before)
    page.get_by_role("button", name="Cookie choices").click()
    assert page.get_by_text("Global Privacy Control").is_visible()
    page.get_by_role("button", name="Accept all").click()
    until(page, "window.tagged")
    assert recorded(shop, page, before + 1).facts["signal"] == "gpc"


def test_a_choice_holds_while_the_server_is_down_and_is_sent_later(visit, shop):
    before = len(shop.choices())
    shop.down = True
    page = visit()
    page.goto("/en")
    page.get_by_role("button", name="Accept all").click()
    until(page, "window.tagged")
    assert cookies(page)["choice"]["value"].endswith(".u")
    shop.down = False
    page.goto("/en")
    assert recorded(shop, page, before + 1).facts["method"] == "banner again"
    until(page, "!document.cookie.includes('.u')")


def test_a_withdrawal_while_the_server_is_down_reaches_the_ledger_under_the_name_of_its_yes(visit, shop):
    before = len(shop.choices())
    page = visit()
    page.goto("/en")
    page.get_by_role("button", name="Accept all").click()
    given = recorded(shop, page, before + 1)
    until(page, "window.tagged && !document.cookie.includes('.u')")
    shop.down = True
    with page.expect_navigation():
        page.evaluate("troth.choose([])")
    kept = cookies(page)["choice"]["value"]
    assert kept.endswith(f".u.am.{given.stream.removeprefix('cookies/')}")
    assert read_choice(kept).accepted == frozenset()
    page.evaluate("troth.choose([])")  # and once more, before anybody heard of it
    shop.down = False
    page.goto("/en")
    taken = recorded(shop, page, before + 2)
    assert (taken.facts["given"], taken.stream) == ("withdrawn", given.stream)
    assert taken.facts["choices"] == {"analytics": "withdrawn", "marketing": "withdrawn"}
    until(page, "!document.cookie.includes('.u')")
    assert cookies(page)["choice"]["value"].endswith("....")


def test_an_answer_that_comes_late_says_nothing_of_a_choice_made_meanwhile(visit, shop):
    page, waiting = visit(), []
    page.route("**/choices/record", lambda route: waiting.append(route) if not waiting else route.abort())
    page.goto("/en")
    page.evaluate("troth.choose(['marketing'])")
    page.evaluate("troth.choose(['marketing', 'analytics'])")
    with page.expect_response("**/choices/record"):
        waiting[0].continue_()
    page.wait_for_timeout(200)
    kept = cookies(page)["choice"]["value"]
    assert read_choice(kept).accepted == {"analytics", "marketing"}
    assert read_choice(kept).unsent


WRONG = """<!doctype html><html lang="en"><head><title>A shop</title><script src="/choices/banner.en.js"></script>
<script src="/early.js"></script>
<script type="text/plain" data-choice="nothing" data-src="/planted.js"></script></head><body><main><h1>A shop</h1>
<iframe data-choice="marketing" data-src="http://["></iframe><iframe data-choice="marketing"></iframe>
<iframe title="A film" data-choice="marketing" data-src="/film"></iframe></main></body></html>"""


def test_a_page_that_is_written_wrongly_or_asks_too_early_does_not_stop_the_banner(visit, shop):
    page = visit()
    shop.pages["/wrong"] = WRONG
    shop.scripts["early"] = b"troth.open();"
    page.goto("/wrong")
    page.get_by_role("dialog", name="Your choices about cookies").wait_for()
    assert page.get_by_role("button", name="Load it this once").last.is_visible()
    shop.scripts["early"] = b"troth.choose(['marketing']);"
    page.goto("/wrong")
    page.frame_locator("iframe[title='A film']").get_by_text("A film").wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert "/planted.js" not in shop.asked


def test_where_the_browser_stores_nothing_a_choice_holds_for_the_page(visit, shop):
    page = visit()
    shut = "Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set: () => undefined});"
    shut += "for (const one of ['localStorage', 'sessionStorage']) Object.defineProperty(window, one, "
    shut += "{get() { throw new DOMException('shut', 'SecurityError'); }});"
    shut += "indexedDB.databases = () => Promise.reject(new DOMException('shut', 'SecurityError'));"
    page.add_init_script(shut)
    page.route("**/tag.js", lambda route: route.abort())  # it would throw, being no part of the banner
    page.goto("/en")
    page.get_by_role("button", name="Reject all").click()
    page.get_by_role("button", name="Cookie choices").click()
    page.get_by_role("button", name="Accept all").click()
    page.frame_locator("iframe").get_by_text("A film").wait_for()
    assert page.evaluate("troth.allows('marketing')")
    page.goto("/en")
    page.get_by_role("button", name="Reject all").wait_for()


def test_only_a_material_change_of_what_was_accepted_asks_again(visit, shop):
    policy = shop.project.policy
    row = Cookie(name="new", party="first", category="analytics", lifetime=policy.cookies.table[-1].lifetime)
    for category, asked in (("analytics", 1), ("marketing", 0)):
        rows = (*policy.cookies.table, replace(row, category=category))
        changed = _with(policy, replace(policy.cookies, table=rows))
        shop.scripts["changed"] = build(changed, "en").written
        page = visit()
        page.goto("/en")
        page.evaluate("troth.choose(['analytics'])")
        page.goto("/changed")
        assert page.get_by_role("dialog").count() == asked
        assert page.evaluate("troth.allows('analytics')") is (asked == 0)


def _with(policy, cookies):
    promises = {name: cookies if type(one) is type(cookies) else one for name, one in policy.promises.items()}
    return replace(policy, promises=promises)


@pytest.mark.parametrize("language", SAID)
def test_programs_that_refuse_for_people_refuse_here(visit, shop, language):
    import duckduckgo_autoconsent as consent

    page, heard = visit(), []
    rules = json.loads(consent.rules_json())

    def message(source, told):
        heard.append(told)
        frame = source["frame"]
        if told["type"] == "init":
            config = {
                "enabled": True, "autoAction": "optOut", "disabledCmps": [], "enablePrehide": False,
                "enableCosmeticRules": False, "enableGeneratedRules": True, "enableHeuristicDetection": True,
                "heuristicMode": "reject", "detectRetries": 20, "isMainWorld": False,
                "enableFilterList": False, "logs": {},
            }  # fmt: skip
            sent = json.dumps({"type": "initResp", "config": config, "rules": rules})
            frame.evaluate(f"void autoconsentReceiveMessage({sent})")
        if told["type"] == "eval":
            sent = json.dumps(
                {"type": "evalResp", "id": told["id"], "result": bool(frame.evaluate(told["code"]))}
            )
            frame.evaluate(f"void autoconsentReceiveMessage({sent})")

    page.expose_binding("autoconsentSendMessage", message)
    page.add_init_script(consent.bundle())
    page.goto(f"/{language}")
    for _ in range(200):
        if any(told["type"] in ("optOutResult", "autoconsentDone") for told in heard):
            break
        page.wait_for_timeout(50)
    until(page, "document.cookie.includes('choice=')")
    assert read_choice(cookies(page)["choice"]["value"].removesuffix(".u")).accepted == frozenset()
