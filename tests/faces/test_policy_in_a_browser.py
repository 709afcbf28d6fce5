"""The policy in the console as people meet it: a real browser, a real server, with and without a script, en and fr."""

import io
import shutil
from pathlib import Path

import pytest
from docx import Document

from accessible import too_wide, violations
from console_visits import admit_all
from reviewed_documents import change, saved
from servers import free_port
from serving import serving, settle
from shop_project import make, opened
from troth.faces.console.desk import SESSION
from troth.ledger import accounts
from troth.outside import notice_word
from troth.policy import clause_text
from troth.wiring import now
from troth.work import draft_policy, review_document

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GROUP = Path(__file__).resolve().parents[2] / "examples" / "group"
LOCALES = {"en": "en-GB", "fr": "fr-CH"}
PAGES = ("/spring", "/spring/clause/7.1", "/spring/conflicts", "/spring/review")
"""Those that say here what they do not in the example, where `every_page` walks: a stale base, a proposal."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The policy of the example group with a draft whose base went stale, served."""
    folder = tmp_path_factory.mktemp("group")
    make(folder)
    for path in (*GROUP.glob("policy*.md"), *GROUP.glob("register/*.yaml")):
        shutil.copy(path, folder / path.relative_to(GROUP))
    (folder / "register" / "internal.yaml").unlink()
    for path in (folder / "stores").glob("*.yaml"):
        path.unlink()
    made = opened(folder, now)
    admit_all(made)
    draft = draft_policy.begin(made, "handler", "spring")
    value = {**clause_text.promise_value(draft.main, "7.1", "answer", ""), "extend_by": "1 month"}
    draft = draft_policy.write_promise(made, draft, "7.1", "answer", "", value, "handler")
    words = clause_text.prose(draft.main, "4") + "\n\nOne more sentence."
    draft = draft_policy.write_prose(made, draft, "policy.md", "4", words, "handler")
    draft_policy.comment(made, draft, "7", "Is that so?", "dpo")
    document = Document(io.BytesIO(notice_word.notice(made.written, "en")))
    change(document, "We collect personal data directly", "directly", "straight")
    review_document.propose(made, draft_policy.opened(made, "spring"), saved(document), "handler")
    path = folder / "policy.md"
    path.write_text(
        path.read_text("utf-8").replace("In this policy:", "In this policy, and only here:"), "utf-8"
    )
    folder_token = accounts.begin(made.ledger, "handler")
    made.ledger.close()
    port = free_port()
    settle(folder, port)
    with serving(folder, port=port) as running:
        running.folder, running.token = folder, folder_token
        yield running


@pytest.fixture
def visit(browser, server):
    """Open a browser that is signed in, which notes what it may not do."""
    contexts, noted = [], []

    def new(language="en", **more):
        context = browser.new_context(
            locale=LOCALES[language], base_url=server.url, viewport={"width": 1280, "height": 1000}, **more
        )
        context.add_cookies([{"name": SESSION, "value": server.token, "url": f"{server.url}/console"}])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on("console", lambda said: noted.append(said.text) if "Content Security" in said.text else None)
        return page

    yield new
    for context in contexts:
        context.close()
    assert noted == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_stale_draft_and_a_review_can_be_read_by_everybody(visit, language):
    page = visit(language)
    for path in PAGES:
        answer = page.goto(f"/console/policy{path}")
        assert answer.status == 200
        assert len(answer.body()) < 150_000, path
        assert violations(page) == [], path
        page.set_viewport_size({"width": 360, "height": 800})
        assert too_wide(page) == 0, path
        page.set_viewport_size({"width": 1280, "height": 1000})


def test_the_texts_of_a_clause_stand_side_by_side_where_there_is_room(visit):
    page = visit()
    page.goto("/console/policy/spring/clause/8")
    for width, beside in ((1280, True), (1100, True), (360, False)):
        page.set_viewport_size({"width": width, "height": 900})
        english, french = (page.locator(f"#prose-{one}").bounding_box() for one in ("en", "fr"))
        assert (french["x"] >= english["x"] + english["width"]) is beside, width
        assert (french["y"] >= english["y"] + english["height"]) is not beside, width
        assert too_wide(page) == 0, width


def test_words_are_set_by_the_toolbar_and_findings_are_told_while_one_writes(visit):
    page = visit()
    page.goto("/console/policy/spring/clause/8")
    area = page.locator("#prose-en")
    before = area.input_value()
    area.focus()
    area.evaluate("area => area.setSelectionRange(0, 3)")
    page.get_by_role("button", name="Bold").first.click()
    assert area.input_value() == f"**{before[:3]}**{before[3:]}"
    area.fill(before + "\n\nSee {{ answer.nothing }}.")
    page.locator("[data-findings]", has_text="nothing").wait_for()
    page.reload()
    assert area.input_value() == before


def test_a_promise_is_changed_without_a_script(visit, server):
    page = visit(java_script_enabled=False)
    page.goto("/console/policy/spring/clause/7.1")
    page.locator('input[name="answer::extend_by.number"]').fill("6")
    page.locator('select[name="answer::extend_by.unit"]').select_option("weeks")
    page.get_by_role("button", name="Save the promise").first.click()
    assert page.get_by_text("Saved in the draft.").is_visible()
    made = opened(server.folder, now)
    assert str(draft_policy.opened(made, "spring").loaded[0].answer.extend_by) == "6 weeks"
    made.ledger.close()
