"""A request whole: it says everything, verifies offline, and any change of it is found."""

import io
import json

import pypdf
import pytest

import story
from troth.errors import NotAllowedError, TamperedError
from troth.ledger import seal
from troth.ledger.note import Verifier
from troth.work import carry_on, decide, dossier

WORDING = "please, all of it: canary-wording"


@pytest.fixture
def ended(project):
    number = story.ask(project, "access", "erase", name="Ada Example", wording=WORDING)
    story.grant_access(project, number)
    story.grant_erasure(project, number, "c2")
    carry_on.carry_on(project, number)
    while seal.seal(project.ledger):
        pass
    return number


def gathered(project, number, **more):
    return json.loads(dossier.as_json(dossier.dossier(project, number, "dana", **more)))


def test_it_tells_everything_and_verifies_with_the_ledgers_keys(project, ended):
    told = gathered(project, ended)
    kinds = [event["kind"] for event in told["events"]]
    assert kinds[0] == "request_received"
    assert kinds[-1] == "staff_read"
    assert told["events"][0]["said"]["wording"] == WORDING
    assert any("this is our answer" in str(event.get("said", {}).get("text")) for event in told["events"])
    trusted = seal.verifiers(project.ledger)
    assert dossier.verify(told, *trusted) == len(kinds) - 1  # that it was read is not sealed yet
    assert dossier.is_dossier(told)


def test_that_it_was_read_is_in_it(project, ended):
    assert gathered(project, ended)["events"][-1]["facts"] == {"staff": "dana", "screen": "dossier"}


def test_redacted_it_tells_what_happened_and_nothing_that_was_said(project, ended):
    told = gathered(project, ended, redacted=True)
    written = json.dumps(told, ensure_ascii=False)
    assert "canary" not in written
    assert "ada@example.org" not in written
    assert dossier.verify(told) > 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told["events"].pop(3), "events and"),
        (lambda told: (told["events"].pop(3), told["receipts"].pop(3)), "is missing"),
        (lambda told: told["events"][2]["facts"].update(kind="refusal"), "shown otherwise"),
        (lambda told: told["events"][0].update(at="2020-01-01T00:00:00+00:00"), "shown otherwise"),
        (lambda told: told.update(request="2026-0099"), "is missing"),
        (
            lambda told: told["receipts"][1].update(
                event=told["receipts"][1]["event"].replace("sent", "lost")
            ),
            r"\w",
        ),
        (lambda told: told["receipts"].reverse(), "is missing"),
    ],
)
def test_whatever_was_changed_is_found(project, ended, change, sentence):
    told = gathered(project, ended)
    change(told)
    with pytest.raises(TamperedError, match=sentence):
        dossier.verify(told, *seal.verifiers(project.ledger))


def test_a_letter_worded_otherwise_is_found(project, ended):
    told = gathered(project, ended)
    letter = next(event for event in told["events"] if "text" in event.get("said", {}))
    letter["said"]["text"] += "PS. and a pony"
    with pytest.raises(TamperedError, match="is not the one that was sent"):
        dossier.verify(told)


def test_somebody_elses_key_proves_nothing(project, ended):
    other = str(seal.verifiers(project.ledger)[0]).split("+")
    wrong = "+".join([*other[:2], other[2][::-1]])
    with pytest.raises((TamperedError, NotAllowedError)):
        dossier.verify(gathered(project, ended), Verifier.read(wrong))


def test_what_is_no_dossier_is_told(project):
    for wrong in ({"format": dossier.FORMAT}, {"format": dossier.FORMAT, "events": [], "receipts": []}):
        with pytest.raises(NotAllowedError, match="lacks its events"):
            dossier.verify(wrong)
    assert not dossier.is_dossier([1])


def test_what_was_erased_since_is_said_to_be_and_the_receipts_hold(project, ended):
    from troth.ledger import destroy

    subject = story.state(project, ended)["subject"]
    destroy.destroy(project.ledger, subject, f"request/{ended}", "retention")
    told = gathered(project, ended)
    assert told["events"][0]["erased"]
    assert "canary" not in json.dumps(told)
    assert dossier.verify(told, *seal.verifiers(project.ledger)) > 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_on_paper_it_says_the_same(project, ended, language):
    told = dossier.dossier(project, ended, "dana", language=language)
    read = pypdf.PdfReader(io.BytesIO(dossier.as_pdf(project, told)))
    text = " ".join(" ".join(page.extract_text() for page in read.pages).split())
    for piece in (ended, "canary-wording", "request received", told["events"][0]["id"], "marie", "paul"):
        assert piece in text
    assert ("Ce qui s’est passé" if language == "fr" else "What happened") in text
    head = "Reçue le 23 novembre 2026 (" if language == "fr" else "Received on 23 November 2026 ("
    assert head in text
    assert ("état : répondue" if language == "fr" else "state: responded") in text


def test_a_refused_request_with_odd_words_is_typeset(project):
    number = story.ask(project, "access", name="#eval(1) $x$ <b> \\ Zoë 王", wording="*a* _b_ `c` @d")
    decide.decide(
        project, number, "c1", "refuse", "marie", article="Art. 15(4)", reason="= not a heading\n- x"
    )
    told = dossier.dossier(project, number, "dana")
    text = " ".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(dossier.as_pdf(project, told))).pages
    )
    assert "#eval(1) $x$" in text
