"""The portal as people meet it: a real browser, a real server, a real mailbox, en and fr."""

import email
import email.policy
import io
import re
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

import pictures
import story
from accessible import too_wide, violations
from faces.banner_site import MORE, TABLE
from servers import free_port
from serving import serving, settle
from shop_project import make, opened
from troth.faces.portal import session
from troth.ledger import read, receipt, seal
from troth.wiring import now
from troth.work import ask as asking
from troth.work import build_package, decide, message_link, request_file
from versions import SHORTER, publish, write_next

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOCALES = {"en": "en-GB", "fr": "fr-CH"}
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="18" fill="#b8860b"/>
<path d="M12 26 20 10l8 16z" fill="#fff"/></svg>"""


@dataclass(frozen=True)
class Said:
    """What the pages say, for those who look for it."""

    ask: str
    access: str
    erase: str
    email: str
    send: str
    ours: str
    code: str
    confirm: str
    again: str
    confirmed: str
    wrong: str
    sent: str
    ready: str
    download: str
    missing: str
    nothing: str
    answered: str
    wrote: str


SAID = {
    "en": Said("Make a request", "A copy of my data", "The erasure of my data", "Your e-mail address",
               "Send the request", "We have your request", "Code", "Confirm", "Send me a new code",
               "Your address is confirmed", "That is not the code", "A new code is on its way",
               "Your answer is ready", "Download the answer", "Something is missing", "There is nothing here",
               "Answered", "Messages"),
    "fr": Said("Faire une demande", "Une copie de mes données", "L’effacement de mes données",
               "Votre adresse électronique", "Envoyer la demande", "Nous avons votre demande", "Code", "Confirmer",
               "M’envoyer un nouveau code", "Votre adresse est confirmée", "Ce n’est pas le code",
               "Un nouveau code est en route", "Votre réponse est prête", "Télécharger la réponse",
               "Il manque quelque chose", "Il n’y a rien ici", "Répondue", "Messages"),
}  # fmt: skip


class Mailbox:
    """Keeps every letter a real mail server took, the oldest first."""

    def __init__(self):
        self.letters = []

    async def handle_DATA(self, server, session, envelope):
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    def to(self, address):
        return [letter for letter in self.letters if letter["To"] == address]

    def code(self, address, after=0):
        """Return the newest code sent to an address, once there are more than `after` of them."""
        for _ in range(200):
            texts = [letter.get_body(("plain",)).get_content() for letter in self.to(address)]
            codes = [found[0] for text in texts if (found := re.search(r"\b\d{8}\b", text))]
            if len(codes) > after:
                return codes[-1]
            time.sleep(0.05)
        raise AssertionError(f"No code came for {address}.")


@pytest.fixture(scope="module")
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.url = f"smtp://127.0.0.1:{controller.port}"
    yield box
    controller.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory, mailbox):
    folder = tmp_path_factory.mktemp("shop")
    make(folder)
    file = folder / "policy.md"
    file.write_text(file.read_text("utf-8").replace(TABLE, TABLE + MORE), "utf-8")
    (folder / "logo.svg").write_text(LOGO, "utf-8")
    port = free_port()
    settle(folder, port, mailbox.url)
    with (folder / "troth.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[look]\nlogo = "logo.svg"\naccent = "#7a1f5c"\naccent_dark = "#e9a6d3"\n')
    before = opened(folder, now)
    publish(before)
    before.close()
    before.ledger.close()
    write_next(folder, "0.2.0", now().date().isoformat(), SHORTER)
    staff = opened(folder, now)  # what staff do, in this process: the ledger is one
    publish(staff)
    with serving(folder, "--proxy", "127.0.0.1", port=port) as running:
        running.folder, running.staff = folder, staff
        yield running
        staff.close()
        staff.ledger.close()
        log = running.log.read_text()
        for kept_out in ("example.org", "Ada", "Traceback"):
            assert kept_out not in log


@pytest.fixture
def visit(browser, server, request):
    """Open a browser of one's own, which notes what it may not do: load from elsewhere, break a rule, fail."""
    contexts, noted = [], []
    address = f"203.0.113.{abs(hash(request.node.name)) % 250 + 1}"  # each test is another visitor

    def new(language="en", **more):
        options = {"viewport": {"width": 1100, "height": 900}, **more}
        context = browser.new_context(
            locale=LOCALES[language], base_url=server.url, extra_http_headers={"X-Forwarded-For": address},
            **options,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on("dialog", lambda dialog: (noted.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: noted.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda sent: None if sent.url.startswith(server.url) else noted.append(sent.url))
        return page

    yield new
    for context in contexts:
        context.close()
    assert noted == []


def ask(page, language, address, *rights, name="", wording=""):
    said = SAID[language]
    page.goto("/ask")
    for right in rights:
        page.get_by_label(getattr(said, right)).check()
    page.get_by_label(said.email).fill(address)
    if name:
        page.locator("#name").fill(name)
    if wording:
        page.locator("#wording").fill(wording)
    page.get_by_role("button", name=said.send).click()
    page.wait_for_url("**/follow/**")
    return re.search(r"/follow/(\d{4}-\d+)-", page.url)[1]


def confirm(page, language, code):
    page.get_by_label(SAID[language].code, exact=True).fill(code)
    page.get_by_role("button", name=SAID[language].confirm, exact=True).click()


def until_shown(page, text, seconds=30):
    """Load the page again until it shows this, as somebody does who waits for an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page.goto(page.url.partition("?")[0])
        if page.get_by_text(text).count():
            return
        time.sleep(0.3)
    raise AssertionError(f"{text!r} was not shown within {seconds} seconds: {page.inner_text('main')}")


def until_happened(staff, number, what, seconds=30):
    end = time.monotonic() + seconds
    while what not in story.kinds(staff, number):
        assert time.monotonic() < end, story.kinds(staff, number)
        time.sleep(0.1)


def fit(page, name=""):
    """Hold a page to the Web Content Accessibility Guidelines, and to the width of its window."""
    if name:
        pictures.keep(page, f"portal/{name}")
    assert violations(page) == []
    assert too_wide(page) == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_access_from_asking_to_the_answer(visit, server, mailbox, language):
    said, address = SAID[language], f"ada+{language}@example.org"
    page = visit(language)
    page.goto("/")
    page.get_by_role("link", name=said.ask).first.click()
    number = ask(page, language, address, "access", name="Ada", wording="Where did you get my address?")
    assert said.ours in page.inner_text("main")
    assert page.context.cookies() == []
    confirm(page, language, mailbox.code(address))
    page.get_by_text(said.confirmed).wait_for()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/follow")
    assert page.get_by_text(said.ready).count() == 0

    decide.decide(server.staff, number, "c1", "grant", "marie")
    until_happened(server.staff, number, "package_built")
    looked = b"".join(build_package.open_package(server.staff, number, "c1", "marie"))
    build_package.release(server.staff, number, "c1", staff="marie")
    until_shown(page, said.ready)

    taken = []
    for _ in range(2):
        with page.expect_download() as download:
            page.get_by_role("button", name=said.download).click()
        assert download.value.suggested_filename == f"answer-{number}.zip"
        taken.append(Path(download.value.path()).read_bytes())
    assert taken[0] == taken[1] == looked
    with zipfile.ZipFile(io.BytesIO(taken[0])) as archive:
        assert archive.testzip() is None
        assert f'<html lang="{language}"' in archive.read("index.html").decode()
    assert said.wrote in page.inner_text("main")
    assert "Where did you get my address?" in page.inner_text(".thread .theirs")
    assert number in page.inner_text(".thread .ours:last-child .letter")
    fit(page, f"answered-{language}-light-1100")
    followed = page.url
    for letter in mailbox.to(address):
        assert letter["Content-Language"] == language
    assert followed.partition("?")[0] in mailbox.to(address)[0].get_body(("plain",)).get_content().replace(
        "=\n", ""
    )
    # The address alone opens nothing: a GET fetches no answer, a stranger sees no letter.
    assert page.request.get(f"{followed}/answer").status == 405
    stranger = visit(language)
    stranger.goto(followed)
    assert stranger.get_by_role("heading", name=said.wrote).count() == 0
    assert stranger.locator(".thread").count() == 0
    assert stranger.get_by_text(said.ready).count() == 0
    assert stranger.request.post(f"{followed}/answer").status == 403
    assert stranger.context.cookies() == []


@pytest.mark.parametrize(("language", "address"), [("en", "bob@example.org"), ("fr", "eve@example.org")])
def test_erasure_from_asking_to_the_letter(visit, server, mailbox, language, address):
    said = SAID[language]
    page = visit(language, viewport={"width": 360, "height": 740})
    number = ask(page, language, address, "erase")
    confirm(page, language, mailbox.code(address))
    page.get_by_text(said.confirmed).wait_for()
    story.grant_erasure(server.staff, number)
    until_shown(page, said.answered)
    last = mailbox.to(address)[-1].get_body(("plain",)).get_content()
    assert number in last
    found = page.locator(".letter").last
    assert found.is_visible()
    assert number in found.inner_text()


def test_a_wrong_code_then_an_old_one_then_the_right_one(visit, mailbox):
    page = visit()
    ask(page, "en", "carol@example.org", "access")
    first = mailbox.code("carol@example.org")
    confirm(page, "en", "12345678" if first != "12345678" else "87654321")
    page.get_by_text(SAID["en"].wrong).wait_for()
    fit(page)
    page.get_by_role("button", name=SAID["en"].again).click()
    page.get_by_text(SAID["en"].sent).wait_for()
    second = mailbox.code("carol@example.org", after=1)
    confirm(page, "en", first)
    page.get_by_text(SAID["en"].wrong).wait_for()
    assert page.context.cookies() == []
    confirm(page, "en", f" {second[:4]} {second[4:]} ")  # as some programs copy it
    page.get_by_text(SAID["en"].confirmed).wait_for()


def test_a_guessed_address_is_no_page(visit):
    page = visit()
    number = ask(page, "en", "dan@example.org", "access")
    stranger = visit("fr")
    for guess in (
        number,
        f"{number}-",
        f"{number}-aaaaaaaaaaaaaaaaaaaaaaaa",
        "2026-9999-aaaaaaaaaaaaaaaaaaaaaaaa",
    ):
        assert stranger.goto(f"/follow/{guess}").status == 404
        assert SAID["fr"].nothing in stranger.inner_text("h1")


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}{% raw %}\u202e\u0000💥" + "ḱ" * 150
)


def test_hostile_words_are_only_words(visit, server, mailbox):
    language = "fr"  # whose words are the longer
    page = visit(language, viewport={"width": 360, "height": 740})
    address = f"mallory.{language}@example.org"
    number = ask(page, language, address, "access", "erase", name=HOSTILE[:200], wording=HOSTILE * 30)
    confirm(page, language, mailbox.code(address))
    page.get_by_text(SAID[language].confirmed).wait_for()
    for summary in page.locator("details summary").all():
        summary.click()
    fit(page)
    assert "script" not in str(story.state(server.staff, number))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_form_with_mistakes_says_which_and_keeps_what_was_typed(visit, language):
    said = SAID[language]
    page = visit(language, viewport={"width": 360, "height": 740})
    page.goto("/ask")
    page.get_by_label(said.email).fill("x" * 300 + "<b>")
    page.locator("#wording").fill("keep me")
    page.get_by_role("button", name=said.send).click()
    page.get_by_text(said.missing).wait_for()
    assert page.locator("#wording").input_value() == "keep me"
    assert page.get_by_label(said.email).get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.title").startswith(("Error", "Erreur"))
    fit(page)
    page.locator("#wrong a").last.click()
    assert page.evaluate("location.hash") == "#email"


@pytest.mark.parametrize(("language", "colours"), [("en", "light"), ("fr", "dark")])
def test_who_is_asked_for_a_document_is_told_in_colours_of_the_organisation(visit, server, language, colours):
    """What the example has not, where `every_page` walks: a doubt about who somebody is, and another brand."""
    staff = server.staff
    number = story.ask(staff, "access", "erase", wording="I moved to Metz.\n\nPlease look there too.")
    asking.ask(staff, number, "identity", "marie", doubt="two", asked="a card", enough="it names you")
    page = visit(language, color_scheme=colours)
    page.context.add_cookies(
        [{"name": session.NAME, "value": session.issue(staff, number), "url": server.url}]
    )
    page.goto(f"/follow/{request_file.token(staff, number)}")
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    fit(page, f"asked-{language}-{colours}-1100")
    page.set_viewport_size({"width": 360, "height": 740})
    assert too_wide(page) == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_on_paper_the_notice_is_black_on_white_without_what_leads_elsewhere(visit, language):
    page = visit(language, viewport={"width": 794, "height": 1123})
    page.goto("/notice")
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("header.top nav").first.is_visible()
    assert not page.locator("footer.end").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    pictures.keep(page, f"portal/printed-{language}")


def test_the_keyboard_is_enough(visit, mailbox):
    page = visit()
    page.goto("/ask")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")

    def reach(selector):
        for _ in range(40):
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert ring == "solid", f"nobody sees where {selector} is"
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"The keyboard never reaches {selector}.")

    reach("#right-access")
    page.keyboard.press("Space")
    reach("#email")
    page.keyboard.type("kim@example.org")
    page.keyboard.press("Enter")
    page.wait_for_url("**/follow/**")
    reach("#code")
    page.keyboard.type(mailbox.code("kim@example.org"))
    page.keyboard.press("Enter")
    page.get_by_text(SAID["en"].confirmed).wait_for()
    reach("details:has(form[action*=withdraw]) summary")
    page.keyboard.press("Enter")
    reach("form[action*=withdraw] button")
    page.keyboard.press("Enter")
    page.get_by_text("Your request is withdrawn").wait_for()


def test_the_language_is_chosen_and_stays(visit, mailbox):
    page = visit("en")
    page.goto("/")
    page.get_by_role("link", name="Français").click()
    page.locator("html[lang=fr]").wait_for(state="attached")
    page.get_by_role("link", name=SAID["fr"].ask).first.click()
    page.get_by_label(SAID["fr"].access).check()
    page.get_by_label(SAID["fr"].email).fill("lea@example.org")
    page.get_by_role("button", name=SAID["fr"].send).click()
    page.get_by_text(SAID["fr"].ours).wait_for()
    assert mailbox.to("lea@example.org")[0]["Content-Language"] == "fr"
    page.get_by_role("link", name="English").click()
    page.get_by_text("Where it stands").wait_for()


def test_every_answer_carries_the_headers_that_guard_it(visit, server):
    page = visit()
    for path, status in (("/", 200), ("/ask", 200), ("/notice", 200), ("/health", 200), ("/no", 404),
                         ("/static/portal.css", 200), ("/follow/2026-0001-x", 404)):  # fmt: skip
        answer = page.request.get(path)
        assert answer.status == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("language", "stop", "stopped", "mine"),
    [
        ("en", "Stop them", "They are stopped", "See and change each of my preferences"),
        ("fr", "Y mettre fin", "C’est terminé", "Voir et modifier chacune de mes préférences"),
    ],
)
def test_the_link_of_a_message_stops_it_by_one_click_without_javascript(
    visit, server, language, stop, stopped, mine
):
    address = f"list+{language}@example.org"
    link = f"/unsubscribe/{message_link.stop_token(server.staff, address, 'newsletter')}"
    page = visit(language, java_script_enabled=False)
    page.goto(link)
    page.get_by_role("button", name=stop, exact=True).click()
    page.get_by_role("heading", name=stopped).wait_for()
    page.goto(link)
    page.get_by_role("link", name=mine).click()
    assert "/preferences/" in page.url


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Send me a code", "Show my preferences", "Yes, you may", "your yes is recorded", "Stop this")),
        ("fr", ("M’envoyer un code", "Voir mes préférences", "Oui, vous pouvez", "votre accord est enregistré",
                "Y mettre fin")),
    ],
)  # fmt: skip
def test_preferences_are_given_and_taken_back_by_one_click_each(visit, server, mailbox, language, words):
    send, show, give, given, stop = words
    address = f"prefs+{language}@example.org"
    page = visit(language)
    page.goto("/preferences")
    page.get_by_label(SAID[language].email).fill(address)
    page.get_by_role("button", name=send).click()
    page.get_by_label(SAID[language].code, exact=True).fill(mailbox.code(address))
    fit(page)
    page.get_by_role("button", name=show).click()
    (audience,) = page.locator("section.card", has=page.locator("#c-audience")).all()
    audience.get_by_role("button", name=give).click()
    page.get_by_text(given).wait_for()
    (audience,) = page.locator("section.card", has=page.locator("#c-audience")).all()
    audience.get_by_role("button", name=stop).click()
    page.locator(".note").wait_for()
    assert (
        page.locator("section.card", has=page.locator("#c-audience")).get_by_role("button", name=give).count()
        == 1
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Allow all", "You said yes on", "Withdraw", "It is withdrawn", "Download the receipt")),
        (
            "fr",
            (
                "Tout autoriser",
                "Vous avez dit oui le",
                "Retirer mon accord",
                "Votre accord est retiré",
                "Télécharger le reçu",
            ),
        ),
    ],
)
def test_a_visitor_withdraws_cookies_by_one_click_without_javascript(visit, server, language, words):
    allow, yes, withdraw, withdrawn, _ = words
    page = visit(language, java_script_enabled=False)
    page.goto("/cookies")
    page.locator("main a[href^='/choices/mine']").click()
    page.get_by_role("button", name=allow).click()
    page.get_by_text(yes).wait_for()
    page.context.add_cookies(
        [{"name": name, "value": "1", "url": server.url} for name in ("visits", "ads_1")]
    )
    kept = {one["name"]: one["value"] for one in page.context.cookies()}
    proof = kept["choice"].split(".")[5]
    analytics = page.locator("section.card", has=page.locator("#k-analytics"))
    analytics.get_by_role("button", name=withdraw).click()
    page.get_by_text(withdrawn).wait_for()
    left = {one["name"] for one in page.context.cookies()}
    assert left == {"choice", "ads_1"}  # the other kind stays, as nobody took it back
    given, taken = read.stream(server.staff.ledger, f"cookies/{proof}")
    assert given.facts["choices"]["analytics"] == "given"
    assert taken.facts["choices"] == {"analytics": "withdrawn", "marketing": "given"}
    assert taken.facts["language"] == language


@pytest.mark.parametrize(("language", "width"), [("en", 1100), ("fr", 360)])
def test_an_auditor_verifies_a_receipt_by_dropping_it(visit, server, language, width):
    genuine, changed, check = {
        "en": ("Genuine: it is ours", "Not genuine: it was changed", "Check it"),
        "fr": ("Authentique : il est de nous", "Pas authentique", "Le vérifier"),
    }[language]
    number = story.ask(server.staff, "access")
    seal.seal(server.staff.ledger)
    written = receipt.receipt(
        server.staff.ledger, read.stream(server.staff.ledger, f"request/{number}")[0].id
    )
    page = visit(language, viewport={"width": width, "height": 800})
    page.goto("/verify")
    dropped = page.evaluate_handle(
        "text => { const all = new DataTransfer(); all.items.add(new File([text], 'receipt.json')); return all; }",
        written.decode(),
    )
    page.locator("form[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    page.get_by_role("heading", name=genuine).wait_for()
    fit(page, f"genuine-{language}-light-{width}")
    plain = visit(language, java_script_enabled=False)
    plain.goto("/verify")
    plain.locator("#file").set_input_files({
        "name": "receipt.json", "mimeType": "application/json", "buffer": written.replace(b"access", b"erase"),
    })  # fmt: skip
    plain.get_by_role("button", name=check).click()
    plain.get_by_role("heading", name=changed).wait_for()
