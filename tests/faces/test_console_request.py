"""One request in the console: what each role sees and may do, from receipt to close, in real stores."""

import html
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

import story
from console_visits import admit_all, admit_one, visiting
from naming import names
from troth.faces.console import request_shown
from troth.faces.console.acts_claims import ANSWERS, CLAIMS
from troth.faces.console.acts_course import COURSE
from troth.faces.console.desk import SESSION
from troth.faces.portal.application import application
from troth.faces.words import Words
from troth.ledger import accounts, read
from troth.work import admit, build_package, carry_on, decide, hold, request_file, say_more

ACTS = [*COURSE, *CLAIMS, *ANSWERS]


class Office:
    """The staff of a console, who take turns at one client."""

    def __init__(self, project, client):
        self.project, self.client = project, client

    def __call__(self, handle, language="en"):
        self.client.cookies.set(SESSION, accounts.begin(self.project.ledger, handle))
        self.client.headers["accept-language"] = language
        return self.client

    def page(self, handle, number, status=200, language="en"):
        answer = self(handle, language).get(f"/console/requests/{number}")
        assert answer.status_code == status
        return answer.text

    def act(self, handle, number, act, status=303, **form):
        answer = self(handle).post(f"/console/requests/{number}/do/{act}", data=form, follow_redirects=False)
        assert answer.status_code == status, re.sub(r"<[^>]+>|\s+", " ", answer.text)[:1500]
        return answer

    def carry(self, number):
        """Carry on, and wait until nobody is at it."""
        gone = self("handler").post(f"/console/requests/{number}/carry", follow_redirects=False)
        assert "event: end" in self.client.get(f"/console/requests/{number}/progress").text
        return gone.headers["location"]


@pytest.fixture
def office(project):
    admit_all(project)
    with visiting(application(project)) as client:
        yield Office(project, client)


def rows(project, store, statement):
    with closing(sqlite3.connect(project.settings.folder / f"{store}.db")) as connection:
        return connection.execute(statement).fetchall()


def seen_in(page):
    """What the form of an act says was done last when it was opened."""
    return re.search(r'name="seen" value="(\d+)"', page)[1]


def letter_of(page):
    """The last letter that a page shows, in one line, without who was told meanwhile."""
    shown = html.unescape(re.findall(r'<div class="letter">(.*?)</div>', page, re.S)[-1])
    return " ".join(" ".join(line for line in shown.splitlines() if " told " not in line).split())


def test_whoever_decides_last_sees_the_answer_that_then_leaves_by_itself(project, office, letters):
    asked = {
        right: story.ask(project, right, email=f"{right}@example.org")
        for right in ("list_recipients", "rectify", "access")
    }
    decide.decide(project, asked["rectify"], "c1", "grant", "handler")
    form = {"claim": "c1", "outcome": "grant"}
    listed = office.act("handler", asked["list_recipients"], "decide", 200, **form).text
    assert story.state(project, asked["list_recipients"])["claims"]["c1"]["outcome"] is None
    done = {"claim": "c1", "said": "Your name reads Ada now."}
    mended = office.act("handler", asked["rectify"], "carried_out", 200, **done).text
    assert not story.state(project, asked["rectify"])["claims"]["c1"]["done"]
    refused = {"claim": "c1", "outcome": "refuse", "article": "Art. 15(4)", "reason": "We cannot, says Carl."}
    office.act("handler", asked["access"], "decide", **refused)
    review = office("reviewer").get(f"/console/requests/{asked['access']}/do/review?claim=c1").text
    foreseen = {
        "list_recipients": letter_of(listed),
        "rectify": letter_of(mended),
        "access": letter_of(review),
    }
    assert "We cannot, says Carl." in foreseen["access"]
    office.act("handler", asked["list_recipients"], "decide", step="send", **form)
    office.act("handler", asked["rectify"], "carried_out", step="send", **done)
    office.act("reviewer", asked["access"], "review", claim="c1", verdict="confirm")
    before = len(letters())
    for right, number in asked.items():
        carry_on.carry_on(project, number)
        _, _, text = letters()[-1]
        assert foreseen[right] in " ".join(text.split()), right
    assert len(letters()) == before + 3


def test_a_copy_is_released_and_many_are_carried_on_without_a_letter_that_nobody_saw(project, office):
    number = story.ask(project, "access")
    office.act("handler", number, "decide", claim="c1", outcome="grant")
    office.carry(number)
    build_package.open_package(project, number, "c1", "handler")
    page = office("handler").get(f"/console/requests/{number}/do/release?claim=c1").text
    assert "The answer as it will go out" in page
    assert "customer" not in letter_of(page)
    office.act("handler", number, "release", claim="c1")
    office("handler").post("/console/requests/bulk", data={"what": "carry", "number": number, "step": "do"})
    assert not story.state(project, number)["answered"]


def screens(project, number):
    events = read.stream(project.ledger, f"request/{number}")
    return [(event.actor, event.facts["screen"]) for event in events if event.kind == "staff_read"]


def test_an_erasure_is_decided_reviewed_measured_approved_carried_out_and_answered(project, office):
    number = story.ask(project, "erase", wording="Forget me, says Ada.")
    assert "do/decide?claim=c1" in office.page("handler", number)
    form = office("handler").get(f"/console/requests/{number}/do/decide?claim=c1").text
    assert "Forget me, says Ada." in form
    assert screens(project, number) == [("handler", "decide")]
    office.act("handler", number, "decide", claim="c1", outcome="grant", ground="a")
    office.act("handler", number, "review", 403, claim="c1", verdict="confirm")
    office.act("reviewer", number, "review", claim="c1", verdict="confirm")
    office.act("handler", number, "measure", claim="c1")
    page = office.page("reviewer", number)
    assert "shop.message" in page
    assert "C. com. L123-22" in page
    sha = story.state(project, number)["claims"]["c1"]["plan"]["sha256"]
    office.act("handler", number, "approve", 403, claim="c1", sha256=sha[:12])
    foreseen = letter_of(office("reviewer").get(f"/console/requests/{number}/do/approve?claim=c1").text)
    assert screens(project, number)[-1] == ("reviewer", "approve")
    office.act("reviewer", number, "approve", claim="c1", sha256=sha[:12], tolerance="0")
    assert rows(project, "shop", "SELECT email FROM customer WHERE id = 1") == [("ada@example.org",)]
    gone = office.carry(number)
    assert rows(project, "shop", "SELECT email FROM customer WHERE id = 1") == [(None,)]
    assert rows(project, "news", "SELECT email FROM subscriber") == [("eve@example.org",)]
    assert not story.state(project, number)["answered"]
    assert gone.startswith(f"/console/requests/{number}/do/answer")
    assert "Look at the answer" in office("handler").get(gone).text
    assert letter_of(office.act("handler", number, "answer", 200).text) == foreseen
    office.act("handler", number, "answer", step="send")
    assert story.state(project, number)["status"] == "responded"
    office.act("handler", number, "close")
    assert story.state(project, number)["status"] == "closed"
    for language in ("en", "fr"):
        page = office.page("dpo", number, language=language)
        assert not names(page, "Ada")
        assert len(page.encode()) < 150_000


def test_a_copy_is_looked_through_masked_and_released(project, office):
    number = story.ask(project, "access")
    office.act("handler", number, "decide", claim="c1", outcome="grant")
    office.carry(number)
    office.act("handler", number, "release", 422, claim="c1")
    office.act("handler", number, "mask", claim="c1", masks="shop.orders.note#1=names a present")
    package = office("handler").post(f"/console/requests/{number}/package", data={"claim": "c1"})
    assert package.content[:2] == b"PK"
    assert (
        office("reviewer").post(f"/console/requests/{number}/package", data={"claim": "c1"}).status_code
        == 403
    )
    office.act("handler", number, "release", claim="c1")
    office.act("handler", number, "words", words="We are glad to.")
    preview = office("handler").post(f"/console/requests/{number}/do/answer")
    assert "We are glad to." in preview.text
    assert not story.state(project, number)["answered"]
    office.act("handler", number, "answer", step="send")
    assert story.state(project, number)["status"] == "responded"


def test_a_request_names_company_country_and_hold_by_what_people_call_them(project, office, clock):
    number = story.ask(project, "erase")
    made = hold.place(project, "A claim.", "Our defence.", clock().date() + timedelta(days=20), "counsel")
    page = office.page("handler", number)
    company = project.policy.group.main_entity
    assert f"<dd>{company.name}</dd>" in page
    assert f"<dd>{company.key}</dd>" not in page
    assert f"<dd>{Words('en', {}).country(str(company.country))}</dd>" in page
    held = made.state["name"]
    assert f'<a href="/console/sweeps/holds/{held}">Legal hold {held}</a>' in page
    assert '<section class="card controls"' in page  # what is nothing but buttons is not printed
    decision = office("handler").get(f"/console/requests/{number}/do/decide?claim=c1").text
    for purpose in project.policy.purposes.values():
        assert f'<th scope="row">{purpose.key}</th>' not in decision


def test_whoever_decided_is_not_offered_the_review(project, office):
    number = story.ask(project, "erase")
    decide.decide(project, number, "c1", "grant", "reviewer", ground="a")
    page = office.page("reviewer", number)
    assert "do/review?claim=c1" not in page
    assert "Somebody else reviews it" in page
    office.act("reviewer", number, "review", 422, claim="c1", verdict="confirm")
    admit_one(project, "paul", "reviewer")
    assert "do/review?claim=c1" in office.page("paul", number)


def test_the_officer_advises_and_escalates_and_does_nothing_else(project, office):
    number = story.ask(project, "erase")
    page = office.page("dpo", number)
    assert re.findall(r"/do/(\w+)", page) == ["advise"]
    for act in ACTS:
        if act.name != "advise":
            office.act("dpo", number, act.name, 403, claim="c1")
    office.act("dpo", number, "advise", claim="c1", note="Look at the invoices.", escalate="yes")
    assert "the officer asks to look again" in office.page("handler", number)
    assert "Look at the invoices." not in office.page("handler", number)
    office.act("handler", number, "decide", claim="c1", outcome="grant", ground="a")
    assert "the officer asks to look again" not in office.page("handler", number)


def test_every_act_refuses_whoever_has_not_its_duty_and_shows_a_page_to_whoever_has(project, office):
    number = story.ask(project, "erase", "access")
    who = {"handle": "handler", "decide": "handler", "review": "reviewer", "advise": "dpo"}
    for act in ACTS:
        address = f"/console/requests/{number}/do/{act.name}?claim=c1"
        assert office(who[act.duty]).get(address).status_code == 200, act.name
        assert office("auditor").post(address, data={"claim": "c1"}).status_code == 403
    kinds = set(story.kinds(project, number))
    assert kinds <= {"request_received", "letter_sent", "staff_read"}


def test_another_company_s_request_is_not_shown_nor_touched(project, office):
    number = story.ask(project, "erase")
    admit_one(project, "elsa")
    admit.record(project, "elsa", {"move": "granted", "role": "handler", "entity": "elsewhere"}, "root")
    before = story.kinds(project, number)
    assert office("elsa").get(f"/console/requests/{number}").status_code == 403
    for path in (
        "carry",
        "said",
        "rows",
        "package",
        "document",
        "dossier",
        "letter",
        "do/decide",
        "do/withdraw",
    ):
        data = {"claim": "c1", "name": "acknowledgement", "store": "shop", "table": "customer"}
        assert office("elsa").post(f"/console/requests/{number}/{path}", data=data).status_code == 403, path
    assert office("elsa").get(f"/console/requests/{number}/progress").status_code == 403
    assert story.kinds(project, number) == before
    assert office("handler").get("/console/requests/2026-9999").status_code == 404


def test_a_letter_is_shown_before_it_is_sent(project, office):
    number = story.ask(project, "access")
    form = {
        "what": "identity",
        "doubt": "Two people share it.",
        "asked": "your number",
        "enough": "only you know",
    }
    preview = office.act("handler", number, "ask", 200, **form)
    assert "Two people share it." in preview.text
    assert story.kinds(project, number).count("asked") == 0
    office.act("handler", number, "ask", step="send", **form)
    assert story.state(project, number)["status"] == "waiting"
    (name,) = story.state(project, number)["asks"]
    office.act("handler", number, "answer_ask", ask=name, sufficient="yes", method="question", reply="4711")
    assert story.state(project, number)["status"] != "waiting"


def test_a_request_is_passed_on_after_both_letters_were_seen(project, office):
    number = story.ask(project, "access", wording="What of my orders, says Ada.")
    form = {"controller": "Baker Ltd", "email": "privacy@baker.example", "agreement": "No. 7", "part": "yes"}
    assert "agreement" in office.act("handler", number, "forward", 422, **form | {"agreement": " "}).text
    preview = office.act("handler", number, "forward", 200, **form).text
    assert "What of my orders, says Ada." in preview
    assert preview.count('<div class="letter">') == 2
    assert "forwarded" not in story.kinds(project, number)
    assert ("handler", "forward") in screens(project, number)
    office.act("handler", number, "forward", step="send", **form)
    assert "forwarded" in story.kinds(project, number)
    code = office.act("handler", number, "code", 200).text
    assert "••••••••" in code


def test_a_letter_in_words_of_ones_own_is_shown_sent_and_kept_with_the_request(project, office, letters):
    number = story.ask(project, "access")
    assert f"/console/people?number={number}" in office.page("handler", number)
    assert "/console/people?number" not in office.page("reviewer", number)
    form = {"about": "your  question", "letter_words": "We look into it by Friday."}
    assert "Write the letter" in office.act("handler", number, "write", 422, about="x", letter_words=" ").text
    assert office.act("handler", number, "write", 200, **form).text.count("We look into it by Friday.") > 1
    before = len(letters())
    office.act("dpo", number, "write", 403, step="send", **form)
    office.act("handler", number, "write", step="send", **form)
    office.act("handler", number, "write", step="send", **form)
    (_, subject, text), clock = letters()[-1], story.state(project, number)
    assert (subject, len(letters())) == (f"Request {number}: your question", before + 1)
    assert "We look into it by Friday." in text
    assert (clock["letters"][-1]["kind"], clock["status"]) == ("message", "received")
    assert read.stream(project.ledger, f"request/{number}")[-1].actor == "handler"
    assert "letter of our own" in office.page("handler", number)
    told = office("handler").post(f"/console/requests/{number}/dossier", data={"as": "json"})
    assert "We look into it by Friday." in told.text


def test_a_letter_that_is_sent_twice_at_once_goes_once_and_the_second_is_told(project, office, letters):
    number = story.ask(project, "access")
    opened = office("handler").get(f"/console/requests/{number}/do/write").text
    form = {"about": "your question", "letter_words": "By Friday.", "seen": seen_in(opened)}
    preview = office.act("handler", number, "write", 200, **form)
    form |= {"step": "send", "seen": seen_in(preview.text)}
    before, client = len(letters()), office("handler")

    def send(_):
        return client.post(f"/console/requests/{number}/do/write", data=form, follow_redirects=False)

    with ThreadPoolExecutor(4) as pressed:
        answers = list(pressed.map(send, range(4)))
    assert sorted(one.status_code for one in answers) == [303, 409, 409, 409]
    assert all("Nothing was done twice" in one.text for one in answers if one.status_code == 409)
    assert len(letters()) == before + 1
    opened = office("handler").get(f"/console/requests/{number}/do/code").text
    form = {"step": "send", "seen": seen_in(opened)}
    assert office.act("handler", number, "code", **form)
    assert "a code went to the person" in office.act("handler", number, "code", 409, **form).text
    assert len(letters()) == before + 2


def test_of_two_at_one_form_the_second_is_told_what_the_first_did_and_keeps_what_was_typed(project, office):
    number = story.ask(project, "access")
    opened = office("handler").get(f"/console/requests/{number}/do/extend").text
    form = {"reason": "complexity", "reasons": "Nine <archives>.", "seen": seen_in(opened)}
    office("dpo").get(f"/console/requests/{number}/do/write")  # to look is to change nothing
    carry_on.carry_on(project, number)  # nor does what goes by itself
    admit_one(project, "second", "handler")
    office.act("second", number, "extend", **form | {"reasons": "Ten."})
    told = office.act("handler", number, "extend", 409, **form).text
    assert "second did something to the request" in told
    assert "in it." not in told  # it can be done no more, and no form is shown
    form = {"about": "a", "letter_words": "Kept <b>.", "seen": form["seen"]}
    told = office.act("handler", number, "write", 409, **form).text
    assert seen_in(told) != form["seen"]
    assert "Kept &lt;b&gt;.</textarea>" in told
    say_more.say_more(project, number, "I only want the invoices.")
    told = office.act("handler", number, "write", 409, **form | {"seen": seen_in(told)}).text
    assert "the person did something" in told
    office.act("handler", number, "write", 200, **form | {"seen": seen_in(told)})


def test_an_extension_takes_two_people_and_a_letter(project, office):
    number = story.ask(project, "access")
    office.act("handler", number, "extend", reason="complexity", reasons="Nine archives.")
    preview = office.act("reviewer", number, "extend_confirm", 200)
    assert "Nine archives." in preview.text
    office.act("reviewer", number, "extend_confirm", step="send")
    assert story.state(project, number)["extension"]


def test_what_was_said_is_recorded_as_read_before_it_is_shown(project, office):
    number = story.ask(project, "access", wording="I live in Lyon.")
    assert "I live in Lyon." not in office.page("handler", number)
    said = office("dpo").post(f"/console/requests/{number}/said")
    assert "I live in Lyon." in said.text
    assert screens(project, number) == [("dpo", "words")]
    looked = office("handler").post(
        f"/console/requests/{number}/rows", data={"store": "shop", "table": "message"}
    )
    assert "HYPERLINK" not in looked.text
    assert "Carl" not in looked.text
    assert "xxxxxxxxx" in looked.text
    assert screens(project, number)[-1] == ("handler", "rows/shop.message")
    wrong = {"store": "shop", "table": "sqlite_master"}
    assert office("handler").post(f"/console/requests/{number}/rows", data=wrong).status_code == 404
    dossier = office("auditor").post(
        f"/console/requests/{number}/dossier", data={"as": "json", "redacted": "yes"}
    )
    assert json.loads(dossier.content)["redacted"] is True
    assert "I live in Lyon." not in dossier.text
    letter = office("handler").post(f"/console/requests/{number}/letter", data={"name": "acknowledgement"})
    assert letter.content[:5] == b"%PDF-"


def test_progress_ends_when_nobody_is_at_it(project, office):
    number = story.ask(project, "access")
    told = office("handler").get(f"/console/requests/{number}/progress")
    assert told.headers["content-type"].startswith("text/event-stream")
    assert "event: end" in told.text


def test_a_mistake_is_said_above_the_form_which_keeps_what_was_typed(project, office):
    number = story.ask(project, "erase")
    wrong = office.act("handler", number, "decide", 422, claim="c1", outcome="refuse", reason="We <cannot>.")
    assert "names the article" in wrong.text
    assert "We &lt;cannot&gt;." in wrong.text
    assert office("handler").get(f"/console/requests/{number}/do/cake").status_code == 404
    assert office("handler").get(f"/console/requests/{number}/do/decide?claim=c9").status_code == 404
    assert request_file.load(project, number).state["claims"]["c1"]["outcome"] is None


def test_what_ended_is_taken_up_again_under_its_new_number(project, office):
    number = story.ask(project, "access")
    office.act("handler", number, "withdraw", note="by phone")
    office.act("handler", number, "close")
    answer = office.act("handler", number, "reopen", because="error", note="It was another person.")
    assert "/console/requests/2026-0002" in answer.headers["location"]
    assert "2026-0002" in office.page("handler", number)


def test_every_step_that_waits_is_done_by_an_act_there_is():
    assert set(request_shown.DOES.values()) <= {act.name for act in ACTS}


@pytest.mark.parametrize("tolerance", ["9" * 4_400, "²", "-1"])
def test_a_tolerance_that_is_no_small_number_is_refused_in_a_sentence(project, office, tolerance):
    number = story.ask(project, "erase")
    office.act("handler", number, "decide", claim="c1", outcome="grant", ground="a")
    office.act("reviewer", number, "review", claim="c1", verdict="confirm")
    office.act("handler", number, "measure", claim="c1")
    page = office.act(
        "reviewer", number, "approve", 422, claim="c1", sha256="0" * 12, tolerance=tolerance
    ).text
    assert "How many more rows may have come is a number" in page


@pytest.mark.parametrize("hours", ["1e30", "NaN", "-1", "Infinity", "1000001"])
def test_a_fee_of_no_amount_is_refused_in_a_sentence(project, office, hours):
    number = story.ask(project, "access")
    page = office.act(
        "handler", number, "fee", 422, kind="excessive", hours=hours, rate="30", postage="0"
    ).text
    assert "Hours, rate and postage are numbers" in page
