"""Incidents, sweeps, consents, recipients and cookies of the console as staff meet them, in a real browser."""

import json
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from console_visits import admit_all
from reports import reported
from serving import free_port, serving, settle
from shop_project import make, with_old_messages
from troth import wiring
from troth.ledger import accounts
from troth.rules.disclosure import Disclosure
from troth.work import disclose, hold, incident, inspection, record_scan, sweep
from troth.work.record_consent import Asked, Choice, record_consent

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = (
    "/incidents?all=1", "/incidents/new", "/incidents/I-2026-001", "/incidents/I-2026-002",
    "/incidents/I-2026-001/notice", "/incidents/I-2026-001/people", "/incidents/I-2026-001/controllers",
    "/sweeps", "/sweeps/shop.message.customers", "/sweeps/holds?all=1", "/sweeps/holds/HOLD",
    "/consents", "/recipients", "/recipients/hosting", "/recipients/disclosures",
    "/cookies", "/cookies/scans", "/cookies/scans/SCAN",
    "", "/policy", "/policy/in.force/6.3", "/audit/inspections", "/audit/inspections/VISIT",
)  # fmt: skip
KILOBYTES_MAX = 150
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """A console that is served, with something on every page, and the session of a handler."""
    folder = tmp_path_factory.mktemp("shop")
    make(folder)
    with_old_messages(folder)
    port = free_port()
    settle(folder, port)
    project = wiring.open_project(folder)
    admit_all(project)
    _incidents(project)
    names = _others(project)
    token = accounts.begin(project.ledger, "handler")
    project.close()
    project.ledger.close()
    with serving(folder, "--no-worker", port=port) as running:
        yield running.url, token, names


def _incidents(project):
    numbers = [incident.report(project, "A disk is gone.", "intake").number for _ in range(2)]
    at = project.clock() - timedelta(hours=80)
    incident.certain(project, numbers[0], "Dana", at, "the log", "handler")
    incident.assess(
        project, numbers[0], "high", "many", "handler", types=["integrity"], people=3,
        told={"nature": "A list was read.", "measures": "Closed."},
    )  # fmt: skip


def _others(project):
    """Put something on the other pages; return the hold and the scan by the words they stand for."""
    ada = [("email", "ada@example.org")]
    sweep.look(project)
    sweep.mark(project, ["shop.message.customers"], staff="handler")
    review = project.clock().date() + timedelta(days=90)
    placed = hold.place(project, "a case", "our defence", review, "counsel", what=["shop.customer"])
    asked = Asked("paper", "en", texts={"newsletter": "0" * 64}, evidence="a form", age=40)
    record_consent(project, ada, [Choice("newsletter", "given", "email")], asked)
    made = Disclosure(
        "tax-office", ("order",), "accounts", project.clock().date(), {"legal_reference": "LPF Art. L81"}
    )
    disclose.disclose(project, ada, made, staff="handler")
    record_scan.record(project, reported(project, "visits"))
    event = record_scan.record(project, reported(project, "stranger"))
    visit = inspection.open_inspection(project, "CNIL", ["shop"], "counsel").number
    inspection.add_document(project, visit, "contract.txt", b"a contract", "point 3", "counsel")
    return {"VISIT": visit, "HOLD": placed.state["name"], "SCAN": event.id}


@pytest.fixture
def page(console, browser, request):
    """A page of somebody who is signed in; what it may not do is noted: load from elsewhere, break a rule, fail."""
    url, token, names = console
    language, noted = getattr(request, "param", "en"), []
    context = browser.new_context(
        locale={"en": "en-GB", "fr": "fr-CH"}[language], base_url=url, viewport={"width": 360, "height": 780}
    )
    context.add_cookies([{"name": "troth_console", "value": token, "url": f"{url}/console"}])
    made = context.new_page()
    made.set_default_timeout(20_000)
    made.on("pageerror", lambda error: noted.append(str(error)))
    made.on("console", lambda said: noted.append(said.text) if "Content Security" in said.text else None)
    made.on("request", lambda sent: None if sent.url.startswith(url) else noted.append(sent.url))
    made.names = names
    yield made
    context.close()
    assert noted == []


@pytest.mark.parametrize("page", ["en", "fr"], indirect=True)
def test_every_page_can_be_read_by_everybody_and_fits_a_telephone(page):
    wrong = []
    for path in PAGES:
        for word, name in page.names.items():
            path = path.replace(word, name)
        answer = page.goto(f"/console{path}", wait_until="domcontentloaded")
        assert answer.status == 200, path
        assert len(answer.body()) < KILOBYTES_MAX * 1024, path
        found = Axe().run(page, options=WCAG).response["violations"]
        wrong += [(path, one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]
        wide = page.evaluate("document.documentElement.scrollWidth")
        wrong += [(path, "wider than a telephone", wide)] if wide > 360 else []
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_answer_to_a_form_gives_its_table_away_in_the_link_itself(page):
    page.goto("/console/people")
    page.get_by_label("Kind").select_option("email")
    page.get_by_label("Identifier", exact=True).fill("ada@example.org")
    page.get_by_role("button", name="Look").first.click()
    with page.expect_download() as waited:
        page.get_by_role("link", name="CSV: ").click()
    assert waited.value.suggested_filename == "people-rows.csv"
    lines = waited.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) > 1
    assert any(line.startswith("shop.customer,") for line in lines)
