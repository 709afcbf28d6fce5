"""A request from receipt to close as staff live it: a real browser, a real server, real stores, in two languages."""

import sqlite3
from contextlib import closing

import pytest

import pictures
import story
from accessible import too_wide, violations
from console_visits import admit_all
from servers import free_port
from serving import serving, settle
from shop_project import make, opened, with_archived_orders
from troth.faces.console.desk import LANGUAGE, SESSION
from troth.ledger import accounts
from troth.wiring import now
from troth.work import sweep

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SWEPT = "shop.orders.orders"


@pytest.fixture(scope="module")
def office(tmp_path_factory, browser):
    """A server of a small shop, and a browser for each of its staff."""
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    make(folder)
    with_archived_orders(folder)
    settle(folder, port)
    project = opened(folder, now)
    admit_all(project)
    with serving(folder, "--no-worker", port=port) as server:
        made = Office(project, browser, server)
        yield made
        for context in made.contexts.values():
            context.close()
        assert made.noted == []
        assert "ada@example.org" not in server.log.read_text()
    project.close()
    project.ledger.close()


class Office:
    """The staff at their browsers; what `every_page` does not come by is looked at with axe and on a small screen."""

    def __init__(self, project, browser, server):
        self.project, self.browser, self.server = project, browser, server
        self.contexts, self.noted = {}, []

    def __call__(self, handle):
        """Return the page of one of the staff, who is signed in."""
        if handle not in self.contexts:
            context = self.browser.new_context(
                base_url=self.server.url, viewport={"width": 1280, "height": 900}
            )
            session = accounts.begin(self.project.ledger, handle)
            context.add_cookies(
                [{"name": SESSION, "value": session, "domain": "127.0.0.1", "path": "/console"}]
            )
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: self.noted.append(str(error)))
            page.on(
                "console",
                lambda said: self.noted.append(said.text) if "Content Security" in said.text else None,
            )
            self.contexts[handle] = context
        return self.contexts[handle].pages[0]

    def look(self, page, name, french=True):
        """See that a page is sound in English and in French, wide and narrow, and keep its picture."""
        address = page.url.split("?")[0]
        query = page.url.partition("?")[2]
        self._sound(page, f"{name}-en")
        if french:
            page.goto(f"{address}?{query}{'&' if query else ''}lang=fr")
            assert page.evaluate("document.documentElement.lang") == "fr"
            self._sound(page, f"{name}-fr")
            page.context.clear_cookies(name=LANGUAGE)
            page.goto(f"{address}?{query}")

    def _sound(self, page, name):
        pictures.keep(page, f"console-{name}")
        assert violations(page) == [], name
        page.set_viewport_size({"width": 360, "height": 800})
        assert too_wide(page) == 0, name
        page.set_viewport_size({"width": 1280, "height": 900})


def press(page, name):
    page.get_by_role("button", name=name, exact=True).first.click()


def test_an_erasure_from_receipt_to_close(office):
    project = office.project
    number = story.ask(project, "erase", wording="Please forget me.")
    page, reviewer, officer = office("handler"), office("reviewer"), office("dpo")

    page.goto("/console")
    page.get_by_role("link", name="All open requests").click()
    page.wait_for_url("**/console/requests**")
    for letter, address in (("t", "**/console"), ("r", "**/console/requests")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(address)
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Sweeps and holds").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/requests/{number}")

    officer.goto(f"/console/requests/{number}/do/advise?claim=c1")
    officer.get_by_label("The advice").fill("Nothing stands against it.")
    press(officer, "Advise")
    assert officer.get_by_role("link", name="Decide").count() == 0

    page.get_by_role("link", name="decide", exact=True).click()
    assert "Please forget me." in page.inner_text("main")
    page.get_by_label("Decision").select_option("grant")
    page.get_by_label("Ground", exact=True).select_option("a")
    press(page, "Decide")
    assert page.get_by_role("link", name="review the decision", exact=True).count() == 0

    reviewer.goto("/console/requests?waits=review")
    reviewer.get_by_role("link", name=number).click()
    reviewer.get_by_role("link", name="review the decision", exact=True).click()
    assert "Nothing stands against it." in reviewer.inner_text("main")
    press(reviewer, "Review the decision")

    page.reload()
    page.get_by_role("link", name="measure the plan", exact=True).click()
    press(page, "Measure the plan")
    office.look(page, "plan")
    press(page, "Masked rows of shop.customer")
    office.look(page, "rows", french=False)
    assert "xxx@xxxxxxx.xxx" in page.inner_text("main")

    reviewer.reload()
    reviewer.get_by_role("link", name="approve the plan", exact=True).click()
    press(reviewer, "Approve the plan")

    page.goto(f"/console/requests/{number}")
    press(page, "Carry on")
    if "/do/answer" not in page.url:  # it takes longer than a page waits
        page.get_by_role("link", name="Send the answer", exact=True).click()
    press(page, "Show the letter")
    office.look(page, "answer", french=False)
    press(page, "Send it")
    page.get_by_role("link", name="close it", exact=True).wait_for()
    with closing(sqlite3.connect(project.settings.folder / "shop.db")) as shop:
        assert shop.execute("SELECT email, name FROM customer WHERE id = 1").fetchall() == [(None, None)]
        assert shop.execute("SELECT count(*) FROM message WHERE customer_id = 1").fetchone() == (0,)
    office.look(page, "done")
    outbox = [one for one in (project.settings.folder / ".troth" / "outbox").rglob("*") if one.is_file()]
    to_her = [one for one in outbox if "To: ada@example.org" in one.read_text("utf-8", errors="replace")]
    assert len(to_her) == 2  # the acknowledgement and the answer; the third went to a recipient
    assert [(one["kind"], one["outcome"]) for one in story.state(project, number)["letters"]][-1] == (
        "done",
        "sent",
    )
    press(page, "Read what was said")
    office.look(page, "said", french=False)
    page.goto(f"/console/requests/{number}")
    page.get_by_role("link", name="close it", exact=True).click()
    press(page, "Close it")
    assert story.state(project, number)["status"] == "closed"


def test_keys_many_at_once_taking_in_finding_and_bringing_back_from_an_archive(office):
    page = office("handler")
    sweep.mark(office.project, [SWEPT], staff="handler")
    (done,) = sweep.act(office.project, [SWEPT])
    assert done.rows  # before Bob asks for anything, which would let them stay
    number = story.ask(office.project, "access", email="bob@example.org")
    page.goto(f"/console/requests/{number}")
    form = page.locator("form[action$='/dossier']")
    for ending in ("pdf", "json"):  # the page stays as it is, and its form can be sent once more
        with page.expect_download() as waited:
            form.locator(f"button[value={ending}]").click()
        assert waited.value.suggested_filename == f"{number}.{ending}"
        page.locator("form[action$='/dossier']:not([data-sent])").wait_for()
    page.goto("/console/requests")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "number"
    page.get_by_label("Tick every request").check()
    press(page, "Propose an extension")
    office.look(page, "bulk", french=False)
    page.goto("/console/requests/new")
    page.goto("/console/people")
    page.get_by_label("Identifier", exact=True).fill("bob@example.org")
    press(page, "Look")
    assert "shop.customer" in page.inner_text("main")
    office.look(page, "found", french=False)
    with page.expect_download() as waited:  # what a form answered is given away in the link itself
        page.get_by_role("link", name="CSV: ").click()
    assert waited.value.suggested_filename == "people-rows.csv"
    lines = waited.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) > 1
    assert any(line.startswith("shop.customer,") for line in lines)
    page.goto(f"/console/sweeps/{SWEPT}")
    page.get_by_role("link", name="Bring rows back from the archive").click()
    page.wait_for_url("**/archive")
    assert f"1 row of the run {done.run} is in archived_orders." in page.inner_text("main")
    office.look(page, "archive")
    page.get_by_label("Why").fill("They were moved too early.")
    press(page, "Bring them back")
    page.wait_for_url(f"**/{SWEPT}**")
    with closing(sqlite3.connect(office.project.settings.folder / "shop.db")) as shop:
        assert shop.execute(
            "SELECT count(*) FROM archived_orders WHERE put_by = ?", [done.run]
        ).fetchone() == (0,)
