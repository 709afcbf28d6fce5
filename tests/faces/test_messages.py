"""Links in messages: one click stops, looking does not, and whoever holds a link learns nothing of anybody else."""

import logging
import re
from datetime import date
from urllib.parse import urlsplit

import pytest
from litestar.testing import TestClient

import story
from naming import names
from troth.errors import NotAllowedError
from troth.faces.portal.application import application
from troth.faces.portal.message_pages import BLANK
from troth.ledger import read, seal, subjects
from troth.rules.collection import HandedIn
from troth.rules.consent_form import Form
from troth.work import (
    carry_on,
    declare_refusals,
    import_collected,
    message_link,
    record_form,
    review_channel,
)
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.verify_proof import verify_proof

ADA, NOBODY = "ada@example.org", "nobody@example.net"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
HASH = "0" * 64


@pytest.fixture
def client(project):
    declare_refusals.declare_refusals(project, "main-entity", "*", staff="marie")
    with TestClient(application(project), base_url="http://127.0.0.1:8080") as found:
        yield found


def agree(project, purpose="newsletter", email=ADA):
    record_form.record_form(project, Form("f", "en", HASH, {purpose: HASH}))
    record_consent(project, [("email", email)], [Choice(purpose, "given")], Asked("web", "en", form=HASH))


def code_of(project, email=ADA, purpose="newsletter"):
    channel = "email" if project.policy.purposes[purpose].channels else None
    return may(project, [("email", email)], purpose, channel=channel).reason.code


def objections(project):
    return list(read.events(project.ledger, kind="objection_recorded"))


def test_one_click_of_a_mail_program_stops_at_once_without_cookie_or_form_of_ours(client, project):
    agree(project)
    assert code_of(project) == "consented"
    token = message_link.stop_token(project, ADA, "newsletter")
    headers = message_link.headers(project, token)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(re.fullmatch(r"<(.*)>", headers["List-Unsubscribe"])[1]).path
    program = {"sec-fetch-site": "cross-site", "origin": "https://mail.example"}
    answer = client.post(path, data=ONE_CLICK, headers=program)
    assert (answer.status_code, answer.history) == (200, [])
    assert code_of(project) == "objected_marketing"
    kinds = {event.facts["given"] for event in read.events(project.ledger, kind="consent_recorded")}
    assert kinds == {"given", "withdrawn"}


def test_a_stop_after_a_new_yes_on_the_same_day_is_another_stop(client, project, clock):
    agree(project)
    path = f"/unsubscribe/{message_link.stop_token(project, ADA, 'newsletter')}"
    client.post(path, data=ONE_CLICK)
    assert code_of(project) == "objected_marketing"
    clock.forward(minutes=1)
    agree(project)
    assert code_of(project) == "consented"
    clock.forward(minutes=1)
    client.post(path, data=ONE_CLICK)
    client.post(path, data=ONE_CLICK)
    assert code_of(project) == "objected_marketing"
    assert len(objections(project)) == 2


@pytest.mark.parametrize("form", ["urlencoded", "multipart", "nothing"])
def test_the_click_may_come_in_either_form_and_twice(client, project, form):
    path = f"/unsubscribe/{message_link.stop_token(project, ADA, 'newsletter')}"
    sent = {
        "urlencoded": {"data": ONE_CLICK},
        "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
    }
    for _ in range(2):
        assert client.post(path, **sent.get(form, {})).status_code == 200
    assert len(objections(project)) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_programs_that_fetch_links_stop_nothing(client, project, method):
    path = f"/unsubscribe/{message_link.stop_token(project, ADA, 'newsletter')}"
    client.request(method, path)
    assert objections(project) == []
    assert client.head(path).status_code == 200


def test_known_unknown_and_erased_people_are_answered_alike(client, project, clock):
    agree(project)
    pages = []
    for email in (ADA, NOBODY):
        path = f"/unsubscribe/{message_link.stop_token(project, email, 'newsletter')}"
        answers = (client.get(path), client.post(path, data=ONE_CLICK))
        pages.append([one.text.replace(path.rpartition("/")[2], "TOKEN") for one in answers])
        assert email not in "".join(pages[-1])
        assert not subjects.find_subject(project.ledger, "email", NOBODY)
    assert pages[0] == pages[1]
    assert code_of(project, NOBODY) == "suppressed"


def test_an_address_stays_closed_when_the_person_is_erased_and_the_address_comes_back(
    client, project, clock, tmp_path
):
    path = f"/unsubscribe/{message_link.stop_token(project, ADA, 'newsletter')}"
    client.post(path, data=ONE_CLICK)
    number = story.ask(project, "erase", email=ADA)
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    for _ in range(3):
        clock.forward(days=2000)
        carry_on.one_round(project)
    assert subjects.find_subject(project.ledger, "email", ADA) is None
    photo, people = tmp_path / "photo.jpg", tmp_path / "people.csv"
    photo.write_bytes(b"seen")
    people.write_text("email\nA.da+fair@Example.org\n", encoding="utf-8")
    on = date(2026, 11, 20)
    version = project.policy.version
    review_channel.review(
        project, "web-form", owner="Team", notice=version, proof=photo, on=on, staff="marie"
    )
    rows = list(import_collected.listed(people, ""))
    assert (
        import_collected.take(project, people, HandedIn("web-form", "fair", on), rows, staff="marie").taken
        == 1
    )
    assert code_of(project, "A.da+fair@Example.org") == "suppressed"
    assert code_of(project) == "suppressed"
    assert client.post(path, data=ONE_CLICK).status_code == 200  # the old link still works


def test_a_link_cannot_be_read_guessed_altered_or_used_as_another(client, project):
    tokens = {message_link.stop_token(project, ADA, "newsletter") for _ in range(20)}
    assert len(tokens) == 20
    assert not any(names(token, "ada") for token in tokens)
    assert len({len(message_link.stop_token(project, e, "newsletter")) for e in (ADA, "b@c.de")}) == 1
    token = tokens.pop()
    other = message_link.followed_token(
        project, ADA, "audience", target="https://a.example", measured="https://b.example"
    )
    changed = [
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        for at in range(0, len(token) - 1, 23)
    ]
    for wrong in (*changed, other, token[:-4], token + "AAAA", "x" * 60, "%0d%0aX: y", "é" * 60, "A" * 9000):
        for path in (f"/unsubscribe/{wrong}", f"/preferences/{wrong}"):
            assert client.get(path).status_code == 404, path
        assert client.post(f"/unsubscribe/{wrong}", data=ONE_CLICK).status_code == 404
        assert client.post(f"/preferences/{wrong}/say", data={"say": "stop_all"}).status_code == 404
    for wrong in (token, "x" * 60, other[:-2]):
        assert client.get(f"/m/{wrong}", follow_redirects=False).status_code == 404
    assert objections(project) == []


def test_only_what_can_be_stopped_gets_a_link(project):
    with pytest.raises(NotAllowedError, match="cannot be unsubscribed from"):
        message_link.stop_token(project, ADA, "orders")
    with pytest.raises(NotAllowedError, match="no e-mail address"):
        message_link.stop_token(project, "ada", "newsletter")
    with pytest.raises(NotAllowedError, match="no purpose"):
        message_link.stop_token(project, ADA, "nothing")


def test_another_purpose_than_marketing_is_stopped_alone(client, project):
    agree(project, "audience")
    token = message_link.stop_token(project, ADA, "audience")
    assert "measure how our site is used" in client.get(f"/unsubscribe/{token}").text
    client.post(f"/unsubscribe/{token}", data=ONE_CLICK)
    assert code_of(project, purpose="audience") == "withdrawn"
    assert objections(project) == []


def test_the_page_is_shown_in_the_language_of_the_reader(client, project):
    path = f"/unsubscribe/{message_link.stop_token(project, ADA, 'newsletter')}"
    assert "Y mettre fin" in client.get(path, headers={"accept-language": "fr"}).text
    assert "Stop them" in client.get(f"{path}?lang=en", headers={"accept-language": "fr"}).text


class TestMeasuring:
    """Pictures and links are measured with a consent of their own, asked at the moment they are fetched."""

    TARGET, MEASURED = "https://shop.example/sale?x=1", "https://track.example/c/42"

    def link(self, project, target=TARGET, purpose="audience"):
        return message_link.followed_token(project, ADA, purpose, target=target, measured=self.MEASURED)

    def fetch(self, client, token, **more):
        return client.get(f"/m/{token}", follow_redirects=False, **more)

    def test_without_consent_the_picture_is_blank_and_the_link_leads_straight_on(
        self, client, project, caplog
    ):
        caplog.set_level(logging.DEBUG)
        before = list(read.events(project.ledger))
        picture = self.fetch(client, f"{self.link(project, target='')}.gif")
        assert (picture.status_code, picture.content, picture.headers["content-type"]) == (
            200,
            BLANK,
            "image/gif",
        )
        link = self.fetch(client, self.link(project))
        assert (link.status_code, link.headers["location"]) == (302, self.TARGET)
        for answer in (picture, link):
            assert answer.headers["cache-control"] == "no-store, private"
            assert "set-cookie" not in answer.headers
            assert answer.headers["referrer-policy"] == "no-referrer"
        assert list(read.events(project.ledger)) == before
        assert not [one for one in caplog.records if one.name.startswith("troth")]

    def test_a_consent_is_asked_when_they_are_fetched_so_mails_already_sent_are_neutralised(
        self, client, project
    ):
        picture, link = self.link(project, target=""), self.link(project)
        agree(project, "audience")
        for token in (picture, link):
            assert self.fetch(client, token).headers["location"] == self.MEASURED
        record_consent(project, [("email", ADA)], [Choice("audience", "withdrawn")], Asked("web", "en"))
        assert self.fetch(client, f"{picture}.gif").content == BLANK
        assert self.fetch(client, link).headers["location"] == self.TARGET

    def test_a_look_at_the_head_is_never_measured(self, client, project):
        agree(project, "audience")
        answer = client.head(f"/m/{self.link(project)}", follow_redirects=False)
        assert answer.headers["location"] == self.TARGET

    def test_in_doubt_nobody_is_measured(self, client, project, monkeypatch):
        token = self.link(project)
        agree(project, "audience")
        policy = (project.settings.folder / "policy.md").read_text()
        assert "audience:" in policy
        from sqlalchemy import text

        with project.ledger.writing() as connection:
            connection.execute(text("ALTER TABLE state RENAME TO elsewhere"))
        assert self.fetch(client, token).headers["location"] == self.TARGET
        with project.ledger.writing() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO state"))

    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "//evil.example", "https://", "https://a.example/\r\nX: y", "ftp://a.example",
         "https://user@a.example/", "data:text/html,x", "https://a.example/ b", "https://é.example",
         "https://a.example/" + "x" * 2000],
    )  # fmt: skip
    def test_only_addresses_of_the_web_are_sealed(self, project, url):
        with pytest.raises(NotAllowedError, match="no web address"):
            self.link(project, target=url)
        with pytest.raises(NotAllowedError, match="no web address"):
            message_link.followed_token(project, ADA, "audience", target="", measured=url)

    def test_measuring_rests_on_consent_and_on_nothing_else(self, project):
        with pytest.raises(NotAllowedError, match="CNIL 2026-042"):
            self.link(
                project,
                purpose="newsletter"
                if project.policy.purposes["newsletter"].legal_basis != "consent"
                else "orders",
            )


class TestPreferences:
    """What somebody agreed to, by a code or by the link of a message."""

    def enter(self, client, code, email=ADA):
        page = client.post("/preferences/code", data={"email": email})
        asked = re.search(r'name="asked" value="([^"]+)"', page.text)[1]
        return client.post(
            "/preferences/enter", data={"asked": asked, "code": code()}, follow_redirects=False
        ), asked

    def test_a_code_opens_the_page_and_one_click_gives_or_takes_back(self, client, project, code):
        entered, _ = self.enter(client, code)
        assert (entered.status_code, entered.headers["location"]) == (303, "/preferences")
        cookie = entered.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/preferences"))
        page = client.get("/preferences")
        assert "We do not do this." in page.text
        assert ADA not in page.text
        given = client.post("/preferences/say", data={"say": "give", "purpose": "audience"})
        assert "your yes is recorded" in given.text
        assert code_of(project, purpose="audience") == "consented"
        (event,) = read.events(project.ledger, kind="consent_recorded")
        shown = record_form.evidence(project, str(event.facts["interface_sha256"])).decode()
        assert "measure how our site is used" in shown
        assert (
            shown.strip() in client.get("/preferences").text
            or "You said yes" in client.get("/preferences").text
        )
        assert "You said yes on 23 November 2026" in client.get("/preferences").text
        client.post("/preferences/say", data={"say": "stop", "purpose": "audience"})
        assert code_of(project, purpose="audience") == "withdrawn"
        assert "You said no, on 23 November 2026" in client.get("/preferences").text

    def test_what_is_shown_has_its_receipt_for_whoever_entered_the_code_and_for_nobody_else(
        self, client, project, code
    ):
        def receipts(text):
            return re.findall(r'href="(/preferences/receipts/\w+)"', text)

        self.enter(client, code)
        assert receipts(client.get("/preferences").text) == []  # nothing was said yet
        given = client.post("/preferences/say", data={"say": "give", "purpose": "newsletter"}).text
        assert "sealed within minutes" in given
        seal.seal(project.ledger)
        page = client.get("/preferences").text
        assert "sealed within minutes" not in page
        said = receipts(page)
        assert said == receipts(given)
        for path in said:
            found = verify_proof(client.get(path).content)
            assert (found.sealed, found.event.facts["given"]) == (True, "given")
            assert ADA.encode() not in client.get(path).content
        token = message_link.stop_token(project, ADA, "newsletter")
        assert receipts(client.get(f"/preferences/{token}").text) == []  # a message may have been passed on
        client.post("/preferences/say", data={"say": "stop", "purpose": "newsletter"})
        (no,) = receipts(client.get("/preferences").text)
        assert verify_proof(client.get(no).content).event.kind == "objection_recorded"
        assert client.get(said[0]).status_code == 404  # shown no more
        assert client.get("/preferences/receipts/made-up").status_code == 404
        assert client.get(no, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        client.post("/preferences/end")
        assert client.get(no).status_code == 403
        self.enter(client, code, email=NOBODY)
        assert client.get(no).status_code == 404
        assert "Télécharger le reçu" not in client.get("/preferences?lang=fr").text
        self.enter(client, code)
        assert "Télécharger le reçu de ce choix" in client.get("/preferences?lang=fr").text

    def test_what_is_shown_is_what_is_kept_as_evidence(self, client, project, code):
        self.enter(client, code)
        before = client.get("/preferences").text
        client.post("/preferences/say", data={"say": "give", "purpose": "audience"})
        (event,) = read.events(project.ledger, kind="consent_recorded")
        assert record_form.evidence(project, str(event.facts["interface_sha256"])).decode() in before

    def test_a_yes_to_marketing_after_an_objection_opens_it_again(self, client, project, code):
        self.enter(client, code)
        client.post("/preferences/say", data={"say": "stop_all"})
        assert code_of(project) in {"objected_marketing", "suppressed"}
        project_clock = project.clock
        project_clock.forward(seconds=5)
        client.post("/preferences/say", data={"say": "give", "purpose": "newsletter"})
        assert may(project, [("email", ADA)], "newsletter", channel="email").allowed

    def test_known_and_unknown_addresses_are_answered_alike_and_each_gets_a_code(
        self, client, project, letters
    ):
        agree(project)
        texts = []
        for email in (ADA, NOBODY):
            page = client.post("/preferences/code", data={"email": email})
            texts.append(re.sub(r'value="[\w-]{40,}"', "", page.text))
        assert texts[0] == texts[1]
        assert [to for to, _, _ in letters()] == [ADA, NOBODY]
        assert subjects.find_subject(project.ledger, "email", NOBODY) is None

    def test_wrong_late_used_and_too_many_codes_open_nothing(self, client, project, code, clock):
        page = client.post("/preferences/code", data={"email": ADA})
        asked = re.search(r'name="asked" value="([^"]+)"', page.text)[1]
        right = code()
        for wrong in ("", "00000000", right[:-1]):
            assert client.post("/preferences/enter", data={"asked": asked, "code": wrong}).status_code == 422
        assert client.post("/preferences/enter", data={"asked": "made-up", "code": right}).status_code == 422
        assert (
            client.post(
                "/preferences/enter", data={"asked": asked, "code": right}, follow_redirects=False
            ).status_code
            == 303
        )
        assert (
            client.post("/preferences/enter", data={"asked": asked, "code": right}).status_code == 422
        )  # used
        _, asked = self.enter(client, code)
        clock.forward(minutes=16)
        assert client.post("/preferences/enter", data={"asked": asked, "code": code()}).status_code == 422
        many = client.post("/preferences/code", data={"email": NOBODY})
        asked = re.search(r'name="asked" value="([^"]+)"', many.text)[1]
        for _ in range(6):
            client.post("/preferences/enter", data={"asked": asked, "code": "1"})
        assert client.post("/preferences/enter", data={"asked": asked, "code": code()}).status_code == 422

    def test_a_session_ends_and_cannot_be_made_up(self, client, project, code, clock):
        assert client.post("/preferences/say", data={"say": "stop_all"}).status_code == 403
        self.enter(client, code)
        assert (
            client.post(
                "/preferences/say", data={"say": "stop_all"}, headers={"sec-fetch-site": "cross-site"}
            ).status_code
            == 403
        )
        clock.forward(minutes=31)
        assert client.post("/preferences/say", data={"say": "stop_all"}).status_code == 403
        clock.forward(minutes=-31)
        assert "Stop all marketing" in client.get("/preferences").text
        client.post("/preferences/end")
        assert "Send me a code" in client.get("/preferences").text
        client.cookies.set(
            "troth_preferences", message_link.stop_token(project, ADA, "newsletter"), path="/preferences"
        )
        assert "Send me a code" in client.get("/preferences").text

    def test_codes_are_not_sent_to_one_address_without_end(self, client, project, letters):
        answers = [client.post("/preferences/code", data={"email": ADA}).status_code for _ in range(7)]
        assert answers == [200] * 5 + [422] * 2
        assert len(letters()) == 5
        assert client.post("/preferences/code", data={"email": "nowhere"}).status_code == 422

    def test_the_link_of_a_message_shows_them_for_a_while_and_stops_but_never_says_yes(
        self, client, project, clock
    ):
        agree(project)
        token = message_link.stop_token(project, ADA, "newsletter")
        page = client.get(f"/preferences/{token}")
        assert "You said yes" in page.text
        assert 'value="give"' not in page.text
        client.post(f"/preferences/{token}/say", data={"say": "give", "purpose": "audience"})
        assert code_of(project, purpose="audience") == "no_consent"
        client.post(f"/preferences/{token}/say", data={"say": "stop", "purpose": "newsletter"})
        assert not may(project, [("email", ADA)], "newsletter", channel="email").allowed
        clock.forward(days=31)
        old = client.get(f"/preferences/{token}", follow_redirects=False)
        assert (old.status_code, "told=prefs.told.old" in old.headers["location"]) == (303, True)
        assert (
            client.post(
                f"/preferences/{token}/say", data={"say": "stop_all"}, follow_redirects=False
            ).status_code
            == 303
        )
        assert objections(project)

    @pytest.mark.parametrize(
        "data", [{}, {"say": "stop"}, {"say": "stop", "purpose": "payroll"}, {"say": "canary"}]
    )
    def test_what_is_no_choice_changes_nothing(self, client, project, data):
        token = message_link.stop_token(project, ADA, "newsletter")
        assert client.post(f"/preferences/{token}/say", data=data).status_code == 404
        assert objections(project) == []


def test_a_code_of_a_form_that_is_sent_twice_is_one(project, letters):
    from concurrent.futures import ThreadPoolExecutor

    def once_in(page):
        return page.text.split('name="once" value="', 1)[1].partition('"')[0]

    with TestClient(application(project), base_url="http://127.0.0.1:8080") as client:
        form = {"email": ADA, "once": once_in(client.get("/preferences"))}
        before = len(letters())
        with ThreadPoolExecutor(3) as pressed:
            pages = list(pressed.map(lambda _: client.post("/preferences/code", data=form), range(3)))
        assert [one.status_code for one in pages] == [200] * 3
        assert len(letters()) == before + 1
        assert client.post("/preferences/code", data=form | {"email": NOBODY}).status_code == 200
        assert len(letters()) == before + 2  # another address is another code, whatever the form
        client.post("/preferences/code", data={"email": ADA, "once": once_in(client.get("/preferences"))})
        assert len(letters()) == before + 3
