"""Rows of the stores that say what went to whom are disclosures, recorded once, before an erasure takes them."""

import sqlite3

import pytest

import story
from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import seal
from troth.rules import map_policy
from troth.stores.map_file import read
from troth.work import (
    audit,
    carry_on,
    disclose,
    list_recipients,
    read_disclosures,
    request_file,
    tell_of_choices,
    telling_file,
)
from troth.work.record_objection import record_objection

SENT = """
CREATE TABLE sent (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), day date, partner text);
INSERT INTO sent VALUES (1, 1, '2026-02-01', 'tax-office'), (2, 2, '2026-02-02', 'tax-office'),
    (3, 1, '2026-02-03', 'a broker'), (4, 1, NULL, 'tax-office');
"""
TABLE = """
  sent:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, day: not_personal, partner: not_personal}
    discloses: {to: {column: partner}, on: day, purpose: accounts, categories: [order],
                evidence: {legal_reference: LPF Art. L81}}
    erase: {do: delete, by: dpo, because: no longer needed}
"""
ADA = [("email", "ada@example.org")]


@pytest.fixture
def project(folder, clock):
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.executescript(SENT)
    file = folder / "stores" / "shop.yaml"
    file.write_text(file.read_text() + TABLE.lstrip("\n"))
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def made(project, identifiers=ADA):
    return [
        (event.facts["recipient"], event.facts["on"], event.facts["lacks"])
        for event in disclose.disclosed(project, identifiers)
    ]


def test_each_row_is_recorded_once_for_its_person(project):
    done = read_disclosures.of_everybody(project, "shop")
    assert (done.new, done.known, done.lacking, done.undated) == (4, 0, 1, 1)
    assert made(project) == [
        ("tax-office", "2026-02-01", []),
        ("unnamed", "2026-02-03", ["recipient"]),  # the list of the policy is closed
        ("tax-office", "2026-11-23", []),
    ]
    assert made(project, [("email", "bob@example.org")]) == [("tax-office", "2026-02-02", [])]
    again = read_disclosures.of_everybody(project, "shop")
    assert (again.new, again.known) == (0, 4)


def test_an_erasure_reads_them_first_and_tells_whom_they_name(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert len(made(project)) == 3
    assert made(project, [("email", "bob@example.org")]) == []  # it read nobody else's
    assert "tax-office" in story.state(project, number)["claims"]["c1"]["recipients"]
    broken = [one.promise for one in audit.audit(project) if one.word == "broken"]
    assert any("recipient" in promise for promise in broken)  # what went to the broker


def test_a_choice_reads_them_first_and_is_told_to_whom_they_name(folder, clock):
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.executescript(SENT)
    file = folder / "stores" / "shop.yaml"
    file.write_text(file.read_text() + TABLE.lstrip("\n").replace("purpose: accounts", "purpose: newsletter"))
    project = opened(folder, clock)
    number = story.ask(project, "object_marketing")
    carry_on.carry_on(project, number)
    assert {"tax-office", "unnamed"} <= set(story.state(project, number)["claims"]["c1"]["recipients"])

    event = record_objection(project, [("email", "bob@example.org")], method="link")
    assert event.subject is None  # nobody here asked or chose before: only the store knows him
    while seal.seal(project.ledger) is not None:
        pass
    tell_of_choices.one_round(project)
    assert telling_file.load(project, event.id).state["recipients"]["tax-office"] == "told"
    project.close()
    project.ledger.close()


def test_the_list_of_recipients_has_them(project):
    number = story.ask(project, "list_recipients")
    found = list_recipients.received(project, request_file.load(project, number))
    assert "tax-office" in {one.key for one in found}
    assert len(made(project)) == 3


def test_what_cannot_be_read_says_why(project):
    with pytest.raises(NotFoundError, match="There is no store called 'nowhere'"):
        read_disclosures.of_everybody(project, "nowhere")
    with pytest.raises(NotAllowedError, match="No table of `news` records disclosures"):
        read_disclosures.of_everybody(project, "news")


def test_the_command_says_what_it_recorded(project, folder):
    said = troth(folder, "disclosure", "read")
    assert said.code == 1  # a broker is nobody the policy names
    assert "shop: recorded 4, known already 0, broke a condition 1; without a day" in " ".join(
        said.out.split()
    )


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("purpose: accounts", "purpose: acounts", "The policy has no purpose `acounts`"),
        ("{column: partner}", "tax-ofice", "The policy has no recipient `tax-ofice`"),
        ("[order]", "[orders]", "The policy has no category `orders`"),
        ("legal_reference", "legal_referense", "There is no evidence called `legal_referense`"),
    ],
)
def test_a_map_that_names_what_the_policy_has_not_is_found(project, folder, was, becomes, said):
    text = (folder / "stores" / "shop.yaml").read_text()
    assert was in TABLE
    found, problems = read(text[: -len(TABLE) + 1] + TABLE.lstrip("\n").replace(was, becomes), "shop.yaml")
    assert problems == ()
    assert any(one.what.startswith(said) for one in map_policy.against(found, project.policy))
