"""Troth's own records end too: five years after they ended, and not a day before, their keys are destroyed."""

from datetime import UTC, date, datetime

import pytest

import story
from commanding import troth
from troth.errors import KeyDestroyedError
from troth.ledger import keys, read, seal, vault
from troth.ledger.rebuild import rebuild
from troth.ledger.verify import verify
from troth.rules.disclosure import Disclosure
from troth.rules.own_record import KEPT
from troth.rules.rectification import read as written
from troth.work import admit, audit, disclose, hold, incident, inspection, rectify, reply
from troth.work.adopt_policy import adopt
from troth.work.destroy_records import destroy_due
from troth.work.publish_policy import publish_policy
from troth.work.record_objection import record_objection

ADA = [("email", "ada@example.org")]
TAX = Disclosure("tax-office", ("order",), "accounts", date(2026, 11, 20), {"legal_reference": "LPF L81"})


def living(project):
    """Every kind of file of which a key is left."""
    return {file.partition("/")[0] for name in KEPT for _, file in keys.living(project.ledger, name, 100)}


def gone(project, event):
    try:
        vault.payload(project.ledger, event)
    except KeyDestroyedError:
        return True
    return False


def ended(project):
    """Records of every kind that came to its end today, 23 November 2026."""
    held = hold.place(project, "A claim", "We defend it", date(2026, 12, 31), "marie", about=ADA)
    hold.end(project, held.state["name"], "settled", "marie")
    number = incident.report(project, "a laptop was lost", "marie").number
    incident.dismiss(project, number, "it was found again, locked", "marie")
    visit = inspection.open_inspection(project, "CNIL", ["contact"], "marie").number
    inspection.add_document(project, visit, "note.txt", b"secret words", "they asked", "marie")
    inspection.close(project, visit, "they thanked us", "marie")
    for one in hold.in_force(project):
        hold.end(project, one.name, "closed", "marie")
    admit.derogate(project, "there is one person in the office", "marie")
    admit.end_derogation(project, "marie")
    promise = audit.audit(project)[0].promise
    reply.reply(project, promise, "we mend it", "head of product", "marie")
    record_objection(project, ADA, subject=story.state(project, story.ask(project, "access"))["subject"],
                     wording="leave me alone")  # fmt: skip


KINDS = {"hold", "incident", "inspection", "office", "reply", "objection"}


def closed(project):
    from troth.work import close_request

    for found in read.states(project.ledger, "request", other_than="closed"):
        number = found.stream.partition("/")[2]
        close_request.withdraw(project, number)
        close_request.close(project, number)


def test_each_record_goes_on_its_day_and_the_events_stay(project, clock):
    ended(project)
    closed(project)
    assert living(project) >= KINDS
    clock.now = datetime(2031, 11, 22, 12, 0, tzinfo=UTC)
    assert destroy_due(project) == 0
    clock.forward(days=1)
    assert destroy_due(project) >= len(KINDS)
    assert destroy_due(project) == 0
    assert living(project) & KINDS == set()
    told = {str(event.facts["file"]) for event in read.events(project.ledger, kind="key_destroyed")}
    assert told == KINDS
    kinds = ("hold_moved", "incident_moved", "inspection_moved", "verdict_replied", "objection_recorded")
    for kind in kinds:
        assert any(gone(project, event) for event in read.events(project.ledger, kind=kind)), kind
    while seal.seal(project.ledger) is not None:
        pass
    assert verify(project.ledger).whole
    rebuild(project.ledger)
    assert inspection.load(project, "V-2026-001").state["status"] == "closed"
    assert reply.replies(project) == {}
    again = reply.reply(project, audit.audit(project)[0].promise, "once more", "head of product", "marie")
    assert not gone(project, again)


def test_what_goes_on_and_the_last_that_stands_are_kept(project, clock):
    publish_policy(project.ledger, project.policy, None, clock().date())
    adopted = adopt(project, "main-entity", "the board", staff="marie")
    incident.report(project, "a laptop was lost", "marie")
    admit.derogate(project, "there is one person in the office", "marie")
    hold.place(project, "Another claim", "We defend it", date(2026, 12, 31), "marie", about=ADA)
    clock.forward(days=366 * 6)
    assert destroy_due(project) == 0
    assert not gone(project, adopted)
    assert living(project) >= {"incident", "office", "hold", "entity"}


def test_a_hold_and_an_open_request_keep_what_is_about_their_person(project, clock):
    found = rectify.measure(project, "shop", ADA, [written("customer.name=Ada Lovelace")])
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    rectify.rectify(project, found.name)
    event = disclose.disclose(project, ADA, TAX, staff="marie")
    clock.forward(days=366 * 7)
    held = hold.place(project, "A claim", "We defend it", date(2034, 1, 31), "marie", about=ADA)
    assert destroy_due(project) == 0
    hold.end(project, held.state["name"], "settled", "marie")
    story.ask(project, "access")
    assert destroy_due(project) == 0
    assert not gone(project, event)
    closed(project)
    assert destroy_due(project) == 2
    assert gone(project, event)
    assert disclose.disclosed(project, ADA) == (event,)
    assert not {"rectification", "disclosure"} & living(project)


def test_one_that_was_stopped_is_gone_on_with_and_the_command_says_how_many(project, folder, clock):
    for what in ("one", "two", "three"):
        number = incident.report(project, what, "marie").number
        incident.dismiss(project, number, "it was none", "marie")
    clock.forward(days=366 * 5)

    class Stopped(BaseException):
        pass

    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        destroy_due(project, stop_at=stop)
    assert destroy_due(project) == 2
    assert destroy_due(project) == 0
    project.close()
    project.ledger.close()
    said = troth(folder, "expire", "--json")
    assert (said.code, '"records": 0' in said.out) == (0, True)
