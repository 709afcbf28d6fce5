"""A rectification and a restriction in the stores carry their claims out, and the recipients are told."""

import pytest

import story
from shop_project import make, opened
from troth.errors import NotAllowedError, NotFoundError
from troth.rules.rectification import read as written
from troth.work import carry_on, carry_out, decide, rectify, restrict

ADA = [("email", "ada@example.org")]


@pytest.fixture
def folder(tmp_path):
    make(tmp_path)
    file = tmp_path / "stores" / "shop.yaml"
    columns = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    file.write_text(
        file.read_text().replace(columns, columns + "    restriction: {set_aside: [name, city]}\n")
    )
    return tmp_path


@pytest.fixture
def project(folder, clock):
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def corrected(project, who=ADA):
    found = rectify.measure(project, "shop", who, [written("customer.name=Ada Lovelace")])
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "paul")
    return found.name


def test_a_rectification_carries_its_claim_out_and_its_recipients_are_told(project, letters):
    number = story.ask(project, "rectify")
    decide.decide(project, number, "c1", "grant", "marie")
    name = corrected(project)
    with pytest.raises(NotAllowedError, match="carry it out first"):
        carry_out.carry_out(project, number, "c1", "marie", "Your name is right now.", by=name)
    rectify.rectify(project, name)
    carry_out.carry_out(project, number, "c1", "marie", "Your name is right now.", by=name)
    claim = story.state(project, number)["claims"]["c1"]
    assert claim["by"] == f"rectification/{name}"
    assert ["shop", "customer", "name"] in claim["changed"]
    assert claim["recipients"] == {"hosting": "told", "tax-office": "told"}
    tax = next(text for to, _, text in letters() if to == "tax@company.example")
    assert "rectified" in tax
    carry_on.carry_on(project, number)
    assert story.state(project, number)["status"] == "responded"
    assert "Tax office: told on" in letters()[-1][2]


def test_a_restriction_carries_its_claim_out(project):
    number = story.ask(project, "restrict")
    decide.decide(project, number, "c1", "grant", "marie", ground="a")
    found = restrict.measure(project, ADA, "accuracy")
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "paul")
    restrict.restrict(project, found.name)
    carry_out.carry_out(project, number, "c1", "marie", "It is only stored for now.", by=found.name)
    assert story.state(project, number)["claims"]["c1"]["recipients"]


def test_somebody_elses_rectification_carries_nothing_out(project):
    number = story.ask(project, "rectify")
    decide.decide(project, number, "c1", "grant", "marie")
    name = corrected(project, [("email", "bob@example.org")])
    rectify.rectify(project, name)
    with pytest.raises(NotAllowedError, match="about somebody else"):
        carry_out.carry_out(project, number, "c1", "marie", "Done.", by=name)
    with pytest.raises(NotFoundError, match="There is no rectification"):
        carry_out.carry_out(project, number, "c1", "marie", "Done.", by="nothing")


def test_a_recipient_that_cannot_be_told_is_told_by_the_worker_later(project, folder, clock):
    number = story.ask(project, "rectify", "erase")
    decide.decide(project, number, "c1", "grant", "marie")
    name = corrected(project)
    rectify.rectify(project, name)
    outbox = folder / ".troth" / "outbox"
    outbox.rename(folder / "letters")
    outbox.write_text("a file where the folder should be")
    carry_out.carry_out(project, number, "c1", "marie", "Done.", by=name)
    assert story.state(project, number)["claims"]["c1"]["recipients"]["tax-office"] == "failed"
    outbox.unlink()
    clock.forward(minutes=30)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["recipients"]["tax-office"] == "told"
