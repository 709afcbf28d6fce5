"""Letters: by mail as text and as a page, on paper with proof of posting, in the project's own words."""

import email
import email.policy
import io
import json

import pypdf
import pytest

import story
from commanding import troth
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import read, vault
from troth.rules import letter
from troth.rules.letter import Written, as_html
from troth.work import answer, ask, carry_on, decide, letter_paper, open_request, prove_address, send_letter

STREET = "1 rue des Lilas, 69001 Lyon"


def by_post(project, *rights, **more):
    return open_request.open_request(
        project, rights, "", name="Ada Example", address=STREET, channel="post", **more
    ).number


def last_mail(folder):
    file = sorted((folder / ".troth" / "outbox").glob("*.eml"))[-1]
    return email.message_from_bytes(file.read_bytes(), policy=email.policy.default)


def test_a_mail_says_the_same_as_text_and_as_a_page(project, folder):
    number = story.ask(project, "access")
    mail = last_mail(folder)
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    assert number in text
    assert f'<a href="http://127.0.0.1:8080/follow/{number}-' in page
    assert "<li>A copy of your data</li>" in page
    assert "<script" not in page
    assert 'src="' not in page  # nothing is loaded from anywhere


def test_a_page_escapes_whatever_people_wrote():
    page = as_html(Written("<b>", 'Dear <script>alert("x")</script> & co\n\n  - <i>\n'), "en")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<li>&lt;i&gt;</li>" in page


@pytest.mark.parametrize("kind", letter.kinds())
@pytest.mark.parametrize("language", letter.LANGUAGES)
def test_every_letter_says_each_of_its_required_fields(kind, language):
    fields = {
        "number": "2026-0001", "organisation": "Acme", "link": "https://x.example/f", "received": "today-ish",
        "dpo": "dpo@x.example", "authority": "CNIL, https://www.cnil.fr", "note": "a note of ours",
        "code": "12345678", "minutes": 15, "due": "the-due-day", "doubt": "the-doubt", "asked": "what-is-asked",
        "enough": "why-enough", "law": "the-law", "reasons": "the-reasons", "file_kept": "5 years",
        "action": "the-action", "recipient": "the-recipient", "scope": "the-scope", "on": "the-day",
        "nature": "what-happened", "consequences": "what-follows", "measures": "what-was-done", "advice": "what-to-do",
        "activities": "the-activities", "aware": "the-moment", "types": "", "occurred": "", "subjects": "", "people": 3,
        "records": None,
        "controller": "the-controller", "agreement": "the-agreement", "person": "the-person", "wording": "the-words",
        "part": True, "store": "the-store", "right": "the-right", "owner": "the-owner", "hold": "the-hold",
        "token": "the-token",
        "ground": "the-ground", "lifts_on": "the-lifting-day",
        "amount": "12.00 EUR", "calculation": "the-sum", "reason": "the-why",
        "sent": "the-day-asked", "what": "identity", "again": "", "about": "the-subject", "words": "our-words",
        "offered": "the-offer", "until": "the-last-day", "lines": ["a line"], "effects": ["an effect"],
        "contact": "the-contact", "source": "the-source", "obtained": "that-day",
        "categories": ["c"], "purposes": ["p"], "transfers": [], "retention": ["r"], "rights": ["r"],
        "withdrawal": True,
        "notice": "the-notice", "version": "the-version", "effective": "the-first-day", "changes": ["a-change"],
        "recipients": [], "download_until": "",
        "claims": [{"right": "a-right", "outcome": "an-outcome", "lines": ["done so"], "reason": "the-reason",
                    "article": "the-article"}],
    }  # fmt: skip
    if kind == "acknowledgement":
        fields["claims"] = ["a-right"]
    fields["whom"] = ["the-one"] if kind == "recipient_choices" else "the-one"
    written = letter.write(kind, language, fields)
    flat = " ".join(f"{written.subject} {written.text}".split())
    for name in letter._told()["required"][kind]:
        if isinstance(fields[name], str):
            assert fields[name] in flat, name
    for name in letter._told()["claim"].get(kind, {}).get("fields", ()):
        assert fields["claims"][0][name] in flat
    for name in letter._told()["required"][kind]:
        with pytest.raises(NotAllowedError, match=name):
            letter.write(kind, language, {**fields, name: ""})


# In the project's own words


def own(folder, name, text):
    file = folder / "templates" / "letters" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_project_words_a_letter_otherwise_and_what_must_be_said_stays(project, folder, letters):
    whole = (
        "Got it: {{ number }}\nHello! {{ received }} {{ claims|join(', ') }} {{ due }} {{ link }} {{ dpo }} "
        "{{ organisation }}"
    )
    own(folder, "acknowledgement.en.txt", whole)
    story.ask(project, "access")
    assert letters()[-1][1] == "Got it: 2026-0001"
    own(folder, "acknowledgement.en.txt", whole.replace("{{ dpo }}", ""))
    with pytest.raises(NotAllowedError, match="does not say dpo"):
        story.ask(project, "access", email="bob@example.org")


def test_a_refusal_worded_without_the_authority_cannot_be_sent(project, folder):
    own(
        folder,
        "refusal.en.txt",
        "No: {{ number }}\n{% for c in claims %}{{ c.right }} {{ c.reason }} {{ c.article }}{% endfor %} "
        "{{ link }} {{ organisation }}",
    )
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 15(4)", reason="it is about others")
    decide.review(project, number, "c1", "paul")
    with pytest.raises(NotAllowedError, match="does not say authority"):
        answer.answer(project, number)
    assert not story.state(project, number).get("refusal_sent")


def test_words_of_ones_own_stand_in_the_answer_and_can_be_looked_at_first(project, letters):
    number = story.ask(project, "rectify")
    answer.add_words(project, number, "marie", "first try")
    answer.add_words(project, number, "marie", "We are sorry that it took so long.")
    kind, fields = answer.said(project, number)
    assert kind == "done"
    assert "sorry" in send_letter.write(project, number, kind, fields).text
    from troth.work import carry_out

    decide.decide(project, number, "c1", "grant", "marie")
    carry_out.carry_out(project, number, "c1", "marie", "Done so.")
    carry_on.carry_on(project, number)
    assert "We are sorry that it took so long." in letters()[-1][2]
    assert "first try" not in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="has gone out"):
        answer.add_words(project, number, "marie", "too late")


# What is asked


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("what", "piece"),
    [("clarification", {"en": "everything", "fr": "tout"}), ("mandate", {"en": "mandate", "fr": "mandat"})],
)
def test_a_clarification_and_a_mandate_have_letters_of_their_own(project, letters, language, what, piece):
    number = story.ask(project, "access", language=language)
    ask.ask(project, number, what, "marie", doubt="it could mean much", asked="which years?")
    _, subject, text = letters()[-1]
    assert piece[language] in f"{subject} {text}"
    assert "which years?" in text
    assert number in subject


# On paper


def test_a_request_by_post_needs_no_mail_and_its_letters_wait_to_be_posted(project, letters):
    number = by_post(project, "access")
    assert letters() == []
    state = story.state(project, number)
    assert [told["outcome"] for told in state["letters"]] == ["to_post"]
    assert [told["letter"] for told in send_letter.to_post(state)] == ["acknowledgement"]
    carry_on.carry_on(project, number)  # the worker writes it no second time
    assert len(story.state(project, number)["letters"]) == 1
    with pytest.raises(NotAllowedError, match="nowhere to send a code"):
        prove_address.send_code(project, number)


def test_posting_is_proven_and_ends_the_request(project):
    number = by_post(project, "rectify")
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 16", reason="it is right as it is")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "decided"
    with pytest.raises(NotAllowedError, match="Posting is proven"):
        send_letter.posted(project, number, "refusal", "marie", " ")
    send_letter.posted(project, number, "refusal", "marie", "canary RR 1 FR")
    assert story.state(project, number)["status"] == "refused"
    event = next(e for e in read.stream(project.ledger, f"request/{number}") if e.kind == "letter_delivered")
    assert vault.payload(project.ledger, event)["proof"] == "canary RR 1 FR"
    with pytest.raises(NotAllowedError, match="No letter 'refusal' waits"):
        send_letter.posted(project, number, "refusal", "marie", "again")


def test_an_ask_by_post_counts_from_its_proof(project):
    number = by_post(project, "access")
    told = {"doubt": "two of that name", "asked": "your number", "enough": "only you have it"}
    with pytest.raises(NotAllowedError, match="post it, and say the same again"):
        ask.ask(project, number, "identity", "marie", **told)
    assert not story.state(project, number)["asks"]
    ask.ask(project, number, "identity", "marie", posted="RR 2 FR", **told)
    assert story.state(project, number)["status"] == "waiting"
    with pytest.raises(NotAllowedError, match="stands still"):
        story.take_longer(project, number, "complexity", reasons="nine archives")
    (name,) = story.state(project, number)["asks"]
    ask.answer_ask(project, number, name, "marie", sufficient=True, method="question")
    with pytest.raises(NotAllowedError, match="post it"):
        story.take_longer(project, number, "complexity", reasons="nine archives")
    story.take_longer(project, number, "complexity", reasons="nine archives", posted="RR 3 FR")
    assert story.state(project, number)["extension"]


def test_a_letter_on_paper_has_its_address_and_its_words(project):
    number = by_post(project, "access", language="fr")
    written, to = letter_paper.find(project, number, "acknowledgement")
    assert to == STREET
    read_ = pypdf.PdfReader(io.BytesIO(letter_paper.pdf(project, number, written, to)))
    text = " ".join(read_.pages[0].extract_text().split())
    for piece in ("Ada Example", "1 rue des Lilas", "69001 Lyon", "23 novembre 2026", number):
        assert piece in text
    with pytest.raises(NotFoundError, match="It has: acknowledgement"):
        letter_paper.find(project, number, "done")


@pytest.mark.parametrize(("channel", "signed"), [("desk", True), ("phone", False)])
def test_whoever_stands_at_the_desk_takes_a_receipt_with_a_line_to_sign(project, channel, signed):
    number = story.ask(
        project, "access", channel=channel, wording="All of it.", read_back=True, language="fr"
    )
    written, to = letter_paper.find(project, number, "acknowledgement")
    receipt = letter_paper.is_receipt(project, number, "acknowledgement")
    drawn = letter_paper.pdf(project, number, written, to, receipt=receipt)
    assert ("Date et signature" in pypdf.PdfReader(io.BytesIO(drawn)).pages[0].extract_text()) is signed


def test_the_same_address_written_in_two_lines_is_one_person(project):
    first = by_post(project, "access")
    second = open_request.open_request(
        project, ["erase"], "", address="1 rue des Lilas,\n69001  Lyon", channel="post"
    ).number
    assert story.state(project, first)["subject"] == story.state(project, second)["subject"]


def test_on_the_command_line_a_letter_is_printed_posted_and_previewed(folder, tmp_path):
    said = troth(
        folder, "request", "open", "-r", "access", "--address", STREET, "--name", "Ada", "--channel", "post"
    )
    assert said.code == 0, said.err
    assert "To post: the letter acknowledgement" in said.out
    for suffix in ("pdf", "html", "txt"):
        file = tmp_path / f"letter.{suffix}"
        assert (
            troth(folder, "request", "letter", "2026-0001", "acknowledgement", "--to", file, "-s", "m").code
            == 0
        )
        assert file.stat().st_mode & 0o077 == 0
    said = troth(
        folder, "request", "letter", "2026-0001", "acknowledgement", "--to", tmp_path / "a.doc", "-s", "m"
    )
    assert (said.code, "PDF, HTML or text" in said.err) == (2, True)
    words = ["request", "posted", "2026-0001", "acknowledgement", "--proof", "23/11/26", "--staff", "marie"]
    assert "To post" not in troth(folder, *words).out
    assert troth(folder, "request", "words", "2026-0001", "Thank you for waiting.", "--staff", "m").code == 0
    said = troth(folder, "request", "preview", "2026-0001")
    assert (said.code, "Nobody is named" in said.err) == (2, True)
    said = troth(folder, "request", "preview", "2026-0001", "--staff", "marie")
    assert "Thank you for waiting." in said.out
    assert "Not yet: Claim c1 is not decided." in said.err
    read_by = json.loads(troth(folder, "request", "timeline", "2026-0001", "--json").out)
    seen = [(e["facts"]["staff"], e["facts"]["screen"]) for e in read_by if e["kind"] == "staff_read"]
    assert seen == [*[("m", "letter")] * 3, ("marie", "preview")]
    words = ["request", "write", "2026-0001", "We look into it.", "--about", "you", "--show"]
    assert "Nobody is named" in troth(folder, *words).err
    assert "We look into it." in troth(folder, *words, "--staff", "marie").out
    read_by = json.loads(troth(folder, "request", "timeline", "2026-0001", "--json").out)
    seen = [(e["facts"]["staff"], e["facts"]["screen"]) for e in read_by if e["kind"] == "staff_read"]
    assert seen[-1] == ("marie", "write")
    said = troth(folder, "request", "open", "-r", "access")
    assert (said.code, "e-mail address" in said.err) == (2, True)
