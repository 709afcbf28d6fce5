"""A controller for whom we process is told of a breach by a letter of its own, once, in English or French."""

import json
from contextlib import closing
from types import SimpleNamespace

import pytest

from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.ledger import read
from troth.work import incident
from troth.work.tell_controller import tell_controller

HOSTING = """
activity:
  hosting:
    title: {en: Hosting for customers, fr: Hébergement pour les clients}
    role: processor
    does: [{en: hosting, fr: hébergement}]
    controllers:
      mirabelle: {name: Banque Mirabelle SA, country: FR, contact: {email: dpo@mirabelle.example}}
      kornblume: {name: Kornblume AG, country: DE, contact: {phone: "+49 30 1"}}
    owner: head of operations
    reviewed: 2026-11-01
"""


@pytest.fixture
def serving(folder, clock):
    (folder / "register" / "hosting.yaml").write_text(HOSTING, encoding="utf-8")
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def breach(serving):
    number = incident.report(serving, "the disk was read", "marie").number
    incident.certain(serving, number, "Dana", serving.clock(), "the log", "marie")
    return number


def test_it_is_written_to_once_with_what_is_known(serving, letters, breach):
    assert tell_controller(serving, breach, "mirabelle", "marie", language="fr") == (
        "dpo@mirabelle.example",
        True,
    )
    incident.assess(serving, breach, "risk", "w", "marie", types=["integrity"], people=3)
    assert tell_controller(serving, breach, "mirabelle", "marie") == ("dpo@mirabelle.example", False)
    ((to, subject, text),) = letters()
    assert (to, subject) == (
        "dpo@mirabelle.example", f"Violation de données personnelles que nous traitons pour vous ({breach})",
    )  # fmt: skip
    for said in ("À Banque Mirabelle SA", "Hébergement pour les clients", "the disk was read", "RGPD art. 33(2)",
                 "1 Example Street", "dpo@company.example"):  # fmt: skip
        assert said in text
    assert incident.load(serving, breach).state["controllers"] == 1
    clear = repr([dict(event.facts) for event in read.events(serving.ledger)])
    assert "irabelle" not in clear
    assert "dpo@mirabelle.example" in incident.words(serving, breach)["proof"]


def test_what_is_known_by_then_is_said_in_the_other_language(serving, letters, breach):
    incident.assess(
        serving, breach, "risk", "w", "marie", types=["integrity"], categories=["contact"], people=3, records=9,
        told={"subjects": "its clients", "consequences": "wrong balances", "measures": "restored"},
    )  # fmt: skip
    tell_controller(serving, breach, "mirabelle", "marie", language="en")
    text = letters()[-1][2]
    for said in ("It was a breach of: integrity", "People, about: 3", "Records, about: 9", "its clients",
                 "wrong balances", "restored"):  # fmt: skip
        assert said in text


def test_without_an_address_or_certainty_it_is_refused_and_what_fails_is_not_recorded(
    serving, letters, breach
):
    with pytest.raises(NotAllowedError, match=r"no e-mail address of kornblume: tell it by other means"):
        tell_controller(serving, breach, "kornblume", "marie")
    with pytest.raises(
        NotFoundError, match=r"no controller 'acme' for whom we process. It has: mirabelle, kornblume"
    ):
        tell_controller(serving, breach, "acme", "marie")
    waiting = incident.report(serving, "perhaps", "marie").number
    with pytest.raises(NotAllowedError, match="Say first since when"):
        tell_controller(serving, waiting, "mirabelle", "marie")
    serving.__dict__["mailer"] = SimpleNamespace(send=lambda _: SimpleNamespace(outcome="failed"))
    with pytest.raises(UnreachableError, match="nothing is recorded"):
        tell_controller(serving, breach, "mirabelle", "marie")
    assert incident.load(serving, breach).state["controllers"] == 0
    assert letters() == []


def test_two_at_once_write_one_letter(serving, folder, clock, letters, breach):
    own, refused = serving.mailer, []

    def send(letter):
        other = opened(folder, clock)
        with closing(other):
            with pytest.raises(NotAllowedError, match="Somebody is writing to mirabelle"):
                tell_controller(other, breach, "mirabelle", "noor")
            refused.append(letter)
            other.ledger.close()
        return own.send(letter)

    serving.__dict__["mailer"] = SimpleNamespace(send=send)
    assert tell_controller(serving, breach, "mirabelle", "marie")[1] is True
    assert (len(refused), len(letters())) == (1, 1)
    assert tell_controller(serving, breach, "mirabelle", "noor")[1] is False, "it was let go at the end"
    assert incident.load(serving, breach).state["controllers"] == 1


def test_the_command_writes_or_records(serving, folder, breach):
    who = ("--staff", "marie")
    assert (
        "Written to dpo@mirabelle.example"
        in troth(folder, "incident", "controller", breach, "--to", "mirabelle", *who).out
    )
    again = troth(folder, "incident", "controller", breach, "--to", "mirabelle", "--json", *who)
    assert json.loads(again.out)["sent"] is False
    both = troth(folder, "incident", "controller", breach, "--to", "mirabelle", "--name", "Acme", *who)
    assert "Say --to KEY" in both.err
    assert (
        troth(folder, "incident", "controller", breach, "--name", "Acme", "--proof", "our mail", *who).code
        == 0
    )
