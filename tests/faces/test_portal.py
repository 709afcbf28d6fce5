"""The portal: whoever asks is answered, and whoever holds only a link learns nothing."""

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pypdf
import pytest
from litestar.testing import TestClient

import story
from servers import free_port
from serving import settle
from shop_project import opened
from troth.faces.portal.application import application
from troth.faces.portal.limits import Limit
from troth.faces.words import catalogues
from troth.ledger import read, seal
from troth.work import ask as asking
from troth.work import carry_on, due_calendar, request_file
from troth.work.verify_proof import verify_proof


@pytest.fixture
def visit(project):
    """Open a browser of one's own: cookies and all.

    Each has an application of its own over the one project: Litestar's test client ends an
    application's lifespan in the loop that began it, and waits forever where two began one.
    """
    clients = []

    def new():
        client = TestClient(application(project), base_url="http://127.0.0.1:8080")
        client.__enter__()
        clients.append(client)
        return client

    yield new
    for client in clients:
        client.__exit__(None, None, None)


FORM = {
    "right": ["access"],
    "email": "ada@example.org",
    "name": "",
    "wording": "",
    "website": "",
    "once": "a-form-of-ones-own-1",
}


def ask(client, **more):
    answer = client.post("/asked", data={**FORM, **more}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["location"]).path


def prove(client, page, code):
    return client.post(f"{page}/prove", data={"code": code}, follow_redirects=False)


@pytest.mark.parametrize(
    "path", ["/", "/ask", "/notice", "/notice/fr", "/nothing", "/follow/2026-0001-made-up"]
)
def test_every_page_is_guarded_and_loads_nothing_from_elsewhere(visit, path):
    answer = visit().get(path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert not re.search(r'(src|href)="(https?:)?//(?!company|www\.cnil)', answer.text)
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert all(re.fullmatch(r'<script src="/static/portal\.js\?\w+" defer>', one) for one in scripts), scripts


def test_the_language_follows_the_browser_and_then_the_choice(visit):
    client = visit()
    assert "Vos données, vos droits" in client.get("/", headers={"Accept-Language": "fr-CH"}).text
    page = client.get("/?lang=en", headers={"Accept-Language": "fr"}).text
    assert "Your data, your rights" in page
    assert 'href="/ask?lang=en"' in page


def test_a_request_is_taken_in_and_shown_with_its_dates(visit, project, letters):
    client = visit()
    page = client.get(ask(client))
    assert "Request 2026-0001" in page.text
    assert "23 December 2026" in page.text
    assert [subject for _, subject, _ in letters()][-1].startswith("Your code")


PNG = b"\x89PNG\r\n\x1a\n canary passport"


def hand_in(client, page, raw, name="passport.png"):
    files = {"file": (name, raw, "image/png")}
    return client.post(f"{page}/document", files=files, follow_redirects=False)


def test_a_document_that_was_asked_for_is_handed_in_behind_the_code_alone(visit, project, code):
    client, stranger = visit(), visit()
    page = ask(client)
    assert hand_in(stranger, page, PNG).status_code == 403
    prove(client, page, code())
    assert "Show us what we asked for" not in client.get(page).text
    assert "document.wrong" in hand_in(client, page, PNG).headers["location"]  # nobody asked
    asking.ask(project, "2026-0001", "identity", "marie", doubt="two", asked="a card", enough="it names you")
    assert "Show us what we asked for" in client.get(page).text
    assert "Show us what we asked for" not in stranger.get(page).text
    assert "Montrez-nous ce que nous avons demandé" in client.get(f"{page}?lang=fr").text
    for wrong in (b"<svg/>", b""):
        assert "document.wrong" in hand_in(client, page, wrong).headers["location"]
    assert "document.done" in hand_in(client, page, PNG, "../../etc/passwd").headers["location"]
    assert len(story.state(project, "2026-0001")["documents"]) == 1
    assert "You handed in a document." in client.get(page).text
    assert hand_in(stranger, page, PNG).status_code == 403
    other = ask(client, email="eve@example.org", once="a-form-of-ones-own-9")
    assert hand_in(client, other, PNG).status_code == 403  # another's link, with the cookie of one's own


def test_a_document_of_eleven_megabytes_is_refused_before_it_is_read(visit, project, code):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    refused = hand_in(client, page, PNG + bytes(11 << 20))
    assert refused.status_code == 413
    assert "This page takes 10 MB at once" in refused.text
    assert f'href="{page}"' in refused.text
    assert "10,000 characters" not in refused.text
    client.headers["accept-language"] = "fr"
    assert "Cette page accepte 10 Mo à la fois" in hand_in(client, page, PNG + bytes(11 << 20)).text


def test_sending_the_form_twice_opens_one_request(visit, project):
    client = visit()
    assert ask(client) == ask(client)


def test_a_form_sent_twice_at_once_opens_one_request_with_one_receipt_and_one_code(visit, project, letters):
    client = visit()
    with ThreadPoolExecutor(3) as pressed:
        assert len(set(pressed.map(lambda _: ask(client), range(3)))) == 1
    page = ask(client)
    assert len(letters()) == 2
    form = {"sent": re.search(r'name="sent" value="(\d+)"', client.get(page).text)[1]}
    with ThreadPoolExecutor(3) as pressed:
        told = list(pressed.map(lambda _: client.post(f"{page}/code", data=form), range(3)))
    assert all("A new code is on its way." in one.text for one in told)
    assert len(letters()) == 3


def test_what_was_written_when_the_time_was_over_is_kept_and_added_once(visit, project, code, clock):
    client = visit()
    page = ask(client)
    number = page.split("/")[-1].rpartition("-")[0]
    prove(client, page, code())
    said = re.search(r'name="said" value="(\d+)"', client.get(page).text)[1]
    clock.now += timedelta(minutes=31)
    written = {"wording": 'only "invoices" <b>', "said": said}
    kept = 'name="wording" value="only &#34;invoices&#34; &lt;b&gt;"'
    ended = client.post(f"{page}/say", data=written)
    assert ended.status_code == 403
    assert "kept in this page" in ended.text
    assert ended.text.count(kept) == 2
    assert "<textarea" not in ended.text
    anew = client.post(f"{page}/code", data=written | {"sent": "1"})
    assert anew.text.count(kept) == 2
    assert client.post(f"{page}/prove", data=written | {"code": "1"}).text.count(kept) == 2
    again = client.post(f"{page}/prove", data=written | {"code": code()})
    assert "only &#34;invoices&#34; &lt;b&gt;</textarea>" in again.text
    assert request_file.load(project, number).state.get("said_more", 0) == 0
    for _ in range(2):
        assert "It is added to your request." in client.post(f"{page}/say", data=written).text
    assert request_file.load(project, number).state["said_more"] == 1


def test_a_form_that_was_mended_and_sent_again_opens_another_request(visit):
    client = visit()
    assert ask(client) != ask(client, email="ada@example.com")


@pytest.mark.parametrize("once", ["", "1", "x" * 65, "é" * 30, "\0" * 30], ids=ascii)
def test_a_form_without_its_hidden_word_joins_nobody_elses_request(visit, once):
    assert ask(visit(), once=once) != ask(visit(), once=once)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"right": []}, "Tick at least one thing"),
        ({"email": "nobody"}, "Give an e-mail address"),
        ({"email": ""}, "Give an e-mail address"),
        ({"right": ["cake"]}, "Tick at least one thing"),
    ],
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(visit, wrong, sentence):
    answer = visit().post("/asked", data={**FORM, "name": "Ada <b>", **wrong})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Ada &lt;b&gt;" in answer.text


def test_what_only_a_program_fills_opens_nothing(visit, project):
    visit().post("/asked", data={**FORM, "website": "http://spam.example"})
    assert story.read.state(project.ledger, "request/2026-0001") is None


def test_the_answer_opens_only_where_the_code_was_entered(visit, project, code):
    client, stranger = visit(), visit()
    page = ask(client)
    number = "2026-0001"
    archive = story.grant_access(project, number)
    carry_on.carry_on(project, number)
    assert client.post(f"{page}/answer").status_code == 403
    assert prove(client, page, code()).status_code == 303
    assert "Your answer is ready" in client.get(page).text
    taken = client.post(f"{page}/answer")
    assert taken.content == archive
    assert taken.headers["cache-control"] == "no-store"
    assert "answer-2026-0001.zip" in taken.headers["content-disposition"]
    seen = stranger.get(page).text
    assert "Your answer is ready" not in seen
    assert "What we wrote to you" not in seen
    assert "ada@example.org" not in seen
    assert stranger.post(f"{page}/answer").status_code == 403
    assert stranger.post(f"{page}/withdraw").status_code == 403


def taken_home(page, what):
    """Return the addresses of the receipts, or of the letters, that a page offers."""
    return re.findall(rf'href="(/follow/[\w-]+/{what}/\w+)"', page.text)


def test_each_step_of_a_request_has_a_receipt_that_anybody_verifies(visit, project, code):
    client, stranger = visit(), visit()
    page = ask(client)
    assert taken_home(client.get(page), "receipts") == []  # not before the code
    prove(client, page, code())
    early = client.get(page)
    opening = taken_home(early, "receipts")[0]
    assert "sealed within minutes" in early.text
    assert not verify_proof(client.get(opening).content).sealed
    story.grant_access(project, "2026-0001")
    for _ in range(2):
        carry_on.carry_on(project, "2026-0001")
    client.post(f"{page}/answer")
    seal.seal_all(project.ledger)
    late = client.get(page)
    assert "sealed within minutes" not in late.text
    assert ">Reçu</a>" in client.get(f"{page}?lang=fr").text
    proven = []
    for path in taken_home(late, "receipts"):
        given = client.get(path)
        assert given.headers["cache-control"] == "no-store"
        assert "receipt-2026-0001-" in given.headers["content-disposition"]
        found = verify_proof(given.content)  # as `troth verify FILE` does, without network
        assert found.sealed
        assert found.event.request == "2026-0001"
        assert b"ada@example.org" not in given.content
        proven.append(found.event.kind)
        checked = stranger.post(
            "/verify", files={"file": ("receipt.json", given.content, "application/json")}
        )
        assert "Genuine: it is ours" in checked.text
        assert "An entry of the kind" not in checked.text
    assert proven[0] == "request_received"
    assert {"claim_decided", "letter_sent", "answer_taken"} <= set(proven)
    for path in taken_home(late, "receipts") + taken_home(late, "letters"):
        assert stranger.get(path).status_code == 403


def test_the_end_of_a_request_has_its_receipt(visit, project, code):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    shown = client.post(f"{page}/withdraw")
    ends = [verify_proof(client.get(path).content).event for path in taken_home(shown, "receipts")]
    assert [one.facts["to"] for one in ends if one.kind == "request_moved"] == ["withdrawn"]


def test_a_receipt_or_a_letter_is_of_the_request_whose_code_was_entered_and_of_a_step_shown_there(
    visit, project, code
):
    client = visit()
    theirs = ask(client, email="eve@example.org", once="a-form-of-ones-own-2")
    prove(client, theirs, code())
    of_theirs = [one.rpartition("/")[2] for one in taken_home(client.get(theirs), "receipts")]
    client = visit()
    page = ask(client)
    prove(client, page, code())
    number = request_file.by_token(project, page.rpartition("/")[2])
    mine = [one.rpartition("/")[2] for one in taken_home(client.get(page), "receipts")]
    stream = read.stream(project.ledger, f"request/{number}")
    inner = [one.id for one in stream if one.kind == "address_proven" or one.facts.get("kind") == "code"]
    assert len(inner) > 1
    assert mine
    for kind in ("receipts", "letters"):
        for event in (*of_theirs, *inner, "01M848FM0HG12PS38BDH78ESK8", "x", "%00"):
            assert client.get(f"{page}/{kind}/{event}").status_code == 404, (kind, event)
        for event in (*mine, *of_theirs):
            assert client.get(f"{theirs}/{kind}/{event}").status_code == 403
            assert client.get(f"{page[:-1]}/{kind}/{event}").status_code == 404
        elsewhere = {"sec-fetch-site": "cross-site"}
        assert client.get(f"{page}/{kind}/{mine[0]}", headers=elsewhere).status_code == 403


def test_a_letter_is_taken_as_it_went_and_its_receipt_vouches_for_it(visit, project, code, letters):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    story.take_longer(project, "2026-0001", posted="RR 12 345 678 9 FR")
    shown = client.get(page)
    assert "Download this letter" in shown.text
    first, last = [client.get(path) for path in taken_home(shown, "letters")]
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert "letter-2026-0001-2026-11-23.txt" in first.headers["content-disposition"]
    assert first.text.partition("\n")[0] == letters()[0][1]
    hashes = [
        verify_proof(client.get(path).content).event.facts.get("sha256")
        for path in taken_home(shown, "receipts")
    ]
    assert hashlib.sha256(first.content).hexdigest() in hashes
    assert "letter-2026-0001-2026-11-23.pdf" in last.headers["content-disposition"]
    paper = pypdf.PdfReader(io.BytesIO(last.content)).pages[0].extract_text()
    assert "23 November 2026" in paper.replace("\xa0", " ")
    assert "Nine archives" in paper


def test_a_session_of_one_request_opens_no_other(visit, project, code):
    client = visit()
    first = ask(client)
    prove(client, first, code())
    second = ask(client, once="a-form-of-ones-own-2", email="bob@example.org")
    assert client.post(f"{second}/withdraw").status_code == 403
    client.cookies.set("troth_answer", "2026-0002.9999999999.forged", path="/follow")
    assert client.post(f"{second}/withdraw").status_code == 403


def test_a_session_ends(visit, project, code, clock):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    clock.forward(minutes=31)
    assert client.post(f"{page}/withdraw").status_code == 403


def test_a_wrong_code_says_so_and_opens_nothing(visit):
    client = visit()
    page = ask(client)
    answer = prove(client, page, "12345678")
    assert answer.status_code == 422
    assert "That is not the code" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_code_is_good_for_a_quarter_of_an_hour(visit, code, clock):
    client = visit()
    page = ask(client)
    clock.forward(minutes=15, seconds=1)
    late = prove(client, page, code())
    assert late.status_code == 422
    assert "That is not the code" in late.text
    client.post(f"{page}/code")
    assert prove(client, page, code()).status_code == 303


def test_after_five_wrong_codes_the_right_one_is_wrong_too(visit, code):
    client = visit()
    page = ask(client)
    wrong = "00000000" if code() != "00000000" else "11111111"
    assert [prove(client, page, wrong).status_code for _ in range(5)] == [422] * 5
    assert prove(client, page, code()).status_code == 422


def test_before_the_code_a_page_says_nothing_of_how_it_went(visit, project):
    """A stranger types somebody's address and watches the page while staff work on it."""
    stranger = visit()
    granted = ask(stranger)
    refused = ask(stranger, once="a-form-of-ones-own-2", email="nobody@example.net")

    def watched(page):
        return re.sub(r"2026-\d{4}(-\w+)?", "N", stranger.get(page).text)

    seen = [watched(granted)]
    assert watched(refused) == seen[0]
    story.take_longer(project, "2026-0001")
    assert watched(granted) == seen[0]
    story.grant_access(project, "2026-0001")
    story.decide.decide(
        project, "2026-0002", "c1", "refuse", "marie", article="Art. 12(2)", reason="We do not know you."
    )
    story.decide.review(project, "2026-0002", "c1", "paul")
    assert watched(granted) == watched(refused) == seen[0]
    for number, status in (("2026-0001", "responded"), ("2026-0002", "refused")):
        carry_on.carry_on(project, number)
        assert story.state(project, number)["status"] == status
    assert watched(granted) == watched(refused)
    assert "Answered" in watched(refused)
    assert "We wrote" not in watched(granted)


def test_a_code_that_cannot_be_sent_is_told_and_the_request_stands(folder, clock):
    settle(folder, 8080, f"smtp://127.0.0.1:{free_port()}")  # where nobody listens
    away = opened(folder, clock)
    with TestClient(application(away), base_url="http://127.0.0.1:8080") as client:
        page = ask(client)
        assert "could not be sent just now" in client.post("/asked", data=FORM).text
        assert "could not be sent just now" in client.post(f"{page}/code").text
        assert "Request 2026-0001" in client.get(page).text
    away.ledger.close()


def test_whether_somebody_is_known_shows_nowhere(visit):
    def page(address, once):
        client = visit()
        text = client.get(ask(client, email=address, once=f"a-form-of-ones-own-{once}")).text
        return re.sub(r"2026-\d{4}(-\w+)?", "N", text)

    assert page("ada@example.org", "a") == page("nobody@example.net", "b")


def test_a_form_from_another_site_is_refused(visit):
    client = visit()
    page = ask(client)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert client.post("/asked", data=FORM, headers=headers).status_code == 403
        assert client.post(f"{page}/code", headers=headers).status_code == 403


def test_a_withdrawn_request_says_so(visit, project, code):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    assert "Your request is withdrawn" in client.post(f"{page}/withdraw").text
    assert story.state(project, "2026-0001")["status"] == "withdrawn"


def test_one_claim_is_let_go_on_the_page_and_only_by_whoever_entered_the_code(visit, project, code):
    client = visit()
    page = ask(client, right=["access", "rectify"])
    assert client.post(f"{page}/narrow", data={"claim": "c1"}).status_code == 403
    assert "/narrow" not in client.get(page).text
    prove(client, page, code())
    assert "No longer ask for: A copy of my data" in client.get(page).text
    said = client.post(f"{page}/narrow", data={"claim": "c1"}).text
    assert "We have left that out of your request." in said
    assert "/narrow" not in said  # one claim is left, and is withdrawn with the request
    assert list(story.state(project, "2026-0001")["claims"]) == ["c2"]


def test_whoever_asks_for_somebody_else_says_as_what_and_for_whom(visit, project):
    client = visit()
    form = FORM | {
        "acting": "agent",
        "for_name": "Ada",
        "for_email": "ada@example.org",
        "email": "agent@x.example",
    }
    assert client.post("/asked", data=form).status_code == 200
    assert story.state(project, "2026-0001")["acting"] == {"kind": "agent", "checked": None}
    for change, sentence in (
        ({"for_email": "nowhere"}, "Give the e-mail address of the person you ask for"),
        ({"acting": ""}, "Say as what you ask for this person"),
        ({"acting": "heir", "right": "port"}, "In this way you cannot ask for everything you chose"),
    ):
        refused = client.post("/asked", data=form | change)
        assert refused.status_code == 422
        assert sentence in refused.text
        assert 'value="Ada"' in refused.text  # nothing has to be typed again


def test_too_much_is_refused_with_a_page(project, visit):
    with TestClient(application(project, asks=Limit(1, 60)), base_url="http://127.0.0.1:8080") as client:
        ask(client)
        answer = client.post("/asked", data={**FORM, "once": "2"})
        assert answer.status_code == 429
        assert "Too many at once" in answer.text
    assert visit().post("/asked", data={**FORM, "wording": "x" * 200_000}).status_code == 413


FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("field", ["email", "for_email"])
def test_an_address_that_is_not_utf_8_is_refused_in_a_sentence(visit, project, field):
    client = visit()
    form = urlencode(
        {
            **FORM,
            "right": "access",
            "acting": "agent",
            "for_email": "eve@example.org",
            "email": "ada@example.org",
        }
    )
    sent = re.sub(rf"(^|&){field}=[^&]*", rf"\g<1>{field}=%ff%fe@x.org", form)
    for language, says in (
        ("en", "This address reached us damaged"),
        ("fr", "Cette adresse nous est parvenue abîmée"),
    ):
        headers = {"Content-Type": FORM_TYPE, "Accept-Language": language}
        answer = client.post("/asked", content=sent, headers=headers)
        assert answer.status_code == 422
        assert says in answer.text
    assert story.read.state(project.ledger, "request/2026-0001") is None


@pytest.mark.parametrize(
    "path",
    ["/", "/ask", "/notice", "/verify", "/health", "/nothing", "/asked", "/static/portal.css", "/console",
     "/console/sign-in", "/console/requests", "/console/static/console.css"],
)  # fmt: skip
def test_head_is_answered_as_get_is_without_a_body(visit, path):
    client = visit()
    whole, head = (client.request(one, path, follow_redirects=False) for one in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (whole.status_code, b"")
    vary = {"content-length"} if path.startswith("/console/sign-in") or path == "/ask" else set()
    assert {name: value for name, value in head.headers.items() if name not in vary} == {
        name: value for name, value in whole.headers.items() if name not in vary
    }


def test_what_an_address_is_asked_by_is_listed_with_head(visit):
    assert set(visit().post("/ask").headers["allow"].split(", ")) == {"GET", "OPTIONS", "HEAD"}


@pytest.mark.parametrize(
    ("status", "media", "content", "sentence"),
    [
        (413, FORM_TYPE, b"wording=" + b"x" * 200_000, "That is too much"),
        (422, FORM_TYPE, b"\xff\xfe=%ff&&&=;", "Tick at least one"),
        (422, FORM_TYPE, b"right=access&" * 900, "Give an e-mail"),
        (422, FORM_TYPE, b"", "Tick at least one"),
        (422, "application/json", b'{"right": {"a": 1}, "email": [1]}', "Tick at least one"),
        (422, "multipart/form-data; boundary=x", b"--x\r\n\r\n--", "Tick at least one"),
    ],
    ids=["too long", "no text", "many fields", "empty", "json", "multipart"],
)
def test_a_message_that_is_no_form_ends_in_a_page(visit, project, status, media, content, sentence):
    answer = visit().post("/asked", content=content, headers={"Content-Type": media})
    assert answer.status_code == status
    assert sentence in answer.text
    assert story.read.state(project.ledger, "request/2026-0001") is None


def test_what_is_done_already_says_so(visit, code):
    client = visit()
    page = ask(client)
    prove(client, page, code())
    client.post(f"{page}/withdraw")
    again = client.post(f"{page}/withdraw")
    assert again.status_code == 422
    assert "That cannot be done now" in again.text
    assert "not worked on any more" in client.get(page).text


def test_both_languages_say_the_same_things_with_the_same_gaps():
    english, french = (catalogues()[language].sentences for language in ("en", "fr"))
    gaps = re.compile(r"\{\w+\}")
    assert {key: sorted(gaps.findall(text)) for key, text in english.items()} == {
        key: sorted(gaps.findall(text)) for key, text in french.items()
    }


@pytest.mark.parametrize(
    "path",
    ["/follow/../../etc", "/follow/%00", "/static/../web.py", "/notice/../x", "/é", "/follow/" + "x" * 3000],
)
def test_odd_addresses_end_in_a_page_of_their_own(visit, path):
    answer = visit().get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_what_is_typed_is_never_run(visit, project, code):
    client = visit()
    page = ask(client, name="<script>alert(1)</script>", wording="{{ 7*7 }}<img src=x onerror=alert(1)>")
    prove(client, page, code())
    seen = client.get(page).text
    assert "<script>" not in seen
    assert "<img" not in seen


def test_the_private_address_in_the_letter_is_the_page(visit, project, letters):
    client = visit()
    page = ask(client)
    assert f"{project.settings.public_url}{page}" in letters()[0][2]
    assert request_file.by_token(project, page.rpartition("/")[2]) == "2026-0001"


def test_the_calendar_is_given_to_whoever_knows_its_address(visit, project):
    client = visit()
    story.ask(project, "access")
    found = client.get(f"/calendar/{due_calendar.token(project)}.ics")
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/calendar")
    assert b"2026-0001: legal date" in found.content
    for wrong in ("x.ics", f"{due_calendar.token(project)}", f"{due_calendar.token(project)[::-1]}.ics"):
        assert client.get(f"/calendar/{wrong}").status_code == 404


def test_every_right_of_the_place_is_offered_and_no_other(visit):
    page = visit().get("/ask").text
    for right in ("access", "port", "object_marketing", "post_mortem"):
        assert f'value="{right}"' in page
    assert 'value="complain"' not in page  # the United Kingdom's


def test_what_a_person_adds_reaches_the_request_only_after_the_code(visit, project, code):
    client = visit()
    page = ask(client)
    number = page.split("/")[-1].rpartition("-")[0]
    assert client.post(f"{page}/say", data={"wording": "only invoices"}).status_code == 403
    prove(client, page, code())
    answer = client.post(f"{page}/say", data={"wording": "only invoices"})
    assert "It is added to your request." in answer.text
    assert request_file.load(project, number).state["said_more"] == 1
    assert client.post(f"{page}/say", data={"wording": " "}).status_code == 422
