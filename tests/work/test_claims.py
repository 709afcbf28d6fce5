"""Every right can be used: each is decided, carried out and answered in its own way."""

import csv
import io
import json
import sqlite3
import zipfile
from contextlib import closing

import jsonschema
import pytest

import story
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read, subjects, suppression, vault
from troth.rules import portable
from troth.rules.fee import Proof
from troth.work import (
    build_package,
    carry_on,
    carry_out,
    choose,
    close_request,
    decide,
    kept_back,
    open_request,
    request_file,
    tell_recipients,
)
from troth.work.may import may

ADA = "ada@example.org"


def choices(project, number):
    subject = story.state(project, number)["subject"]
    return [
        (event.kind, event.facts["purpose"]) for event in read.stream(project.ledger, f"choices/{subject}")
    ]


def claim(project, number, name="c1"):
    return story.state(project, number)["claims"][name]


# What takes effect on receipt


@pytest.mark.parametrize(("language", "piece"), [("en", "is on record as"), ("fr", "est enregistré sous")])
def test_a_withdrawal_is_told_with_the_id_of_its_record(project, letters, language, piece):
    number = story.ask(project, "withdraw", purposes={"withdraw": ["audience"]}, language=language)
    subject = story.state(project, number)["subject"]
    (event,) = [e for e in read.stream(project.ledger, f"choices/{subject}") if e.kind == "consent_recorded"]
    assert f"{piece} {event.id}" in letters()[0][2]


def test_advertising_stops_with_the_receipt_and_nobody_proves_anything(project, letters):
    number = story.ask(project, "object_marketing")
    assert choices(project, number) == [("objection_recorded", "newsletter")]
    told = claim(project, number)
    assert (told["outcome"], told["decided_by"], told["article"]) == ("grant", "troth", "GDPR Art. 21(3)")
    assert suppression.is_suppressed(project.ledger, "email", ADA)
    assert "it took effect on receipt" in letters()[0][2]


def test_the_objection_is_answered_at_once_and_says_what_is_retained(project, letters):
    number = story.ask(project, "object_marketing")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"
    text = letters()[-1][2]
    assert "Since 23 November 2026 your data is no longer used for this: send you our newsletter." in text
    assert "a keyed hash of your address is retained" in text


def test_another_spelling_of_the_address_is_suppressed_too_and_survives_the_erasure(project):
    story.ask(project, "object_marketing", email="Ada@Example.org")
    subject = subjects.find_subject(project.ledger, "email", ADA)
    subjects.forget_identifiers(project.ledger, subject)
    for spelling in ("ada@example.org", "ADA@EXAMPLE.ORG", "ada+news@example.org"):
        assert suppression.is_suppressed(project.ledger, "email", spelling), spelling
    assert not suppression.is_suppressed(project.ledger, "email", "bob@example.org")
    with project.ledger.reading() as connection:
        found = connection.exec_driver_sql("SELECT * FROM suppressions").all()
    assert found
    assert not any(subject in str(value) for row in found for value in row)


def test_until_the_address_is_proven_it_suppresses_only_itself(project, code):
    number = story.ask(project, "object_marketing", "access", identifiers=[("phone", "+33612345678")])
    assert not suppression.is_suppressed(project.ledger, "phone", "+33612345678")
    story.prove(project, number, code)
    carry_on.carry_on(project, number)
    assert suppression.is_suppressed(project.ledger, "phone", "+33612345678")


def test_a_killed_receipt_is_taken_up_by_the_worker_and_nothing_is_said_twice(project):
    number = story.ask(project, "object_marketing")
    choose.on_receipt(project, number)
    carry_on.carry_on(project, number)
    carry_on.carry_on(project, number)
    assert choices(project, number) == [("objection_recorded", "newsletter")]
    assert story.kinds(project, number).count("claim_decided") == 1


def test_a_withdrawal_that_names_its_purpose_takes_effect_at_once(project, letters):
    number = story.ask(project, "withdraw", purposes={"withdraw": ["audience"]})
    assert choices(project, number) == [("consent_recorded", "audience")]
    carry_on.carry_on(project, number)
    assert "your consent counts no more for this: measure how our site is used" in letters()[-1][2]


def test_a_withdrawal_that_could_mean_several_is_read_by_a_person(project):
    number = story.ask(project, "withdraw", wording="no more newsletter please")
    assert claim(project, number)["outcome"] is None
    decide.decide(project, number, "c1", "grant", "marie", purposes=["newsletter"])
    carry_on.carry_on(project, number)
    assert choices(project, number) == [("consent_recorded", "newsletter")]
    assert story.state(project, number)["status"] == "responded"


def test_a_purpose_the_right_does_not_apply_to_is_refused_with_a_sentence(project):
    with pytest.raises(NotAllowedError, match="does not apply to a purpose 'orders'"):
        story.ask(project, "withdraw", purposes={"withdraw": ["orders"]})


def test_marketing_objections_cannot_be_refused(project):
    number = story.ask(project, "withdraw")
    with pytest.raises(NotAllowedError, match="no room for a refusal"):
        decide.decide(project, number, "c1", "refuse", "marie", article="Art. 7(3)", reason="we like him")


# Objection under Art. 21(1)


@pytest.fixture
def interested(folder, clock):
    """The project, with a purpose that rests on a legitimate interest and a recipient told by mail."""
    policy = folder / "policy.md"
    text = policy.read_text().replace(
        "  audience:\n    does: {en: measure how our site is used, fr: mesurer l’usage de notre site}\n"
        "    legal_basis: consent",
        "  audience:\n    does: {en: measure how our site is used, fr: mesurer l’usage de notre site}\n"
        "    legal_basis: legitimate_interests\n    interest: {en: a better site, fr: un meilleur site}",
    )
    text = text.replace(
        "categories: [usage]\n    recipients: [hosting]",
        "categories: [usage]\n    recipients: [hosting, counter]",
    )
    text = text.replace(
        "  tax-office:",
        "  counter:\n    title: {en: Counting company, fr: Société de mesure}\n    class: processor\n"
        "    role: processor\n    does: {en: counts visits, fr: compte les visites}\n    named:\n"
        "      count: {name: Counting SARL, country: FR}\n    requires: [agreement]\n"
        "    categories: [usage, contact]\n    notify: {by: email, address: stop@counting.example}\n  tax-office:",
        1,
    )
    policy.write_text(text)
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def test_an_objection_that_is_followed_stops_the_purpose_and_its_recipients(interested, letters):
    number = story.ask(interested, "object", wording="I do not want to be counted")
    assert choices(interested, number) == []
    decide.decide(interested, number, "c1", "grant", "marie")
    carry_on.carry_on(interested, number)
    assert choices(interested, number) == [("objection_recorded", "audience")]
    told = [text for to, _, text in letters() if to == "stop@counting.example"]
    assert len(told) == 1
    assert "has objected" in told[0]
    assert "For what: measure how our site is used" in told[0]
    assert f"Who: {ADA}" in told[0]
    assert story.state(interested, number)["status"] == "responded"


def test_an_objection_stops_its_purposes_until_it_is_weighed_and_the_person_is_told(interested, letters):
    number = story.ask(interested, "object")
    told = claim(interested, number)["restriction"]
    assert (told["ground"], told["on"], told["marked"]) == ("objection", "2026-11-23", False)
    assert told["purposes"] == ["audience"]
    to, subject, text = letters()[-1]
    assert (to, subject) == ("ada@example.org", f"Request {number}: the use of your data is restricted")
    assert "you objected, and we are weighing whether we may go on (GDPR Art. 18(1)(d))" in text
    carry_on.carry_on(interested, number)
    assert len([one for one in letters() if "restricted" in one[1]]) == 1


def test_an_objection_that_is_not_followed_needs_grounds_a_second_person_and_a_letter(interested, letters):
    number = story.ask(interested, "object")
    with pytest.raises(NotAllowedError, match="compelling legitimate grounds"):
        decide.decide(interested, number, "c1", "refuse", "marie", article="Art. 21(1)", reason="fraud")
    decide.decide(
        interested, number, "c1", "refuse", "marie", ground="compelling", article="GDPR Art. 21(1)",
        reason="we must see attacks on the site",
    )  # fmt: skip
    carry_on.carry_on(interested, number)
    assert story.state(interested, number)["status"] == "decided"
    decide.review(interested, number, "c1", "paul")
    carry_on.carry_on(interested, number)
    assert story.state(interested, number)["status"] == "refused"
    assert "we must see attacks on the site" in letters()[-1][2]
    assert choices(interested, number) == []


def stopped(project):
    answer = may(project, [("email", ADA)], "audience")
    return answer.reason.code if not answer.allowed else ""


def test_what_an_objection_restricts_stands_until_the_person_is_told_that_it_is_not_followed(interested):
    number = story.ask(interested, "object")
    assert stopped(interested) == "restricted"
    decide.decide(
        interested, number, "c1", "refuse", "marie", ground="compelling", article="GDPR Art. 21(1)",
        reason="we must see attacks on the site",
    )  # fmt: skip
    subject = story.state(interested, number)["subject"]
    assert stopped(interested) == "restricted", "nobody looked at the refusal yet"
    assert subject in {who.subject for who in kept_back.kept_back(interested)}
    decide.review(interested, number, "c1", "paul")
    assert stopped(interested) == "restricted", "the person is not told yet"
    carry_on.carry_on(interested, number)
    assert not stopped(interested)


def test_what_an_objection_restricts_goes_over_into_the_objection_without_a_gap(interested):
    number = story.ask(interested, "object")
    decide.decide(interested, number, "c1", "grant", "marie")
    assert stopped(interested) == "restricted"
    carry_on.carry_on(interested, number)
    assert stopped(interested) == "objected"


def test_what_a_request_restricts_ends_when_it_is_withdrawn(interested):
    number = story.ask(interested, "object")
    close_request.withdraw(interested, number)
    assert not stopped(interested)


def test_an_objection_where_nothing_rests_on_an_interest_is_answered_so(project, letters):
    number = story.ask(project, "object")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    assert "We do nothing with your data to which this right applies." in letters()[-1][2]


def test_a_recipient_that_cannot_be_told_now_is_told_later(interested, folder, clock, letters):
    number = story.ask(interested, "object")
    decide.decide(interested, number, "c1", "grant", "marie")
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    carry_on.carry_on(interested, number)
    assert not claim(interested, number)["done"]
    assert not tell_recipients.all_told(interested, number, "c1")
    outbox.unlink()
    (folder / "letters").rename(outbox)
    clock.forward(minutes=30)
    carry_on.carry_on(interested, number)
    assert claim(interested, number)["done"]
    assert choices(interested, number) == [("objection_recorded", "audience")]


# Portability


def package(project, number, name="c1"):
    carry_on.carry_on(project, number)
    return zipfile.ZipFile(io.BytesIO(b"".join(build_package.open_package(project, number, name, "marie"))))


def test_portable_data_is_what_was_given_for_a_contract_or_by_consent_with_its_schema(project):
    number = story.ask(project, "port")
    decide.decide(project, number, "c1", "grant", "marie")
    with package(project, number) as archive:
        told = json.loads(archive.read("portable.json"))
        jsonschema.validate(told, json.loads(archive.read("schema.json")))
        assert json.loads(archive.read("schema.json")) == json.loads(portable.schema())
        tables = {one["table"]: one for one in told["tables"]}
        assert set(tables) == {"customer", "orders", "message", "subscriber"}
        assert [column["name"] for column in tables["message"]["columns"]] == ["id", "customer_id", "body"]
        rows = json.loads(archive.read(tables["customer"]["json"]))
        assert rows == [{"id": 1, "email": ADA, "name": "Ada Example", "city": "Lyon"}]
        lines = list(csv.DictReader(io.StringIO(archive.read(tables["customer"]["csv"]).decode())))
        assert lines[0]["name"] == "Ada Example"
        page = archive.read("index.html").decode()
        assert "Your data to take elsewhere" in page
        assert "Colleague Carl" not in page


@pytest.mark.parametrize("right", ["access", "port"])
def test_a_credential_is_in_no_answer(folder, clock, right):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("ALTER TABLE customer ADD COLUMN password text")
        connection.execute("UPDATE customer SET password = 'kanarie-secret'")
        connection.commit()
    path = folder / "stores" / "shop.yaml"
    path.write_text(path.read_text().replace("city: contact}", "city: contact, password: credential}"))
    made = opened(folder, clock)
    number = story.ask(made, right)
    if right == "access":
        story.grant_access(made, number, "c1")
    else:
        decide.decide(made, number, "c1", "grant", "marie")
    with package(made, number) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    made.close()
    made.ledger.close()
    assert any(b"Lyon" in data for data in inside.values())
    assert not [name for name, data in inside.items() if b"kanarie" in data]
    if right == "access":
        assert any(b"[withheld: a credential]" in data for data in inside.values())


def test_nothing_is_portable_where_all_rests_on_a_duty(folder, clock):
    policy = folder / "policy.md"
    text = policy.read_text()
    for basis in ("legal_basis: contract", "legal_basis: consent"):
        text = text.replace(
            basis,
            "legal_basis: legal_obligation\n    duty: {en: commercial law, fr: droit commercial}",
        )
    policy.write_text(text)
    made = opened(folder, clock)
    number = story.ask(made, "port")
    decide.decide(made, number, "c1", "grant", "marie")
    with package(made, number) as archive:
        assert json.loads(archive.read("portable.json"))["tables"] == []
        assert "We hold nothing that you can take elsewhere" in archive.read("index.html").decode()
    made.close()
    made.ledger.close()


def test_a_bundle_has_a_file_for_each_claim_and_both_come_before_the_erasure(project, code):
    number = story.ask(project, "access", "port", "erase")
    story.prove(project, number, code)
    story.grant_access(project, number, "c1")
    story.grant_erasure(project, number, "c3")
    carry_on.carry_on(project, number)
    assert not claim(project, number, "c3")["stores"]  # the portable data is not given yet
    story.grant_access(project, number, "c2")
    carry_on.carry_on(project, number)
    assert claim(project, number, "c3")["done"]
    assert build_package.ready(story.state(project, number)) == ("c1", "c2")
    for name, file in (("c1", "data/shop/orders.json"), ("c2", "portable.json")):
        taken = b"".join(build_package.take_answer(project, number, name))
        assert file in zipfile.ZipFile(io.BytesIO(taken)).namelist()
    with pytest.raises(NotAllowedError, match="no answer to fetch"):
        build_package.take_answer(project, number, "c3")


# The list of recipients


def test_the_recipients_are_told_by_name(project, letters):
    number = story.ask(project, "list_recipients")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    text = letters()[-1][2]
    assert "Hosting: Example Hosting SAS (FR)" in text
    assert "Tax office" in text


def test_whoever_is_not_held_has_no_recipients(project, letters):
    number = story.ask(project, "list_recipients", email="nobody@example.org", language="fr")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    assert "Personne à l’extérieur n’a reçu de données vous concernant." in letters()[-1][2]


# What only a person can do


@pytest.mark.parametrize(
    ("right", "ground"),
    [("rectify", ""), ("complete", ""), ("restrict", "a"), ("review_decision", ""), ("post_mortem", "")],
)
def test_what_only_a_person_can_do_is_said_in_their_words(project, letters, right, ground):
    number = story.ask(project, right)
    with pytest.raises(NotAllowedError, match="is not granted"):
        carry_out.carry_out(project, number, "c1", "marie", "done")
    decide.decide(project, number, "c1", "grant", "marie", ground=ground)
    carry_on.carry_on(project, number)
    assert not claim(project, number)["done"]
    with pytest.raises(NotAllowedError, match="Say what was done"):
        carry_out.carry_out(project, number, "c1", "marie", " ")
    carry_out.carry_out(project, number, "c1", "marie", "Your name is now written as you gave it.")
    carry_on.carry_on(project, number)
    assert "Your name is now written as you gave it." in letters()[-1][2]
    with pytest.raises(NotAllowedError, match="nothing more is decided"):
        carry_out.carry_out(project, number, "c1", "marie", "again")


def test_what_was_said_is_in_the_vault_and_in_no_fact(project):
    number = story.ask(project, "rectify")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_out.carry_out(project, number, "c1", "marie", "Canary Smith is spelt right now.")
    event = read.stream(project.ledger, f"request/{number}")[-1]
    assert vault.payload(project.ledger, event)["note"] == "Canary Smith is spelt right now."
    assert "Canary" not in json.dumps(dict(event.facts))


def test_troth_does_by_itself_what_it_can(project):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    with pytest.raises(NotAllowedError, match="which Troth carries out itself"):
        carry_out.carry_out(project, number, "c1", "marie", "done")


def test_rights_of_another_country_are_not_offered(project):
    assert "complain" not in open_request.rights(project)
    with pytest.raises(NotAllowedError, match="There is no right called 'complain' here"):
        story.ask(project, "complain")


# Refusals as manifestly unfounded or excessive


def test_a_request_refused_as_excessive_waits_for_the_advice_of_the_dpo(project):
    story.ask(project, "access")
    number = story.ask(project, "access")
    decide.decide(
        project,
        number,
        "c1",
        "refuse",
        "marie",
        article="Art. 12(5)(b)",
        reason="the tenth this week",
        proof=Proof(
            "excessive",
            "ten requests since Monday, all for the same rows, none of which has changed in between",
            "the last one again",
            data_changed=False,
        ),
    )
    with pytest.raises(NotAllowedError, match="has not advised on it yet"):
        decide.review(project, number, "c1", "paul")
    decide.advise(project, number, "c1", "dana", "The overlap is real; refuse.")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "refused"


def test_the_state_is_the_same_after_a_rebuild(project):
    from troth.ledger.rebuild import rebuild

    number = story.ask(project, "object_marketing", "withdraw", "port", purposes={"withdraw": ["audience"]})
    carry_on.carry_on(project, number)
    before = request_file.load(project, number).state
    rebuild(project.ledger)
    assert request_file.load(project, number).state == before


def test_the_answer_says_what_stays_by_a_decision_why_and_until_when(project, letters):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number, exemptions=["e:shop.message:2027-06-30"])
    carry_on.carry_on(project, number)
    told = letters()[-1][2]
    assert "1 record in shop is archived until 30 June 2027, because of GDPR Art. 17(3)(e)" in told
    assert "The law asks for it. (GDPR Art. 17(3)(e))" in told
    assert story.state(project, number)["claims"]["c1"]["kept"] == [["e", "shop.message", "2027-06-30"]]


def test_a_grant_keeps_nothing_and_an_exemption_ends(project):
    number = story.ask(project, "erase")
    with pytest.raises(NotAllowedError, match="makes the decision a part"):
        decide.decide(project, number, "c1", "grant", "marie", ground="a", exemptions=["e:news:2027-06-30"])
    with pytest.raises(NotAllowedError, match="needs a day after today"):
        story.grant_erasure(project, number, exemptions=["e:news:2026-11-23"])
    with pytest.raises(NotAllowedError, match="No map has data called"):
        story.grant_erasure(project, number, exemptions=["e:nothing:2027-11-23"])
