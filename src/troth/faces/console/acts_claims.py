"""The acts on a claim: decided, reviewed by another, advised on, measured, approved, carried out, told, answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from troth.errors import NotAllowedError
from troth.faces.console.acts import Act, Field, Sight, is_open, options, posted, said
from troth.faces.console.acts_course import proof, proof_fields
from troth.law import right as rights
from troth.rules import claim as claim_rules
from troth.rules import request_guard, task
from troth.rules.claim import WAYS
from troth.rules.letter import Written
from troth.rules.package import read_mask
from troth.rules.request_move_guard import WORDS_MAX
from troth.work import (
    admit,
    answer,
    build_package,
    carry_out,
    close_request,
    decide,
    erase,
    list_recipients,
    plan_erasure,
    restrict_at_once,
    send_letter,
    settle_recipient,
    write_to,
)
from troth.work import (
    task as tasks,
)

TOLD_AS = ("told", "confirmed", "impossible", "disproportionate_effort")
OUTCOMES = ("grant", "part", "refuse")


def _undecided_or_open(sight: Sight) -> bool:
    return (
        is_open(sight)
        and not sight.told["stores"]
        and not sight.told["done"]
        and not sight.told["reviewed_by"]
    )


def _decide_fields(sight: Sight) -> Iterator[Field]:
    claimed, words = str(sight.told["right"]), sight.words
    yield Field("outcome", "choice", options(sight, "outcome", OUTCOMES), words="act.decide.outcome")
    grounds = _grounds(sight, claimed)
    if grounds:
        yield Field("ground", "choice", (("", "–"), *grounds), words="act.decide.ground")
    if WAYS[claimed] == "choice":
        place = str(sight.state["jurisdiction"])
        fitting = claim_rules.purposes(sight.project.policy, claimed, place, sight.today)
        titles = ((one, _title(sight, one)) for one in fitting)
        yield Field("purpose", "ticks", tuple(titles), words="act.decide.purposes")
    if claimed == "erase":
        exempt = rights.erasure_exemptions(sight.today)
        yield Field("exempt", "long", words="act.decide.exempt", value="", long_max=1_000,
                    options=tuple((one.code, one.sentence(words.language)) for one in exempt))  # fmt: skip
    yield Field("article", words="act.decide.article")
    yield Field("reason", "long", words="act.decide.reason", long_max=5_000)
    yield Field("excess", "tick", words="act.decide.excess", folded=True)
    yield from (replace(one, folded=True) for one in proof_fields(sight))


def _grounds(sight: Sight, claimed: str) -> tuple[tuple[str, str], ...]:
    language = sight.words.language
    match claimed:
        case "erase":
            return _lettered(rights.erasure_grounds(sight.today), language)
        case "restrict":
            return _lettered(rights.restriction_grounds(sight.today), language)
        case "object":
            return options(sight, "ground", claim_rules.OBJECTION_REFUSED_ON)
        case _:
            return ()


def _lettered(grounds: Iterable[rights.Ground], language: str) -> tuple[tuple[str, str], ...]:
    return tuple((one.code, f"{one.code}) {one.sentence(language)}") for one in grounds)


def _title(sight: Sight, purpose: str) -> str:
    return str(sight.project.policy.purposes[purpose].does.said(sight.words.language))


def _decide(sight: Sight) -> object:
    excessive = sight.given("excess") == "yes" or claim_rules.EXCESSIVE in sight.given("article")
    shown = proof(sight) if excessive else None
    return decide.decide(
        sight.project, sight.number, sight.claim, sight.given("outcome"), sight.staff,  # type: ignore[arg-type]
        ground=sight.given("ground"), article=sight.given("article"),
        exemptions=[line.strip() for line in sight.given("exempt").splitlines() if line.strip()],
        purposes=sight.visit.every("purpose"), reason=sight.given("reason"), proof=shown,
    )  # fmt: skip


def _decision_said(sight: Sight) -> Iterator[tuple[str, str]]:
    yield from said(sight, "claim_decided", claim=sight.claim)
    yield from (
        ("advice", text) for name, text in said(sight, "dpo_advised", claim=sight.claim) if name == "note"
    )


def _review(sight: Sight) -> object:
    confirm = sight.given("verdict") != "back"
    return decide.review(
        sight.project, sight.number, sight.claim, sight.staff, confirm=confirm, note=sight.given("note")
    )


def _review_fields(sight: Sight) -> Iterator[Field]:
    yield Field(
        "verdict", "choice", options(sight, "review", ("confirm", "back")), words="act.review.verdict"
    )
    yield Field("note", "long", words="act.note")


def _advise(sight: Sight) -> object:
    escalate = sight.given("escalate") == "yes"
    return decide.advise(
        sight.project, sight.number, sight.claim, sight.staff, sight.given("note"), escalate=escalate
    )


TOLERANCE_DIGITS_MAX = 9


def _approve(sight: Sight) -> object:
    tolerance = sight.given("tolerance") or "0"
    if not (tolerance.isascii() and tolerance.isdecimal() and len(tolerance) <= TOLERANCE_DIGITS_MAX):
        raise NotAllowedError("How many more rows may have come is a number, such as 0.")
    return plan_erasure.approve(
        sight.project, sight.number, sight.claim, sight.given("sha256"), sight.staff, tolerance=int(tolerance)
    )


def _approve_fields(sight: Sight) -> Iterator[Field]:
    plan = sight.told["plan"] or {"sha256": ""}
    yield Field("sha256", words="act.approve.sha256", value=str(plan["sha256"])[:12], needed=True)
    yield Field("tolerance", words="act.approve.tolerance", value="0")


def _is_way(sight: Sight, way: str) -> bool:
    return WAYS[sight.told["right"]] == way


def _granted(sight: Sight) -> bool:
    return is_open(sight) and sight.told["outcome"] in {"grant", "part"} and not sight.told["done"]


def _accept(sight: Sight) -> None:
    erase.accept_residue(sight.project, sight.number, sight.claim, sight.staff, sight.given("reason"))


def _recipients(sight: Sight) -> tuple[tuple[str, str], ...]:
    words, called = sight.words, sight.visit.called
    return tuple(
        (name, f"{called.recipient(name)} ({words(key) if words.has(key) else how})")
        for name, how in sight.told["recipients"].items()
        for key in [f"recipients.outcome.{how}"]
    )


def _told_fields(sight: Sight) -> Iterator[Field]:
    yield Field("recipient", "choice", _recipients(sight), words="act.told.recipient")
    yield Field("how", "choice", options(sight, "told_as", TOLD_AS), words="act.told.how")
    yield Field("proof", "long", needed=True, words="act.told.proof")


def _told(sight: Sight) -> object:
    how, recipient, words = sight.given("how"), sight.given("recipient"), sight.given("proof")
    place = (sight.project, sight.number, sight.claim, recipient, sight.staff)
    match how:
        case "told":
            return settle_recipient.told(*place, words)
        case "confirmed":
            return settle_recipient.confirmed(*place, words)
        case "impossible" | "disproportionate_effort":
            return settle_recipient.excuse(*place, how, words)
        case _:
            raise NotAllowedError("Say what became of the recipient.")


def _mask(sight: Sight) -> object:
    masks = [read_mask(line.strip()) for line in sight.given("masks").splitlines() if line.strip()]
    if not masks:
        raise NotAllowedError("Write at least one mask, one on a line.")
    return build_package.mask_package(sight.project, sight.number, sight.claim, masks, sight.staff)


def _waiting_tasks(sight: Sight) -> tuple[tuple[str, str], ...]:
    return tuple((store, store) for store, one in task.tasks(sight.told).items() if one["state"] == "open")


def _task_fields(sight: Sight) -> Iterator[Field]:
    yield Field("store", "choice", _waiting_tasks(sight), words="act.task.store")
    yield Field(
        "outcome", "choice", options(sight, "task", ("done", "not_found", "silent")), words="act.task.outcome"
    )
    yield Field("by", words="act.task.by")
    yield Field("note", "long", words="act.task.note")
    yield Field("files", "files", words="act.task.files")


def _task(sight: Sight) -> None:
    one = tasks.by_id(sight.project, f"{sight.number}.{sight.claim}.{sight.given('store')}")
    if sight.given("outcome") == "silent":
        tasks.go_on_without(sight.project, one, sight.staff, sight.given("note"))
        return
    files = [tasks.Upload(name, data) for name, data in sight.visit.form.get("files", ()) if data] if any(
        isinstance(given, tuple) for given in sight.visit.form.get("files", ())) else []  # fmt: skip
    tasks.answer(
        sight.project, one, sight.given("outcome"), sight.given("by"), note=sight.given("note"), files=files,
        channel="account", staff=sight.staff,
    )  # fmt: skip


def _answer_letter(sight: Sight) -> Written:
    return _foreseen(sight)


def _foreseen(sight: Sight, *, reason: str = "", done: str = "", accepted: str = "", **state: Any) -> Written:
    """Write the answer as it will go out once the claim stands so."""
    after = answer.Foreseen(sight.claim, state, reason, done, accepted)
    kind, fields = answer.said(sight.project, sight.number, after)
    return send_letter.write(sight.project, sight.number, kind, fields)


def _after_decision(sight: Sight) -> tuple[Written, ...]:
    """Write the answer where nobody looks at the claim again before it leaves: no reviewer, no plan, no package."""
    right, outcome = str(sight.told["right"]), sight.given("outcome")
    way = WAYS[right]
    restricted = restrict_at_once.said(sight.project, sight.file, sight.claim) if right == "restrict" else ""
    if outcome != "grant" or not (way in {"choice", "list"} or restricted):
        return ()
    done = list_recipients.said(sight.project, sight.file) if way == "list" else restricted
    return (
        _foreseen(
            sight, done=done, reason=sight.given("reason"), outcome=outcome, article=None, exemptions=[],
            purposes=sight.visit.every("purpose"), decided_on=sight.today.isoformat(),
        ),
    )  # fmt: skip


def _after_review(sight: Sight) -> Written | None:
    """Write the answer, unless the claim is granted and comes before somebody once more."""
    again = sight.told["outcome"] != "refuse" and WAYS[str(sight.told["right"])] not in {"choice", "list"}
    return None if again else _foreseen(sight, reviewed_by=sight.staff)


def _after_approval(sight: Sight) -> Written:
    """Write the answer with the numbers of the measured plan, as if each store did just that today."""
    today = sight.today.isoformat()
    planned = {
        store: {"rows": told["counts"], "on": today, "certainty": "exactly_once", "verified": 0}
        for store, told in sight.told["plan"]["stores"].items()
    }
    return _foreseen(sight, stores={**planned, **sight.told["stores"]}, residue={})


def _after_release(sight: Sight) -> Written:
    return _foreseen(sight)


def _carried_out_letter(sight: Sight) -> Written:
    return _foreseen(sight, done=sight.given("said"))


def _accepted_letter(sight: Sight) -> Written:
    return _foreseen(sight, accepted=sight.given("reason"), copies_accepted=True)


def _to_post(sight: Sight) -> tuple[tuple[str, str], ...]:
    return tuple((one["letter"], one["letter"]) for one in send_letter.to_post(sight.state))


def _write_fields(sight: Sight) -> Iterator[Field]:
    yield Field("about", needed=True, words="act.write.about")
    yield Field("letter_words", "long", needed=True, words="act.write.words", long_max=WORDS_MAX)
    yield from posted(sight)


CLAIMS: tuple[Act, ...] = (
    Act("decide", "decide", _decide, of_claim=True, fields=_decide_fields, when=_undecided_or_open,
        letter=_after_decision, later=True,
        reads=lambda s: said(s, "request_received"),
        why_not=lambda s: request_guard.why_not_decide(
            s.state, s.claim, "refuse", "handler", s.today, staff=s.staff, alone=admit.derogates(s.project))),
    Act("review", "review", _review, of_claim=True, fields=_review_fields, reads=_decision_said,
        foresee=_after_review,
        when=lambda s: is_open(s) and bool(s.told["outcome"]) and not s.told["reviewed_by"],
        why_not=lambda s: request_guard.why_not_review(
            s.state, s.claim, s.staff, "reviewer", alone=admit.derogates(s.project))),
    Act("advise", "advise", _advise, of_claim=True, reads=_decision_said,
        fields=lambda _: (Field("note", "long", needed=True, words="act.advise.note", long_max=5_000),
                          Field("escalate", "tick", words="act.advise.escalate")),
        why_not=lambda s: request_guard.why_not_advise(s.state, s.claim, s.staff, alone=admit.derogates(s.project))),
    Act("measure", "handle", lambda s: plan_erasure.measure(s.project, s.number, s.claim, staff=s.staff), of_claim=True,
        when=lambda s: _granted(s) and _is_way(s, "erasure"),
        why_not=lambda s: request_guard.why_not_measure(s.state, s.claim)),
    Act("approve", "review", _approve, of_claim=True, fields=_approve_fields, grave=True,
        foresee=_after_approval,
        when=lambda s: _granted(s) and bool(s.told["plan"]) and not s.told["approved"],
        why_not=lambda s: request_guard.why_not_approve(
            s.state, s.claim, s.told["plan"]["sha256"], s.staff, alone=admit.derogates(s.project))),
    Act("carried_out", "handle", lambda s: carry_out.carry_out(
            s.project, s.number, s.claim, s.staff, s.given("said"), by=s.given("by")),
        of_claim=True, when=lambda s: _granted(s) and _is_way(s, "person"), letter=_carried_out_letter, later=True,
        fields=lambda _: (Field("said", "long", needed=True, words="act.carried_out.said", long_max=10_000),
                          Field("by", words="act.carried_out.by")),
        why_not=lambda s: request_guard.why_not_carry_out(s.state, s.claim)),
    Act("task", "handle", _task, of_claim=True, fields=_task_fields, when=lambda s: bool(_waiting_tasks(s))),
    Act("mask", "handle", _mask, of_claim=True, when=lambda s: _granted(s) and bool(s.told["package"]),
        fields=lambda _: (Field("masks", "long", needed=True, words="act.mask.masks", long_max=10_000),)),
    Act("release", "handle", lambda s: build_package.release(s.project, s.number, s.claim, staff=s.staff),
        of_claim=True, when=lambda s: _granted(s) and _is_way(s, "copy"), foresee=_after_release,
        why_not=lambda s: request_guard.why_not_release(s.state, s.claim)),
    Act("search_again", "handle", lambda s: erase.search_again(s.project, s.number, s.claim), of_claim=True,
        when=lambda s: is_open(s) and bool(s.told["residue"])),
    Act("accept_residue", "decide", _accept, of_claim=True, letter=_accepted_letter, later=True,
        fields=lambda _: (Field("reason", "long", needed=True, words="act.accept.reason"),),
        when=lambda s: is_open(s) and bool(s.told["residue"]) and not s.told["copies_accepted"]),
    Act("told", "handle", _told, of_claim=True, fields=_told_fields, when=lambda s: bool(s.told["recipients"])),
    Act("narrow", "handle", lambda s: close_request.narrow(
            s.project, s.number, s.claim, staff=s.staff, note=s.given("note")),
        of_claim=True, fields=lambda _: (Field("note", "long", words="act.withdraw.note"),), grave=True,
        when=lambda s: is_open(s) and len(s.state["claims"]) > 1,
        why_not=lambda s: request_guard.why_not_drop(s.state, s.claim)),
)  # fmt: skip

ANSWERS: tuple[Act, ...] = (
    Act("write", "handle", lambda s: write_to.write_to(
            s.project, s.number, s.given("about"), s.given("letter_words"), s.staff, posted=s.given("posted")),
        fields=_write_fields,
        letter=lambda s: write_to.written(s.project, s.number, s.given("about"), s.given("letter_words")),
        when=lambda s: not s.state.get("file_destroyed")),
    Act("words", "handle", lambda s: answer.add_words(s.project, s.number, s.staff, s.given("words")),
        fields=lambda _: (Field("words", "long", words="act.words.words", long_max=answer.WORDS_MAX),),
        when=lambda s: is_open(s) and not s.state["answered"]),
    Act("answer", "handle", lambda s: answer.answer(s.project, s.number), letter=_answer_letter,
        when=lambda s: is_open(s) and not s.state["answered"],
        why_not=lambda s: request_guard.why_not_answer(s.state)),
    Act("posted", "handle", lambda s: send_letter.posted(
            s.project, s.number, s.given("letter"), s.staff, s.given("proof")),
        fields=lambda s: (Field("letter", "choice", _to_post(s), words="act.posted.letter"),
                          Field("proof", needed=True, words="act.posted")),
        when=lambda s: bool(_to_post(s))),
)  # fmt: skip
