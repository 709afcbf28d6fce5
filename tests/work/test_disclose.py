"""Disclosures: the gate before, the memory after, and the list a person may ask for."""

import json
from dataclasses import replace
from datetime import date

import pytest

import story
from commanding import troth
from naming import names
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.rules.disclosure import Disclosure
from troth.work import audit, carry_on, decide, disclose, hold, settle_recipient

ADA = (("email", "ada@example.org"),)
DAY = date(2026, 11, 20)
TAX = Disclosure("tax-office", ("order",), "accounts", DAY, {"legal_reference": "canary LPF L81"})


def control(project, name):
    return next(
        one for one in audit.audit(project, record=False) if one.promise.endswith(f"recipient/{name}")
    )


def test_a_disclosure_is_recorded_and_found_again_by_any_spelling(project):
    event = disclose.disclose(project, ADA, TAX, staff="marie")
    assert disclose.disclosed(project, (("email", " ADA@example.org"),)) == (event,)
    assert disclose.disclosed(project, (("email", "bob@example.org"),)) == ()
    assert event.facts["class"] == "authority"
    assert vault.payload(project.ledger, event)["legal_reference"] == "canary LPF L81"


def test_it_carries_no_subject_and_nothing_that_names_anybody(project):
    number = story.ask(project, "access")
    event = disclose.disclose(project, ADA, TAX, staff="marie")
    subject = story.state(project, number)["subject"]
    assert event.subject is None
    body = json.dumps([event.stream, dict(event.facts)])
    assert subject not in body
    assert not names(body, "ada")
    assert "canary" not in body


def test_what_lacks_its_condition_is_refused_before_and_recorded_after(project):
    bare = replace(TAX, evidence={})
    with pytest.raises(NotAllowedError, match="lacks the law that obliges"):
        disclose.disclose(project, ADA, bare, staff="marie")
    assert disclose.disclosed(project, ADA) == ()
    event = disclose.disclose(project, ADA, bare, staff="marie", happened=True)
    assert event.facts["lacks"] == ["legal_reference"]


def test_marketing_is_not_disclosed_about_who_objected(project):
    news = Disclosure("hosting", ("contact",), "newsletter", DAY, {"agreement": "A"})
    assert disclose.disclose(project, ADA, news, staff="marie")
    story.ask(project, "object_marketing", email="ada+shop@example.org")
    with pytest.raises(NotAllowedError, match="objected to direct marketing"):
        disclose.disclose(project, ADA, news, staff="marie")


def test_tomorrows_disclosure_and_nobodys_are_refused(project):
    with pytest.raises(NotAllowedError, match="in the future"):
        disclose.disclose(project, ADA, replace(TAX, on=date(2030, 1, 1)), staff="marie")
    with pytest.raises(NotAllowedError, match="about somebody"):
        disclose.disclose(project, (), TAX, staff="marie")


def test_two_identifiers_lead_to_one_list(project):
    both = (*ADA, ("phone", "+33612345678"))
    disclose.disclose(project, both, TAX, staff="marie")
    disclose.disclose(project, (("phone", "+33612345678"),), replace(TAX, document="X"), staff="marie")
    assert len(disclose.disclosed(project, ADA)) == 2


def test_the_audit_knows_kept_broken_and_unproven(project):
    assert control(project, "tax-office").word == "unproven"
    disclose.disclose(project, ADA, TAX, staff="marie")
    assert control(project, "tax-office").word == "kept"
    event = disclose.disclose(project, ADA, replace(TAX, evidence={}), staff="marie", happened=True)
    found = control(project, "tax-office")
    assert (found.word, found.broken_by) == ("broken", (f"disclosure {event.id}: it lacked legal_reference",))
    disclose.disclose(project, ADA, replace(TAX, recipient="neighbour"), staff="marie", happened=True)
    assert "somebody the policy does not name" in control(project, "hosting").broken_by[0]


def test_who_received_something_is_listed_and_told_of_the_erasure(project, letters):
    nobody = (("email", "eve@example.org"),)  # she is in the news only, whose data the tax office never has
    disclose.disclose(project, nobody, TAX, staff="marie")
    number = story.ask(project, "list_recipients", "erase", email="eve@example.org")
    decide.decide(project, number, "c1", "grant", "marie")
    story.grant_erasure(project, number, "c2")
    carry_on.carry_on(project, number)
    assert "Tax office" in letters()[-1][2]
    told = story.state(project, number)["claims"]["c2"]["recipients"]
    assert told["tax-office"] == "told"


def test_whoever_is_on_record_and_not_in_the_policy_is_named_and_told_by_staff(project, letters):
    eve = (("email", "eve@example.org"),)
    disclose.disclose(project, eve, replace(TAX, recipient="Canary Neighbours"), staff="marie", happened=True)
    number = story.ask(project, "list_recipients", "erase", "object_marketing", email="eve@example.org")
    decide.decide(project, number, "c1", "grant", "marie")
    story.grant_erasure(project, number, "c2")
    carry_on.carry_on(project, number)
    claims = story.state(project, number)["claims"]
    assert claims["c2"]["recipients"]["unnamed"] == "task"
    assert "unnamed" not in claims["c3"]["recipients"]  # it had the data for another purpose
    assert "Canary Neighbours" in letters()[-1][2]
    events = read.stream(project.ledger, f"request/{number}")
    told = next(e for e in events if e.kind == "recipient_notified" and e.facts["recipient"] == "unnamed")
    assert vault.payload(project.ledger, told)["names"] == ["Canary Neighbours"]
    assert "Canary" not in str([e.facts for e in events])
    settle_recipient.told(project, number, "c2", "unnamed", "marie", "a letter to them")
    assert story.state(project, number)["claims"]["c2"]["recipients"]["unnamed"] == "told"


def test_what_a_choice_stops_is_told_to_whoever_has_the_data_for_it_by_the_record(project):
    # The policy gives the tax office nothing for the newsletter; the record says that it had it all the same.
    news = replace(TAX, purpose="newsletter", categories=("contact",))
    disclose.disclose(project, ADA, news, staff="marie", happened=True)
    number = story.ask(project, "object_marketing")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["recipients"]["tax-office"] == "told"


def test_what_goes_to_a_court_names_a_hold_that_stood_and_is_about_the_person(project, folder, clock):
    placed = hold.place(project, "case 12", "They sue us.", date(2027, 1, 5), "dana", about=ADA)
    name = placed.state["name"]
    assert hold.covers(project, name, ADA, date(2026, 11, 23))
    assert not hold.covers(project, name, (("email", "bob@example.org"),), date(2026, 11, 23))
    assert not hold.covers(project, name, ADA, date(2026, 11, 20))
    assert not hold.covers(project, "h0", ADA, date(2026, 11, 23))
    made = replace(TAX, on=date(2026, 11, 23), evidence={**TAX.evidence, "hold": name})
    assert disclose.disclose(project, ADA, made, staff="marie")
    with pytest.raises(NotAllowedError, match="no legal hold 'h0' that was about this person"):
        disclose.disclose(project, ADA, replace(made, evidence={**TAX.evidence, "hold": "h0"}), staff="marie")
    clock.forward(days=1)
    hold.end(project, name, "It is settled.", "dana")
    assert not hold.covers(project, name, ADA, date(2026, 11, 26))
    assert hold.covers(project, name, ADA, date(2026, 11, 23))


# Imports

HEAD = "kind,identifier,recipient,categories,purpose,on,legal_reference,agreement\n"
GOOD = "email,ada@example.org,tax-office,order;identity,accounts,2026-01-05,LPF L81,\n"
BARE = "email,bob@example.org,tax-office,order,accounts,2026-01-05,,\n"


def imported(folder, name, text, *words):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return troth(folder, "disclosure", "import", file, "--staff", "marie", "--json", *words)


def test_an_import_takes_each_line_once(folder, project):
    said = imported(folder, "d.csv", HEAD + GOOD)
    assert (said.code, json.loads(said.out)["taken"]) == (0, 1), said.err
    again = json.loads(imported(folder, "d.csv", HEAD + GOOD).out)
    assert (again["taken"], again["known"]) == (0, 1)
    assert len(disclose.disclosed(project, ADA)) == 1


def test_a_dry_run_judges_every_line_and_records_nothing(folder, project):
    said = imported(folder, "d.csv", HEAD + GOOD + BARE, "--dry-run")
    told = json.loads(said.out)
    assert (said.code, told["taken"]) == (1, 2)
    assert told["lacking"][0][0] == 3
    assert not list(read.events(project.ledger, kind="disclosure_made"))


def test_lines_that_cannot_be_read_are_told_by_number_and_the_rest_is_taken(folder):
    wrong = "email,,tax-office,order,accounts,2026-01-05,x,\nemail,a@b.example,tax-office,order,accounts,05/01/26,x,\n"
    told = json.loads(imported(folder, "d.csv", HEAD + wrong + GOOD).out)
    assert told["taken"] == 1
    assert [number for number, _ in told["wrong"]] == [2, 3]
    assert "example.org" not in json.dumps(told["wrong"])


def test_json_lines_are_read_too(folder):
    line = {"kind": "email", "identifier": "ada@example.org", "recipient": "tax-office", "purpose": "accounts",
            "categories": ["order"], "on": "2026-01-05", "legal_reference": "LPF L81"}  # fmt: skip
    text = json.dumps(line) + "\n\nnot json\n[1]\n"
    told = json.loads(imported(folder, "d.jsonl", text).out)
    assert told["taken"] == 1
    assert [number for number, _ in told["wrong"]] == [3, 4]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "lacks kind, identifier"),
        (
            "latin.csv",
            HEAD.encode() + "email,é@b.example,x,y,z,2026-01-01,,\n".encode("latin-1"),
            "not UTF-8",
        ),
        ("head.csv", b"who,what\n1,2\n", "lacks kind"),
    ],
)
def test_files_that_are_no_import_get_a_sentence(folder, name, content, sentence):
    (folder / name).write_bytes(content)
    said = troth(folder, "disclosure", "import", folder / name, "--staff", "marie")
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_on_the_command_line_a_disclosure_is_added_listed_and_refused(folder):
    words = [
        "--about",
        "email=ada@example.org",
        "--to",
        "tax-office",
        "--category",
        "order",
        "--purpose",
        "accounts",
    ]
    said = troth(folder, "disclosure", "add", *words, "--staff", "marie")
    assert (said.code, "legal_reference" in said.err) == (2, True)
    said = troth(
        folder, "disclosure", "add", *words, "--evidence", "legal_reference=LPF L81", "--staff", "marie"
    )
    assert said.code == 0, said.err
    said = troth(folder, "disclosure", "list", "--about", "email=ada@example.org")
    assert "tax-office" in said.out
    said = troth(folder, "disclosure", "list", "--about", "email=nobody@example.org")
    assert "Nothing was recorded" in said.out
    said = troth(folder, "disclosure", "list", "--about", "ada@example.org")
    assert (said.code, "name=value" in said.err) == (2, True)
