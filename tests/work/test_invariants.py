"""Whatever people try with a request, in whatever order and with mail that goes or not, the law's invariants hold.

Every verb is the real one, on a real ledger and real stores.  `docs/requests.md` lists the
invariants; each is checked after each step.
"""

import re
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import story
from conftest import SetClock
from shop_project import make, opened
from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.law.working_day import working_days_after
from troth.ledger import read, suppression, vault
from troth.outside.mail import Sent
from troth.rules import fold, set_aside
from troth.rules.fee import Proof
from troth.work import (
    amend_rows,
    ask,
    await_answer,
    build_package,
    carry_on,
    carry_out,
    close_request,
    decide,
    extend,
    lift,
    plan_erasure,
    prove_address,
)

pytestmark = pytest.mark.slow
ADA = "ada@example.org"
STAFF = ("marie", "paul")
BUNDLES = (
    ("access", "erase"), ("object_marketing", "access"), ("restrict",), ("restrict", "erase"), ("erase",),
    ("object", "object_marketing"), ("rectify", "object_marketing"),
)  # fmt: skip
MARKED = "    restriction: {flag: held, active: true, lifted: false}\n"
COLUMNS = "    columns: {id: key, customer_id: link, author: identity, body: contact}\n"


SHOWN = Proof("excessive", "three in a week, for the same rows, none of which has changed", "one of them",
              intent="They wrote so.")  # fmt: skip


class Mail:
    """A way for letters that goes, or does not."""

    def __init__(self, sent):
        self.sent, self.goes = sent, True

    def send(self, letter):
        return self.sent.send(letter) if self.goes else Sent("failed", "smtp 451")


class Handling(RuleBasedStateMachine):
    """One request, everything that can be tried with it, and what must be true all the while."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        make(folder)
        with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
            shop.execute("ALTER TABLE message ADD held boolean DEFAULT 0")
        file = folder / "stores" / "shop.yaml"
        file.write_text(file.read_text().replace(COLUMNS, COLUMNS.replace("}", ", held: flag}") + MARKED))
        self.clock = SetClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
        made = opened(folder, self.clock)
        self.mail = Mail(made.mailer)
        self.project = replace(made, open_mailer=lambda _: self.mail)
        self.seen = ()

    def teardown(self):
        self.project.close()
        if "ledger" in self.project.__dict__:
            self.project.ledger.close()
        self.folder.cleanup()

    @initialize(
        rights=st.sampled_from(BUNDLES), because=st.sampled_from(["", *set_aside.GROUNDS]), goes=st.booleans()
    )
    def receive(self, rights, because, goes):
        self.mail.goes = goes
        self.rights = rights
        self.number = story.ask(self.project, *rights, because=because if "restrict" in rights else "")

    # What people try

    def tries(self, verb, *given, **more):
        with suppress(NotAllowedError, NotFoundError, ConflictError):
            verb(self.project, *given, **more)

    def claim(self, place):
        return list(self.state["claims"])[place % len(self.state["claims"])]

    @rule(goes=st.booleans())
    def mail_changes(self, goes):
        self.mail.goes = goes

    @rule()
    def prove(self):
        self.tries(prove_address.send_code, self.number)
        outbox = sorted((Path(self.folder.name) / ".troth" / "outbox").glob("*.eml"))
        codes = re.findall(r"\b(\d{8})\b", outbox[-1].read_text()) if outbox else []
        if codes:
            self.tries(prove_address.take_code, self.number, codes[0])

    @rule(place=st.integers(0, 1), outcome=st.sampled_from(["grant", "grant", "part", "refuse"]),
          staff=st.sampled_from(STAFF), role=st.sampled_from(["handler", "handler", "dpo"]))  # fmt: skip
    def decide(self, place, outcome, staff, role):
        claim = self.claim(place)
        right = self.state["claims"][claim]["right"]
        ground = "compelling" if right == "object" and outcome != "grant" else "a"
        self.tries(
            decide.decide, self.number, claim, outcome, staff, ground=ground, role=role,
            article="" if outcome == "grant" else "Art. 12(5)", proof=SHOWN,
            reason="" if outcome == "grant" else "It was answered in May.",
        )  # fmt: skip

    @rule(place=st.integers(0, 1), staff=st.sampled_from(STAFF), confirm=st.sampled_from([True, True, False]))
    def review(self, place, staff, confirm):
        self.tries(decide.advise, self.number, self.claim(place), "dora", "Seen.")
        self.tries(decide.review, self.number, self.claim(place), staff, confirm=confirm)

    @rule(place=st.integers(0, 1), staff=st.sampled_from(STAFF))
    def plan(self, place, staff):
        claim = self.claim(place)
        self.tries(plan_erasure.measure, self.number, claim)
        plan = self.state["claims"][claim]["plan"]
        if plan:
            self.tries(plan_erasure.approve, self.number, claim, plan["sha256"], staff)

    @rule()
    def work(self):
        self.tries(carry_on.carry_on, self.number)

    @rule(place=st.integers(0, 1), look=st.booleans())
    def release(self, place, look):
        claim = self.claim(place)
        if look and self.state["claims"][claim]["package"]:
            with suppress(NotAllowedError):
                b"".join(build_package.open_package(self.project, self.number, claim, "marie"))
        self.tries(build_package.release, self.number, claim, staff="marie")

    @rule(place=st.integers(0, 1))
    def carry_out(self, place):
        self.tries(carry_out.carry_out, self.number, self.claim(place), "marie", "We did it by hand.")

    @rule(doubt=st.sampled_from(["", "two people share that address"]))
    def ask_who(self, doubt):
        self.tries(
            ask.ask,
            self.number,
            "identity",
            "marie",
            doubt=doubt,
            asked="the order's number",
            enough="it is theirs",
        )

    @rule(sufficient=st.booleans())
    def they_answer(self, sufficient):
        for name in self.state["asks"]:
            self.tries(ask.answer_ask, self.number, name, "marie", sufficient=sufficient, reply="12")

    @rule(staff=st.sampled_from(STAFF))
    def nobody_knows_who_asks(self, staff):
        self.tries(await_answer.propose_unidentified, self.number, staff, "It is somebody else's number.")
        self.tries(await_answer.confirm_unidentified, self.number, STAFF[staff == STAFF[0]])

    @rule(reason=st.sampled_from(["complexity", "holidays"]), staff=st.sampled_from(STAFF))
    def extend(self, reason, staff):
        self.tries(extend.propose, self.number, reason, staff, reasons="Many systems.")
        self.tries(extend.confirm, self.number, STAFF[staff == STAFF[0]])

    @rule(decided=st.booleans())
    def lift(self, decided):
        for claim in self.state["claims"].values():
            name = (claim.get("restriction") or {}).get("name")
            if name and decided:
                self.tries(lift.announce, name, "It was right all along.", "marie")
            elif name:
                self.tries(lift.lift, name, None, "marie")

    @rule()
    @precondition(lambda self: len(self.seen) > 12)
    def withdraw(self):
        self.tries(close_request.withdraw, self.number)

    @rule(staff=st.sampled_from(STAFF), refuse=st.sampled_from([False, False, True]))
    def go_on(self, staff, refuse):
        """What diligent staff do, so that requests also get to their end."""
        other = STAFF[staff == STAFF[0]]
        for place in range(len(self.state["claims"])):
            self.decide(place, "refuse" if refuse else "grant", staff, "handler")
            self.review(place, other, confirm=True)
            self.plan(place, other)
            self.work()
            self.release(place, look=True)
            self.carry_out(place)
        self.they_answer(sufficient=True)
        self.work()

    @rule(days=st.sampled_from([1, 3, 8, 31]))
    def wait(self, days):
        self.clock.forward(days=days)

    # What must be true all the while

    @property
    def state(self):
        return story.state(self.project, self.number)

    @property
    def events(self):
        return read.stream(self.project.ledger, f"request/{self.number}")

    @invariant()
    def nothing_that_was_written_changes(self):
        assert self.events[: len(self.seen)] == self.seen
        self.seen = self.events
        assert [one.version for one in self.seen] == list(range(1, len(self.seen) + 1))

    @invariant()
    def dates_and_all_else_follow_from_events_alone(self):
        again = None
        for event in self.events:
            again = fold.fold(again, event)
        assert again == self.state

    @invariant()
    def it_ends_with_a_letter_whose_delivery_is_proven(self):
        if self.state["status"] in {"responded", "refused"}:
            sent = {one.facts["letter"] for one in self.events if one.kind == "letter_delivered"}
            assert sent & {"done", "refusal"}

    @invariant()
    def an_objection_to_marketing_took_effect_on_receipt(self):
        if "object_marketing" in self.rights:
            assert suppression.is_suppressed(self.project.ledger, "email", ADA)
            claim = next(c for c in self.state["claims"].values() if c["right"] == "object_marketing")
            assert claim["outcome"] == "grant"

    @invariant()
    def what_is_contested_is_restricted_at_once_and_until_it_was_told(self):
        for claim in self.state["claims"].values():
            contested = claim.get("because") in set_aside.AT_ONCE
            if contested:
                assert claim["restriction"], "it begins with the receipt"
            name = (claim.get("restriction") or {}).get("name")
            if not name:
                continue
            found = amend_rows.load(self.project, "restriction", name).state
            if found["status"] == "lifted":
                sent = [one for one in self.state["letters"] if one["letter"] == f"lift-{name}"]
                told = date.fromisoformat(next(one for one in sent if one["outcome"] == "sent")["on"])
                assert working_days_after(told, 5, "FR") <= self.clock().date()

    @invariant()
    def a_refusal_says_why_by_which_law_and_where_to_complain(self):
        for event in self.events:
            if event.kind != "letter_sent" or event.facts["kind"] not in {"done", "refusal"}:
                continue
            text = " ".join(str(vault.payload(self.project.ledger, event)["text"]).split())
            refused = [c for c in self.state["claims"].values() if c["outcome"] in {"part", "refuse"}]
            if refused:
                assert "It was answered in May." in text
                assert "Art. 12(5)" in text
            assert "CNIL" in text
            assert "court" in text

    @invariant()
    def two_people_decide_what_is_refused_or_erased(self):
        for claim in self.state["claims"].values():
            assert claim["reviewed_by"] is None or claim["reviewed_by"] != claim["decided_by"]
        for event in self.events:
            if event.kind == "act_begun":
                before = [
                    e
                    for e in self.events
                    if e.version < event.version and e.facts.get("claim") == event.facts["claim"]
                ]
                approved = [e for e in before if e.kind == "plan_approved"][-1]
                decided = [e for e in before if e.kind == "claim_decided"][-1]
                assert approved.facts["plan_sha256"] == event.facts["plan_sha256"]
                assert approved.facts["staff"] != decided.facts["staff"]

    @invariant()
    def copies_are_given_before_anything_is_erased(self):
        if "access" in self.rights and any(one.kind == "act_begun" for one in self.events):
            claim = next(c for c in self.state["claims"].values() if c["right"] == "access")
            assert claim["done"] or (claim["outcome"] == "refuse" and claim["reviewed_by"])

    @invariant()
    def nobody_is_turned_away_unasked_untold_or_by_one_person(self):
        if self.state["status"] != "not_identifiable":
            return
        asked = [one for one in self.state["asks"].values() if one["answered"] is None]
        assert asked, "it ends so only while something is awaited"
        assert any(
            one["kind"] == "unidentified" and one["outcome"] == "sent" for one in self.state["letters"]
        )
        moved = [one for one in self.events if one.kind == "request_moved"]
        proposed = [one for one in moved if one.facts["to"] == "unidentified_proposed"][-1]
        ended = next(one for one in moved if one.facts["to"] == "not_identifiable")
        assert proposed.actor != ended.actor

    @invariant()
    def it_is_extended_once_and_in_time_for_a_reason_of_the_law(self):
        extended = [one for one in self.events if one.kind == "clock_extended"]
        assert len(extended) <= 1
        for event in extended:
            assert event.facts["reason"] == "complexity"
            sent = [one for one in self.state["letters"] if one["letter"].startswith("extension")]
            assert any(one["outcome"] == "sent" for one in sent)
            before = [one for one in self.events if one.version < event.version]
            proposed = [one for one in before if one.facts.get("to") == "extension_proposed"][-1]
            assert proposed.actor != event.actor

    @invariant()
    def nobody_is_asked_who_they_are_without_a_doubt_on_record(self):
        for event in self.events:
            if event.kind == "asked":
                assert vault.payload(self.project.ledger, event)["text"]


Handling.TestCase.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHandling = Handling.TestCase
