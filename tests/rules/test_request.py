"""The request machine: whatever people try, in whatever order, the law's order holds."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.errors import TamperedError
from troth.rules import fold, request, request_guard
from troth.rules.claim import WAYS
from troth.rules.event import KINDS, Event

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STAFF = ("marie", "paul", "dora")
STORES = ("news", "shop")


class Tried:
    """A request that people try things on: what a guard lets through becomes an event."""

    def __init__(self, *rights):
        self.now, self.events, self.state = START, [], None
        claims = [[f"c{number}", right] for number, right in enumerate(rights, 1)]
        self.happens(
            "request_received",
            request="2026-0001",
            channel="portal",
            language="en",
            jurisdiction="FR",
            received_at=START.isoformat(),
            date=START.date().isoformat(),
            tz="Europe/Paris",
            claims=claims,
        )

    @property
    def claims(self):
        return self.state["claims"]

    def happens(self, kind, /, **facts):
        lacking = set(KINDS[kind].facts) - set(facts)
        unknown = set(facts) - set(KINDS[kind].facts) - set(KINDS[kind].optional)
        assert not lacking
        assert not unknown
        version = len(self.events) + 1
        event = Event(f"E{version}", self.now, kind, 1, "request/2026-0001", version, "main", "troth", facts,
                      subject="s1", request="2026-0001")  # fmt: skip
        self.events.append(event)
        self.state = fold.fold(self.state, event)

    def decide(self, claim, outcome="grant", staff="marie", role="handler"):
        if any(request_guard.why_not_decide(self.state, claim, outcome, role, self.now.date())):
            return False
        self.happens("claim_decided", claim=claim, outcome=outcome, ground="a", staff=staff)
        return True

    def review(self, claim, staff="paul", role="reviewer", confirm=True):
        if any(request_guard.why_not_review(self.state, claim, staff, role, confirm=confirm)):
            return False
        outcome = "confirm" if confirm else "back"
        self.happens("decision_reviewed", claim=claim, outcome=outcome, staff=staff)
        return True

    def measure(self, claim):
        if any(request_guard.why_not_measure(self.state, claim)):
            return False
        stores = {name: {"counts": []} for name in STORES}
        sha256 = f"{len(self.events):064}"
        self.happens("plan_measured", claim=claim, plan_sha256=sha256, how="measured", stores=stores)
        return True

    def approve(self, claim, staff="paul"):
        sha256 = (self.claims[claim]["plan"] or {"sha256": "0" * 64})["sha256"]
        if any(request_guard.why_not_approve(self.state, claim, sha256, staff)):
            return False
        self.happens("plan_approved", claim=claim, plan_sha256=sha256, tolerance=0, staff=staff)
        return True

    def act(self, claim, store="shop", outcome="committed", copies=0):
        """Carry one store's part out, as the work does: act, verify, search; done after the last."""
        if any(request_guard.why_not_act(self.state, claim)) or "step" in self.claims[claim]["stores"].get(
            store, {}
        ):
            return False
        step, sha256 = f"2026-0001/{claim}/{store}", self.claims[claim]["plan"]["sha256"]
        self.happens("act_begun", step=step, claim=claim, store=store, plan_sha256=sha256, lease=1)
        self.happens("act_ended", step=step, claim=claim, store=store, outcome=outcome, rows=[],
                     certainty="exactly_once", grade="overwritten")  # fmt: skip
        if outcome == "committed":
            self.happens("verified", step=step, store=store, keys_checked=1, remaining=0)
            hits = [{"table": "log", "column": "line", "rows": copies, "verdict": "copy"}] if copies else []
            found = {"pass": f"2026-0001/{claim}", "store": store, "bytes": 9, "subjects": 1, "hits": hits}
            self.happens("residue_searched", **found)
            if all("step" in self.claims[claim]["stores"].get(name, {}) for name in STORES):
                self.happens("request_moved", to="claim_done", reason=claim)
        return True

    def accept(self, claim):
        self.happens("request_moved", to="residue_accepted", reason=claim)
        return True

    def build(self, claim):
        told = self.claims[claim]
        if WAYS[told["right"]] != "copy" or told["outcome"] not in {"grant", "part"}:
            return False
        if not request.is_open(self.state) or told["done"]:
            return False
        self.happens("package_built", claim=claim, sha256="a" * 64, rows=1, bytes=1, kept_under="v1")
        return True

    def look(self, claim, staff="marie"):
        self.happens("staff_read", staff=staff, screen=f"package/{claim}")
        return True

    def release(self, claim):
        if any(request_guard.why_not_release(self.state, claim)):
            return False
        self.happens("request_moved", to="claim_done", reason=claim)
        return True

    def carry_out(self, claim):
        """Say that a member of staff did what only a person can."""
        if any(request_guard.why_not_carry_out(self.state, claim)):
            return False
        self.happens("request_moved", to="claim_done", reason=claim)
        return True

    def choose(self, claim):
        """Record a choice or a list, as the worker does once it is granted and needs nobody more."""
        told = self.claims[claim]
        granted = told["outcome"] in {"grant", "part"} and not request_guard.needs_review(told)
        if WAYS[told["right"]] not in {"choice", "list"} or told["done"] or not granted:
            return False
        if not request.is_open(self.state):
            return False
        self.happens("request_moved", to="claim_done", reason=claim)
        return True

    def advise(self, claim):
        self.happens("dpo_advised", claim=claim, outcome="advised", staff="dora")
        return True

    def say_more(self, claim):
        self.happens("said_more", channel="portal")
        return True

    def ask(self, claim, what="identity"):
        if any(request_guard.why_not_ask(self.state, what, "two share it")):
            return False
        self.happens("asked", ask=f"{what}-{len(self.events)}", what=what, reason="doubt")
        return True

    def reply(self, claim, sufficient=True):
        waiting = [name for name, told in self.state["asks"].items() if told["answered"] is None]
        if not waiting:
            return False
        self.happens("ask_answered", ask=waiting[0], sufficient=sufficient)
        return True

    def extend(self, claim):
        if any(request_guard.why_not_extend(self.state, "complexity", self.now.date())):
            return False
        self.happens("clock_extended", reason="complexity", letter="extension")
        return True

    def answer(self, claim, outcome="sent"):
        if any(request_guard.why_not_answer(self.state)):
            return False
        refused = all(told["outcome"] == "refuse" for told in self.claims.values())
        kind = "refusal" if refused else "done"
        self.happens("letter_sent", letter=kind, kind=kind, sha256="b" * 64, channel="email", attempt=1,
                     outcome=outcome)  # fmt: skip
        if outcome == "sent":
            self.happens("letter_delivered", letter=kind, proof="email")
        return True

    def withdraw(self, claim):
        if any(request_guard.why_not_withdraw(self.state)):
            return False
        self.happens("request_moved", to="withdrawn", reason="requester")
        return True

    def close(self, claim):
        if any(request_guard.why_not_close(self.state)):
            return False
        self.happens("request_moved", to="closed", reason=self.state["status"])
        return True

    def wait(self, claim, days=1):
        self.now += timedelta(days=days)
        return True


CLAIMS = st.sampled_from(["c1", "c2"])
PEOPLE = st.sampled_from(STAFF)
STEPS = st.one_of(
    st.tuples(st.just("decide"), CLAIMS, st.fixed_dictionaries({
        "outcome": st.sampled_from(["grant", "grant", "part", "refuse", "perhaps"]), "staff": PEOPLE,
        "role": st.sampled_from(["handler", "handler", "handler", "dpo"])})),
    st.tuples(st.just("review"), CLAIMS, st.fixed_dictionaries({
        "staff": PEOPLE, "role": st.sampled_from(["reviewer", "reviewer", "dpo"]),
        "confirm": st.sampled_from([True, True, True, False])})),
    st.tuples(st.sampled_from(["carry_out", "choose", "advise", "say_more"]), CLAIMS, st.just({})),
    st.tuples(st.sampled_from(["measure", "build", "look", "release", "accept", "ask", "reply", "extend", "withdraw",
                               "close", "wait"]), CLAIMS, st.just({})),
    st.tuples(st.just("approve"), CLAIMS, st.fixed_dictionaries({"staff": PEOPLE})),
    st.tuples(st.just("act"), CLAIMS, st.fixed_dictionaries({
        "store": st.sampled_from(STORES), "outcome": st.sampled_from(["committed", "committed", "rolled_back"]),
        "copies": st.sampled_from([0, 0, 2])})),
    st.tuples(st.just("answer"), CLAIMS, st.fixed_dictionaries({
        "outcome": st.sampled_from(["sent", "sent", "failed"])})),
)  # fmt: skip
RIGHTS = st.one_of(
    st.sampled_from([("access", "erase"), ("erase", "access"), ("erase", "erase"), ("port", "erase")]),
    st.tuples(st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(WAYS))),
)
TOWARDS_AN_END = [
    ("decide", {}), ("review", {}), ("measure", {}), ("approve", {}), ("build", {}), ("look", {}), ("release", {}),
    ("reply", {}), ("act", {"store": "news"}), ("act", {"store": "shop"}), ("accept", {}), ("carry_out", {}),
    ("choose", {}), ("answer", {}),
    ("close", {}),
]  # fmt: skip
"""A good order, that random steps are strewn into, so that requests also get to their end."""


@st.composite
def trials(draw):
    rights = draw(RIGHTS)
    steps = []
    for name, more in TOWARDS_AN_END:
        steps += draw(st.lists(STEPS, max_size=4))
        steps += [(name, claim, more) for claim in ("c1", "c2")]
    return rights, steps


@settings(max_examples=120, deadline=None)
@given(trials())
def test_whatever_is_tried_the_law_keeps_its_order(trial):
    rights, steps = trial
    tried = Tried(*rights)
    for name, claim, more in steps:
        before = json.loads(json.dumps(tried.state))
        done = getattr(tried, name)(claim, **more)
        after = tried.state
        _check_always(after, rights, before)
        if not done:
            assert after == before
        elif name == "decide":
            assert more.get("role") != "dpo"
            assert more.get("outcome", "grant") in {"grant", "part", "refuse"}
        elif name == "review":
            assert more.get("role") != "dpo"
            assert more.get("staff", "paul") != before["claims"][claim]["decided_by"]
        elif name == "act":
            _check_act(before, claim)
        elif name == "answer":
            _check_answer(before)
    assert request.fold(None, tried.events[0])["status"] == "received"
    again = None
    for event in tried.events:
        again = fold.fold(again, event)
    assert again == tried.state


def _check_always(state, rights, before):
    assert state["status"] in {*request.OPEN, *request.ENDED}
    assert [told["right"] for told in state["claims"].values()] == list(rights)
    assert list(state["claims"]) == ["c1", "c2"]
    assert state["events"] >= before["events"]
    if state["status"] in request.ENDED:
        ends = state["status"] == "closed"  # then its answer is dropped one day, and its file another
        assert state["due"] is None or request.has_answer(state) or ends
    elif state["status"] != "waiting":
        assert state["due"] is not None
    if before["status"] == "closed":
        assert state["status"] == "closed"
    assert json.loads(json.dumps(state)) == state
    for told in state["claims"].values():
        assert told["reviewed_by"] is None or told["reviewed_by"] != told["decided_by"]
        if told["done"] or told["stores"]:
            assert told["outcome"] in {"grant", "part"}
        if told["done"] and told["outcome"] == "part":
            assert told["reviewed_by"] is not None
        if told["done"] and WAYS[told["right"]] == "copy":
            assert told["package"] is None or told["package"]["opened_by"]  # no package leaves unread


def _check_act(before, claim):
    told = before["claims"][claim]
    assert told["outcome"] in {"grant", "part"}
    assert told["reviewed_by"] not in {None, told["decided_by"]}
    assert told["approved"]["sha256"] == told["plan"]["sha256"]
    assert told["approved"]["by"] != told["decided_by"]
    for other in before["claims"].values():
        if other["right"] in {"access", "port"}:
            assert other["done"] or (other["outcome"] == "refuse" and other["reviewed_by"])


def _check_answer(before):
    for told in before["claims"].values():
        assert told["outcome"] is not None
        if told["outcome"] != "refuse":
            assert told["done"]
        if told["outcome"] in {"part", "refuse"}:
            assert told["reviewed_by"] not in {None, told["decided_by"]}
        if any(hit["verdict"] == "copy" for hits in (told["residue"] or {}).values() for hit in hits):
            assert told["copies_accepted"]


def granted(*rights):
    tried = Tried(*rights)
    for claim in tried.claims:
        assert tried.decide(claim)
        assert tried.review(claim)
        if tried.claims[claim]["right"] == "erase":
            assert tried.measure(claim)
            assert tried.approve(claim)
    return tried


def test_a_bundle_goes_its_whole_way():
    tried = granted("access", "erase")
    assert tried.state["status"] == "decided"
    assert not tried.act("c2")
    assert not tried.release("c1")
    assert tried.build("c1")
    assert not tried.release("c1")
    assert tried.look("c1")
    assert tried.release("c1")
    assert not tried.answer("c1")
    assert tried.act("c2", "news")
    assert tried.state["status"] == "executing"
    assert not tried.withdraw("c2")
    assert not tried.answer("c1")
    assert tried.act("c2", "shop", copies=2)
    assert ["2 places in shop still hold" in why for why in request_guard.why_not_answer(tried.state)] == [
        True
    ]
    tried.accept("c2")
    assert tried.answer("c1")
    assert (tried.state["status"], tried.state["due"]) == ("responded", None)
    assert request.answer_until(tried.state) == date(2026, 12, 23)
    assert tried.close("c1")
    assert not tried.close("c1")


@pytest.mark.parametrize("change", ["decided again", "sent back"])
def test_an_approval_ends_with_the_decision_it_stood_on(change):
    tried = granted("erase")
    if change == "sent back":
        assert tried.review("c1", confirm=False)
    assert tried.decide("c1", "part", staff="paul")
    assert not tried.act("c1")
    assert tried.review("c1", staff="marie")
    assert not tried.act("c1")
    assert tried.measure("c1")
    assert not tried.approve("c1", staff="paul")
    assert tried.approve("c1", staff="marie")
    assert tried.act("c1")


def test_what_was_begun_is_not_sent_back():
    tried = granted("erase")
    assert tried.act("c1", "news")
    assert not tried.review("c1", confirm=False)
    assert not tried.decide("c1", "refuse")


def test_what_took_effect_on_receipt_is_not_sent_back():
    for right in ("object_marketing", "withdraw"):
        tried = Tried(right)
        assert tried.decide("c1", staff="marie")
        assert not tried.review("c1", confirm=False)
        assert tried.claims["c1"]["outcome"] == "grant"


def test_nothing_is_erased_while_the_refusal_of_a_copy_may_still_be_sent_back():
    tried = Tried("access", "erase")
    tried.decide("c1", "refuse")
    for step in (tried.decide, tried.review, tried.measure, tried.approve):
        assert step("c2")
    assert not tried.act("c2")
    assert tried.review("c1")
    assert tried.act("c2")


def test_a_rolled_back_erasure_is_measured_and_approved_again():
    tried = granted("erase")
    assert tried.act("c1", "shop", "rolled_back")
    assert tried.claims["c1"]["stores"] == {}
    assert not tried.act("c1")
    assert tried.measure("c1")
    assert tried.approve("c1")
    assert tried.act("c1")


def test_an_extension_cannot_be_told_late_or_twice():
    tried = Tried("access")
    assert tried.extend("c1")
    assert not tried.extend("c1")
    late = Tried("access")
    late.wait("c1", days=31)
    assert any(
        "too late" in why for why in request_guard.why_not_extend(late.state, "complexity", late.now.date())
    )


def test_waiting_stops_the_clock_and_the_answer_starts_it_again():
    tried = Tried("access")
    due = tried.state["due"]
    assert tried.ask("c1")
    assert not tried.ask("c1")
    assert (tried.state["status"], tried.state["due"]) == ("waiting", None)
    tried.wait("c1", days=3)
    assert tried.reply("c1", sufficient=False)
    assert tried.state["status"] == "waiting"
    assert tried.reply("c1")
    assert tried.state["due"] > due


def test_the_next_step_is_always_said_until_it_is_closed():
    tried = granted("access", "erase")
    said = [request_guard.next_steps(tried.state)]
    for step, more in TOWARDS_AN_END[4:]:
        getattr(tried, step)("c1" if step in {"build", "look", "release"} else "c2", **more)
        said.append(request_guard.next_steps(tried.state))
    assert said[0] == ["claim c1 (access): build the answer", "claim c2 (erase): carry it out"]
    assert ["send the answer"] in said
    assert ["close it"] in said
    assert all(said[:-1])
    assert said[-1] == []


def test_a_claim_that_is_not_there_is_refused_with_a_sentence():
    tried = Tried("access")
    for guard in (
        request_guard.why_not_decide(tried.state, "c9", "grant", "handler", tried.now.date()),
        request_guard.why_not_review(tried.state, "c9", "paul", "reviewer"),
        request_guard.why_not_measure(tried.state, "c9"),
        request_guard.why_not_approve(tried.state, "c9", "0", "paul"),
        request_guard.why_not_act(tried.state, "c9"),
        request_guard.why_not_release(tried.state, "c9"),
    ):
        assert "There is no claim 'c9'" in next(guard)


def test_folding_changes_no_state_that_was_there_before():
    tried = granted("erase")
    before, kept = tried.state, json.dumps(tried.state)
    assert tried.act("c1")
    assert tried.ask("c1")
    assert json.dumps(before) == kept


def test_a_stream_that_does_not_begin_with_its_receipt_is_no_request():
    tried = Tried("access")
    tried.decide("c1")
    with pytest.raises((TamperedError, ValueError)):
        fold.fold(None, tried.events[-1])
