"""The portal as people meet it: a real browser, a real server, a real mailbox, en and fr."""

import email
import email.policy
import io
import json
import re
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from axe_playwright_python.sync_playwright import Axe

from servers import free_port
from serving import TROTH, serving, settle, troth
from shop_project import make

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOCALES = {"en": "en-GB", "fr": "fr-CH"}


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
               "Answered", "What we wrote to you"),
    "fr": Said("Faire une demande", "Une copie de mes données", "L’effacement de mes données",
               "Votre adresse électronique", "Envoyer la demande", "Nous avons votre demande", "Code", "Confirmer",
               "M’envoyer un nouveau code", "Votre adresse est confirmée", "Ce n’est pas le code",
               "Un nouveau code est en route", "Votre réponse est prête", "Télécharger la réponse",
               "Il manque quelque chose", "Il n’y a rien ici", "Répondue", "Ce que nous vous avons écrit"),
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
    port = free_port()
    settle(folder, port, mailbox.url)
    with serving(folder, "--proxy", "127.0.0.1", port=port) as running:
        running.folder = folder
        yield running
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
        page.set_default_timeout(6_000)
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


def until_listed(folder, number, what, seconds=30):
    end = time.monotonic() + seconds
    while what not in (shown := troth(folder, "request", "timeline", number, "--json")):
        assert time.monotonic() < end, shown
        time.sleep(0.3)


def fit(page):
    """Hold a page to the Web Content Accessibility Guidelines, and to the width of its window."""
    found = Axe().run(page, options=WCAG).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


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

    troth(server.folder, "request", "decide", number, "grant", "--staff", "marie")
    until_listed(server.folder, number, "package_built")
    looked = server.folder / f"{number}.zip"
    troth(server.folder, "request", "package", number, "--to", str(looked), "--staff", "marie")
    troth(server.folder, "request", "release", number, "--staff", "marie")
    until_shown(page, said.ready)

    taken = []
    for _ in range(2):
        with page.expect_download() as download:
            page.get_by_role("button", name=said.download).click()
        assert download.value.suggested_filename == f"answer-{number}.zip"
        taken.append(Path(download.value.path()).read_bytes())
    assert taken[0] == taken[1] == looked.read_bytes()
    with zipfile.ZipFile(io.BytesIO(taken[0])) as archive:
        assert archive.testzip() is None
        assert f'<html lang="{language}"' in archive.read("index.html").decode()
    assert said.wrote in page.inner_text("main")
    page.locator("details summary").first.click()
    assert number in page.inner_text(".letter >> nth=0")
    fit(page)
    followed = page.url
    for letter in mailbox.to(address):
        assert letter["Content-Language"] == language
    assert followed.partition("?")[0] in mailbox.to(address)[0].get_body(("plain",)).get_content().replace(
        "=\n", ""
    )
    # The address alone opens nothing: a GET fetches no answer, a stranger sees no letter.
    assert page.request.get(f"{followed}/answer").status == 404
    stranger = visit(language)
    stranger.goto(followed)
    assert stranger.get_by_text(said.wrote).count() == 0
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
    troth(server.folder, "request", "decide", number, "grant", "--ground", "a", "--staff", "marie")
    troth(server.folder, "request", "review", number, "--staff", "paul")
    plan = troth(server.folder, "request", "plan", number, "--staff", "marie")
    sha = re.search(rf"approve {number} (\w+)", plan)[1]
    troth(server.folder, "request", "approve", number, sha, "--staff", "paul")
    until_shown(page, said.answered)
    fit(page)
    last = mailbox.to(address)[-1].get_body(("plain",)).get_content()
    assert number in last
    found = page.locator(".letter").last
    page.locator("details summary").filter(has=page.locator("time")).last.click()
    assert found.is_visible()


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
    fit(stranger)


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}{% raw %}\u202e\u0000💥" + "ḱ" * 150
)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_hostile_words_are_only_words(visit, server, mailbox, language):
    page = visit(language, viewport={"width": 360, "height": 740})
    address = f"mallory.{language}@example.org"
    number = ask(page, language, address, "access", "erase", name=HOSTILE[:200], wording=HOSTILE * 30)
    confirm(page, language, mailbox.code(address))
    page.get_by_text(SAID[language].confirmed).wait_for()
    for summary in page.locator("details summary").all():
        summary.click()
    fit(page)
    shown = troth(server.folder, "request", "show", number)
    assert "script" not in shown


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


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_nothing_stands_in_anybodys_way(visit, language, scheme, width):
    page = visit(language, color_scheme=scheme, viewport={"width": width, "height": 800})
    versions = f"/notice/{language}/versions?on=2026-11-23"
    for path in ("/", "/ask", "/report", "/notice", versions, "/nothing/here"):
        page.goto(path)
        assert page.evaluate("document.documentElement.lang") == language
        fit(page)


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
    fit(page)


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
    asked = troth(server.folder, "communication", "ask", address, "--purpose", "orders", "--json")
    assert json.loads(asked)["unsubscribe"] == ""  # what a contract needs is not unsubscribed from
    link = unsubscribe(server, address)
    page = visit(language, java_script_enabled=False)
    page.goto(link)
    page.get_by_role("button", name=stop, exact=True).click()
    page.get_by_role("heading", name=stopped).wait_for()
    looked = visit(language)  # the check itself runs in the page
    looked.goto(link)
    fit(looked)
    looked.get_by_role("link", name=mine).click()
    fit(looked)


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
    fit(page)
    page.get_by_label(SAID[language].email).fill(address)
    page.get_by_role("button", name=send).click()
    page.get_by_label(SAID[language].code, exact=True).fill(mailbox.code(address))
    fit(page)
    page.get_by_role("button", name=show).click()
    (audience,) = page.locator("section.card", has=page.locator("#c-audience")).all()
    audience.get_by_role("button", name=give).click()
    page.get_by_text(given).wait_for()
    fit(page)
    (audience,) = page.locator("section.card", has=page.locator("#c-audience")).all()
    audience.get_by_role("button", name=stop).click()
    page.locator(".note").wait_for()
    assert (
        page.locator("section.card", has=page.locator("#c-audience")).get_by_role("button", name=give).count()
        == 1
    )


def unsubscribe(server, address):
    """Return the link of a message as its sender gets it; that marketing may not go out yet ends in 1."""
    command = [
        *TROTH,
        "--project",
        str(server.folder),
        "communication",
        "ask",
        address,
        "--purpose",
        "newsletter",
        "--json",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return json.loads(ended.stdout)["unsubscribe"]
