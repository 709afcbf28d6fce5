"""Settings, stores, registers, audit and ledger of the console in a real browser: read by everybody, on a telephone."""

import json
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from console_visits import admit_all
from faces.test_console_shown_in_a_browser import KILOBYTES_MAX, WCAG
from serving import free_port, serving, settle
from shop_project import make
from troth import wiring
from troth.ledger import accounts, read, seal
from troth.work import action, admit
from troth.work.audit import audit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTH = 360
PAGES = {
    "admin": ("/settings", "/settings/staff/handler", "/settings/configuration", "/settings/health", "/account"),
    "auditor": (
        "/stores", "/stores/shop", "/stores/shop/check", "/stores/shop/picture", "/stores/shop/tables/message",
        "/registers", "/registers/processing", "/registers/recipients", "/registers/adoption",
        "/registers/actions", "/audit", "/audit/trend", "/audit/questions", "/audit/questions/times", "/audit/report",
        "/ledger", "/ledger/events", "/ledger/readings",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """A console that is served, with an audit and an action in it; what is asked for is where it is, and who is in."""
    folder = tmp_path_factory.mktemp("office")
    make(folder)
    port = free_port()
    settle(folder, port)
    toml = folder / "troth.toml"
    told = '\n[sign_in]\nissuer = "https://id.example"\nclient_id = "troth"\nclient_secret = "env:S"\n'
    toml.write_text(toml.read_text() + told)
    project = wiring.open_project(folder)
    admit_all(project)
    broken = next(one for one in audit(project) if one.word != "kept")
    about = action.About("promise", broken.promise)
    number = action.open_action(project, about, "head of product", _later(project), "handler").number
    seal.seal_all(project.ledger)
    ours = read.page(project.ledger, limit=1)[0][0][1].id
    link = admit.invite(project, "new.one", "New One", "new@staff.example", "admin")
    more = {
        "auditor": (f"/registers/actions/{number}", f"/ledger/events/{ours}"),
        "": ("/sign-in?told=told.out", urlsplit(link).path.removeprefix("/console")),
    }
    tokens = {handle: accounts.begin(project.ledger, handle) for handle in PAGES}
    project.close()
    project.ledger.close()
    with serving(folder, "--no-worker", port=port) as running:
        yield running.url, tokens, more


def _later(project):
    from datetime import timedelta

    return project.clock().date() + timedelta(days=20)


@pytest.mark.parametrize(("language", "colours"), [("en-GB", "light"), ("fr-CH", "dark")])
def test_every_page_can_be_read_by_everybody_and_fits_a_telephone(console, browser, language, colours):
    url, tokens, more = console
    wrong, noted = [], []
    for handle, pages in {**PAGES, "": ()}.items():
        context = browser.new_context(
            locale=language, base_url=url, viewport={"width": WIDTH, "height": 780}, color_scheme=colours
        )
        if handle:
            context.add_cookies(
                [
                    {
                        "name": "troth_console",
                        "value": tokens[handle],
                        "domain": "127.0.0.1",
                        "path": "/console",
                    }
                ]
            )
        page = context.new_page()
        page.on("console", lambda said: noted.append(said.text) if "Content Security" in said.text else None)
        page.on("pageerror", lambda error: noted.append(str(error)))
        for path in (*pages, *more.get(handle, ())):
            answer = page.goto(f"/console{path}", wait_until="domcontentloaded")
            assert answer.status == 200, path
            assert len(answer.body()) < KILOBYTES_MAX * 1024, path
            found = Axe().run(page, options=WCAG).response["violations"]
            wrong += [(path, one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]
            wide = page.evaluate("document.documentElement.scrollWidth")
            wrong += [(path, "wider than a telephone", wide)] if wide > WIDTH else []
        context.close()
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
    assert noted == []
