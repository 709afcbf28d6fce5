"""The owner of a manual store answers in a real browser, without an account and without JavaScript."""

import pytest

import pictures
import story
from accessible import too_wide, violations
from naming import names
from servers import free_port
from serving import serving, settle
from shop_project import make, opened
from troth.ledger import vault
from troth.wiring import now
from troth.work import carry_on, decide, task

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MAP = """
store: mailboxes
kind: manual
what: {en: the mailboxes of sales, fr: les boîtes aux lettres des ventes}
owner: {name: Jo Doe, email: jo@company.example}
"""


@pytest.fixture
def project(tmp_path):
    make(tmp_path)
    (tmp_path / "stores" / "mailboxes.yaml").write_text(MAP, encoding="utf-8")
    made = opened(tmp_path, now)
    yield made
    made.close()
    made.ledger.close()


@pytest.mark.parametrize(
    ("language", "found", "name", "send", "thanks"),
    [
        ("en", "I found something", "Your name", "Attest and send", "Thank you"),
        ("fr", "J’ai trouvé quelque chose", "Votre nom", "Attester et envoyer", "Merci"),
    ],
)
def test_an_owner_answers_and_the_page_is_closed(project, browser, language, found, name, send, thanks):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    ident = f"{number}.c1.mailboxes"
    folder, port = project.settings.folder, free_port()
    settle(folder, port)
    with serving(folder, "--no-worker", port=port) as server:
        link = f"{server.url}/task/{task.token(project, ident)}?lang={language}"
        looked = browser.new_context(viewport={"width": 360, "height": 800})
        page = looked.new_page()
        page.goto(link)
        assert page.evaluate("document.documentElement.lang") == language
        pictures.keep(page, f"pages/task-{language}")
        assert violations(page) == []
        assert too_wide(page) == 0
        looked.close()
        plain = browser.new_context(java_script_enabled=False)
        page = plain.new_page()
        page.set_default_timeout(6_000)
        page.goto(link)
        assert "ada@example.org" in page.inner_text("main")
        page.get_by_label(found).check()
        page.set_input_files(
            "#files",
            [{"name": "Ada’s mail.eml", "mimeType": "message/rfc822", "buffer": b"\x00\r\n--x"}],
        )
        page.get_by_label(name).fill("Jo Doe")
        page.get_by_role("button", name=send).click()
        assert page.inner_text("h1") == thanks
        assert page.goto(link).status == 404
        plain.close()
        assert not names(server.log.read_text(), "Ada")
    told = task.by_id(project, ident).told
    assert (told["state"], told["channel"]) == ("done", "link")
    ((kept, _, _),) = told["files"]
    assert b"".join(vault.get_chunks(project.ledger, kept)) == b"\x00\r\n--x"
