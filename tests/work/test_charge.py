"""A fee is shown to be due, confirmed by a second person after advice, told by letter, and never beside a refusal."""

from dataclasses import replace
from decimal import Decimal

import pytest

import story
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.policy.promise import Fee
from troth.rules.fee import Cost, Proof, earlier, why_not_propose
from troth.work import carry_on, charge, decide

COST = Cost(Decimal(2), Decimal(30), Decimal("4.20"), "EUR")
FACTS = "Ten requests since Monday, all for the same rows, none of which changed; canary-facts."
OFFERED = "the rows of the last year only"


SHOWN = Proof("excessive", FACTS, OFFERED, data_changed=False)


def proposed(project, earlier=True, **more):
    if earlier:
        story.ask(project, "access", "erase")
    number = story.ask(project, "access", "port")
    charge.propose(project, number, "marie", COST, replace(SHOWN, **more))
    return number


def test_a_fee_goes_its_whole_way(project, letters):
    number = proposed(project)
    assert len(letters()) == 2  # nothing but the acknowledgements has gone out
    with pytest.raises(NotAllowedError, match=r"marie proposed the fee.*not advised"):
        charge.confirm(project, number, "marie")
    decide.advise(project, number, "c1", "dana", "the overlap is real")
    charge.confirm(project, number, "paul")
    state = story.state(project, number)
    assert (state["status"], state["fee"]["amount"], state["fee"]["confirmed_by"]) == (
        "waiting",
        "64.20",
        "paul",
    )
    assert state["legal_due"] == "2026-12-23"  # in the Union the clock runs on
    text = letters()[-1][2]
    for piece in (
        "64.20 EUR",
        "2 h × 30 EUR + 4.20 EUR = 64.20 EUR",
        OFFERED,
        "canary-facts",
        "23 December 2026",
        "CNIL",
    ):
        assert piece in text
    for claim in ("c1", "c2"):
        decide.decide(project, number, claim, "grant", "marie")
    with pytest.raises(NotAllowedError, match="Say by what"):
        charge.move(project, number, "marie", "paid")
    charge.move(project, number, "marie", "paid", proof="transfer of today")
    assert story.state(project, number)["status"] == "decided"


def test_the_facts_are_in_the_vault_and_in_no_event(project):
    number = proposed(project)
    event = read.stream(project.ledger, f"request/{number}")[-1]
    assert "canary-facts" in vault.payload(project.ledger, event)["facts"]
    assert "canary" not in str(event.facts)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"facts": "too many"}, "Number alone shows nothing"),
        ({"offered": " "}, "other way you offered"),
        ({"kind": "annoying"}, "manifestly unfounded or excessive"),
        ({"data_changed": None}, "whether the data has changed"),
        ({"data_changed": True}, "asking again is reasonable"),
        ({"earlier": False}, "only where you show that it was not made to know"),
    ],
)
def test_what_is_not_shown_is_not_proposed(project, more, sentence):
    with pytest.raises(NotAllowedError, match=sentence):
        proposed(project, **more)


def test_the_record_says_what_was_asked_before_how_long_ago_and_how_far_it_overlaps(project, clock):
    story.ask(project, "access", email="bob@example.org")  # somebody else's says nothing
    clock.forward(days=3)
    number = proposed(project, intent="They wrote that they want to keep us busy.", data_changed=True)
    event = read.stream(project.ledger, f"request/{number}")[-1]
    record = vault.payload(project.ledger, event)
    assert record["history"] == ["2026-0002, 2026-11-26, overlap 50 %"]
    assert (record["interval_days"], record["choice"], record["data_changed"]) == (0, "fee", True)


def test_a_first_request_is_excessive_only_by_what_shows_its_intent(project):
    number = proposed(project, earlier=False, intent="They offered to withdraw it for 5,000 EUR.")
    record = vault.payload(project.ledger, read.stream(project.ledger, f"request/{number}")[-1])
    assert (record["history"], record["interval_days"]) == ([], None)


def test_a_fee_is_asked_for_by_post_where_there_is_no_mail(project):
    number = story.ask(project, "access", email="", address="1 rue des Lilas, Lyon", channel="post")
    proof = replace(SHOWN, intent="They offered to withdraw it for 5,000 EUR.")
    charge.propose(project, number, "marie", COST, proof)
    decide.advise(project, number, "c1", "dana", "it is so")
    with pytest.raises(NotAllowedError, match="post it, and say the same again"):
        charge.confirm(project, number, "paul")
    charge.confirm(project, number, "paul", posted="RR 1 FR")
    assert story.state(project, number)["fee"]["state"] == "asked"


def test_a_fee_and_a_refusal_exclude_each_other(project):
    number = proposed(project)
    with pytest.raises(NotAllowedError, match="never both"):
        decide.decide(project, number, "c1", "refuse", "marie", article="Art. 12(5)", reason="x", proof=SHOWN)
    other = story.ask(project, "access")
    decide.decide(project, other, "c1", "refuse", "marie", article="Art. 15(4)", reason="about others")
    with pytest.raises(NotAllowedError, match="never both"):
        charge.propose(project, other, "marie", COST, SHOWN)


def test_a_refusal_as_excessive_needs_the_same_facts(project):
    number = story.ask(project, "access")
    with pytest.raises(NotAllowedError, match="It is for you to show"):
        decide.decide(project, number, "c1", "refuse", "marie", article="Art. 12(5)", reason="too many")


def test_a_policy_that_promises_less_is_held_to_it(folder, clock):
    policy = folder / "policy.md"
    text = policy.read_text()
    policy.write_text(
        text.replace(
            "fee: {basis: administrative_cost}",
            "fee: {basis: administrative_cost, amount_max: 20, currency: EUR}",
        )
    )
    made = opened(folder, clock)
    with pytest.raises(NotAllowedError, match="no fee is above 20 EUR"):
        proposed(made)
    made.close()
    made.ledger.close()


def test_a_fee_that_nobody_pays_may_lapse_after_thirty_days_and_not_before(project, clock):
    number = proposed(project)
    decide.advise(project, number, "c1", "dana", "the overlap is real")
    charge.confirm(project, number, "paul")
    with pytest.raises(NotAllowedError, match="are not over"):
        charge.move(project, number, "marie", "lapsed")
    carry_on.carry_on(project, number)
    clock.forward(days=31)
    charge.move(project, number, "marie", "lapsed")
    decide.decide(
        project, number, "c1", "refuse", "marie", article="Art. 12(5)", reason="see our letter", proof=SHOWN
    )
    assert story.state(project, number)["claims"]["c1"]["outcome"] == "refuse"


def test_in_the_united_kingdom_the_clock_begins_with_the_payment(folder, clock):
    for policy in folder.glob("policy*.md"):
        policy.write_text(
            policy.read_text()
            .replace("country: FR\n      registration", "country: GB\n      registration")
            .replace("Europe/Paris", "Europe/London")
        )
    made = opened(folder, clock)
    number = proposed(made)
    decide.advise(made, number, "c1", "dana", "the overlap is real")
    charge.confirm(made, number, "paul")
    clock.forward(days=10)
    charge.move(made, number, "marie", "paid", proof="transfer")
    assert story.state(made, number)["legal_due"] == "2027-01-04"  # a month from 3 December, a Sunday: Monday
    made.close()
    made.ledger.close()


def test_a_fee_in_another_currency_than_was_promised_is_refused(project):
    promised = replace(project.policy.answer, fee=Fee(amount_max=50, currency="EUR"))
    forty = Cost(Decimal(1), Decimal(40), Decimal(0), "GBP")
    assert list(why_not_propose({"claims": {}}, forty, promised)) == [
        "The policy promises its fee in EUR, and this one is in GBP."
    ]
    assert list(why_not_propose({"claims": {}}, replace(forty, currency="EUR"), promised)) == []


def test_what_we_took_up_again_ourselves_is_no_asking_twice():
    claims = {"c1": {"right": "access"}}
    first = {"id": "2026-0001", "subject": "s", "received": "2026-01-01", "claims": claims}
    again = {"id": "2026-0002", "subject": "s", "received": "2026-03-01", "claims": claims}
    assert [one.number for one in earlier(again, [first, again])] == ["2026-0001"]
    assert earlier({**again, "reopens": {"request": "2026-0001"}}, [first, again]) == ()
