"""Clauses 4.2 and 4.5: whoever is known to us through somebody else is told so within a month, with all of Art. 14."""

import json
from dataclasses import replace
from datetime import date

import pytest

import story
from commanding import troth
from naming import names
from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import read, vault
from troth.ledger.rebuild import rebuild
from troth.rules.collection import HandedIn, is_late
from troth.rules.disclosure import Disclosure
from troth.work import carry_on, disclose, import_collected, inform

WHO = "gwenn.kerbrat@kortebeek-atelier.example"


def recorded(company, **more):
    return inform.record(company, WHO, "employer", date(2026, 11, 20), "marie", name="Gwenn Kerbrat", **more)


def test_the_letter_says_all_that_the_article_lists_from_the_promises(company, letters):
    inform.tell(company, recorded(company).ident)
    ((to, subject, text),) = letters()
    text = text.replace("\xa0", " ")
    assert (to, subject) == (WHO, "We hold data about you that came from somebody else")
    for part in (
        "on 20 November 2026 we received personal data about you from: your employer, whose contract",
        "Vaubrelle Group, Vaubrelle Logiciels SAS, Legal department, privacy@vaubrelle.example",
        "dpo@vaubrelle.example",
        "Business contact details:",
        "to perform our contractual obligations",
        "legitimate interest",
        "Processors that work for us",
        "United States: Vaubrelle Inc.; standard contractual clauses",
        "Contacts at customers: three years; counted from: the end of the contract",
        "erasure: we erase your data on the grounds of clause 7.4",
        "Where something rests on your consent you may withdraw it at any time",
        "https://www.cnil.fr",
        "/notice/en",
    ):
        assert part in text, part
    assert "<" not in text
    assert "\\" not in text
    assert "payroll" not in text.lower()  # what is internal is in no notice


def test_it_is_said_in_french_to_whoever_reads_french(company, letters):
    inform.tell(company, recorded(company, language="fr").ident)
    text = letters()[0][2].replace("\xa0", " ")
    assert "le 20 novembre 2026, nous avons reçu des données personnelles" in text
    assert "votre employeur, dont le contrat vous permet d’utiliser nos offres" in text


def test_it_is_due_within_a_month_and_told_once(company, letters, clock):
    one = recorded(company)
    assert (one.state["status"], one.state["due"]) == ("owed", "2026-12-18")
    assert recorded(company).ident == one.ident
    assert [each.ident for each in inform.owed(company)] == [one.ident]
    inform.tell(company, one.ident)
    assert inform.tell(company, one.ident) is None
    assert len(letters()) == 1
    assert list(inform.owed(company)) == []
    state = inform.load(company, one.ident).state
    assert (state["status"], is_late(state, clock().date())) == ("told", False)
    rebuild(company.ledger)
    assert inform.load(company, one.ident).state == state


def test_told_too_late_is_seen_to_be(company, clock):
    one = recorded(company)
    clock.forward(days=40)
    assert is_late(one.state, clock().date())
    inform.tell(company, one.ident)
    assert is_late(inform.load(company, one.ident).state, clock().date())


def test_a_notice_that_does_not_go_out_stays_owed(company, folder, letters):
    one = recorded(company)
    outbox = folder / ".troth" / "outbox"
    outbox.parent.mkdir(exist_ok=True)
    outbox.write_text("a file where the folder should be")
    assert inform.tell(company, one.ident).facts["outcome"] == "failed"
    outbox.unlink()
    assert inform.tell(company, one.ident).facts["attempt"] == 2
    assert len(letters()) == 1


def test_its_events_name_nobody(company):
    one = recorded(company)
    inform.tell(company, one.ident)
    events = read.stream(company.ledger, f"collection/{one.ident}")
    written = repr([(event.stream, event.facts) for event in events])
    assert [event.kind for event in events] == ["collected", "letter_sent"]
    assert not names(written, "Gwenn")
    assert WHO not in written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": "nowhere"}, "no e-mail address"),
        ({"source": "a-friend"}, "It has: employer, colleague"),
        ({"obtained_on": date(2027, 1, 1)}, "still to come"),
        ({"language": "de"}, "en or fr"),
    ],
)
def test_what_is_wrong_is_said(company, change, said):
    given = {"email": WHO, "source": "employer", "obtained_on": date(2026, 11, 20), "staff": "marie"}
    with pytest.raises(NotAllowedError, match=said):
        inform.record(company, **(given | change))
    with pytest.raises(NotFoundError):
        inform.load(company, "nothing")


def test_the_commands_add_send_and_list(company, folder):
    words = ["inform", "add", WHO, "--source", "employer", "--staff", "marie"]
    assert troth(folder, *words, "--on", "yesterday").code == 2
    added = json.loads(troth(folder, *words, "--on", "2026-01-20", "--json").out)
    listed = troth(folder, "inform", "list")
    assert added["name"] in listed.out
    assert "late" in listed.out
    assert "gwenn" not in listed.out
    assert json.loads(troth(folder, "inform", "send", "--json").out) == {"told": 1, "owed": 0}
    assert json.loads(troth(folder, "inform", "list", "--json").out) == []
    assert len(json.loads(troth(folder, "inform", "list", "--all", "--json").out)) == 1


@pytest.mark.parametrize("change", [{"warranted": ("inform",)}, {"warranted_by": ""}])
def test_whoever_gives_data_of_others_must_warrant_for_it(company, tmp_path, change):
    file = tmp_path / "people.csv"
    file.write_text(f"email\n{WHO}\n", encoding="utf-8")
    rows = list(import_collected.listed(file, "fr"))
    told = {
        "channel": "from-somebody-else", "source": "somebody-else", "obtained_on": date(2026, 11, 20),
        "warranted": ("inform", "legal_basis", "refer_to_policy"), "warranted_by": "Finch Ltd",
    }  # fmt: skip
    with pytest.raises(NotAllowedError, match=r"must warrant|who gave"):
        import_collected.take(company, file, HandedIn(**(told | change)), rows, staff="marie")
    statement = tmp_path / "statement.pdf"
    statement.write_bytes(b"signed")
    done = import_collected.take(company, file, HandedIn(**told), rows, staff="marie", warranty=statement)
    assert done.owed == 1
    (event,) = read.events(company.ledger, kind="list_imported")
    assert event.facts["warrants"] == ["inform", "legal_basis", "refer_to_policy"]
    assert len(str(event.facts["warranty_sha256"])) == 64


def test_whoever_was_erased_meanwhile_is_not_written_to_and_nothing_of_them_stays(company, letters):
    one = recorded(company)
    number = story.ask(company, "erase", email=WHO)
    story.grant_erasure(company, number)
    carry_on.carry_on(company, number)
    before = len(letters())
    assert inform.tell(company, one.ident) is None
    assert len(letters()) == before
    assert inform.load(company, one.ident).state["status"] == "destroyed"
    (collected, *_) = read.stream(company.ledger, f"collection/{one.ident}")
    with pytest.raises(KeyDestroyedError):
        vault.payload(company.ledger, collected)
    assert inform.tell(company, one.ident) is None
    assert list(inform.owed(company)) == []


def test_the_file_of_a_notice_is_destroyed_five_years_after_it_was_sent(company, clock):
    one = recorded(company)
    inform.tell(company, one.ident)
    clock.forward(days=1820)
    carry_on.one_round(company)
    assert inform.load(company, one.ident).state["status"] == "told"
    clock.forward(days=10)
    carry_on.one_round(company)
    state = inform.load(company, one.ident).state
    assert (state["status"], is_late(state, clock().date())) == ("destroyed", False)
    sent = read.stream(company.ledger, f"collection/{one.ident}")[1]
    assert len(sent.facts["sha256"]) == 64
    with pytest.raises(KeyDestroyedError):
        vault.payload(company.ledger, sent)
    rebuild(company.ledger)
    assert inform.load(company, one.ident).state == state


def test_nothing_goes_to_others_before_the_person_was_told(company):
    one = recorded(company)
    partner = next(name for name, each in company.policy.recipients.items() if each.role == "controller")
    told = Disclosure(partner, ("contact",), "marketing", date(2026, 11, 23), {})
    who = [("email", WHO)]
    assert "informed" in dict(disclose.why_not(company, who, told))
    assert "informed" not in dict(disclose.why_not(company, [("email", "nobody@example.net")], told))
    processor = next(name for name, each in company.policy.recipients.items() if each.role == "processor")
    assert "informed" not in dict(disclose.why_not(company, who, replace(told, recipient=processor)))
    inform.tell(company, one.ident)
    assert "informed" not in dict(disclose.why_not(company, who, told))
    assert "informed" in dict(disclose.why_not(company, who, replace(told, on=date(2026, 11, 21))))
