"""The acts on a request's course: who asks, what is awaited, longer or for a fee, passed on, ended, taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from troth.errors import NotAllowedError
from troth.faces.console.acts import Act, Field, Sight, day, is_open, options, posted, said
from troth.rules import fee, request_guard, request_move_guard
from troth.rules.letter import Written
from troth.rules.request_moves import MARKS, REOPENED_FOR
from troth.work import (
    admit,
    ask,
    await_answer,
    charge,
    check_authority,
    close_request,
    extend,
    forward,
    mark,
    prove_address,
    reopen,
    request_file,
    send_letter,
)

FEE_MAX = 1_000_000
"""No hours, rate or postage of an answer is above this; what is was mistyped."""
ASKS = ("identity", "clarification", "mandate")


def _code(sight: Sight) -> Iterator[str]:
    if not request_file.reached(sight.project, sight.number).get("email"):
        yield "This request has no e-mail address, so there is nowhere to send a code."


def _prove(sight: Sight) -> None:
    if not prove_address.take_code(sight.project, sight.number, sight.given("code")):
        raise NotAllowedError(
            "That is not the code, or it is too old, or it was tried too often. Send a new one."
        )


def _ask_fields(sight: Sight) -> Iterator[Field]:
    yield Field("what", "choice", options(sight, "ask", ASKS), words="act.ask.what")
    yield Field("doubt", "long", needed=True, words="act.ask.doubt")
    yield Field("asked", "long", needed=True, words="act.ask.asked")
    yield Field("enough", words="act.ask.enough")
    yield from posted(sight)


def _ask_letter(sight: Sight) -> Written:
    what = sight.given("what")
    request_file.refuse_unless(request_guard.why_not_ask(sight.state, what, sight.given("doubt")))
    fields = ask.letter_fields(
        sight.file, what, doubt=sight.given("doubt"), asked=sight.given("asked"), enough=sight.given("enough")
    )
    return send_letter.write(sight.project, sight.number, what, fields)


def _awaited(sight: Sight) -> list[str]:
    return [name for name, one in sight.state["asks"].items() if one["answered"] is None]


def _enough(sight: Sight) -> tuple[tuple[str, str], ...]:
    return (("yes", sight.words("yes.enough")), ("no", sight.words("no.enough")))


def _answer_ask_fields(sight: Sight) -> Iterator[Field]:
    names = _awaited(sight)
    yield Field(
        "ask",
        "choice",
        tuple(
            (name, f"{sight.words('ask.' + sight.state['asks'][name]['what'])} ({name})") for name in names
        ),
        words="act.which",
    )
    yield Field("sufficient", "choice", _enough(sight), words="act.enough")
    if any(sight.state["asks"][name]["what"] == "identity" for name in names):
        yield Field(
            "method", "choice", (("", "–"), *options(sight, "method", ask.METHODS)), words="act.method"
        )
    yield Field("reply", "long", words="act.reply")


def _authority_fields(sight: Sight) -> Iterator[Field]:
    rights = dict.fromkeys(str(one["right"]) for one in sight.state["claims"].values())
    yield Field("seen", "long", needed=True, words="act.authority.seen")
    yield Field("sufficient", "choice", _enough(sight), words="act.enough")
    yield Field("right", "ticks", options(sight, "right", rights), words="act.authority.rights")
    receives = (
        ("person", sight.words("act.authority.person")),
        ("asker", sight.words("act.authority.asker")),
    )
    yield Field("receives", "choice", receives, words="act.authority.to")
    yield Field("until", "day", words="act.authority.until")


def _authority(sight: Sight) -> object:
    return check_authority.check_authority(
        sight.project, sight.number, sight.staff, sight.given("seen"), sufficient=sight.given("sufficient") == "yes",
        rights=sight.visit.every("right"), receives=sight.given("receives") == "asker", until=day(sight.given("until")),
    )  # fmt: skip


def _extend_fields(sight: Sight) -> Iterator[Field]:
    yield Field("reason", "choice", options(sight, "reason", ("complexity", "number")), words="act.reason")
    yield Field("reasons", "long", needed=True, words="act.extend.reasons", long_max=5_000)


def _fee_fields(sight: Sight) -> Iterator[Field]:
    yield from proof_fields(sight)
    for name, value in (("hours", "0"), ("rate", "0"), ("postage", "0"), ("currency", "EUR")):
        yield Field(name, words=f"act.fee.{name}", value=value)


def proof_fields(sight: Sight) -> Iterator[Field]:
    """Yield what shows that a request is manifestly unfounded or excessive (GDPR Art. 12(5))."""
    yield Field(
        "kind", "choice", options(sight, "excess", ("excessive", "unfounded")), words="act.proof.kind"
    )
    yield Field("facts", "long", words="act.proof.facts")
    yield Field("offered", "long", words="act.proof.offered")
    yield Field("intent", "long", words="act.proof.intent")
    known = (("", "–"), ("yes", sight.words("yes")), ("no", sight.words("no")))
    yield Field("changed", "choice", known, words="act.proof.changed")


def proof(sight: Sight) -> fee.Proof:
    """Read what shows it."""
    changed = {"yes": True, "no": False}.get(sight.given("changed"))
    return fee.Proof(
        sight.given("kind"), sight.given("facts"), sight.given("offered"), sight.given("intent"), changed
    )


def _fee_propose(sight: Sight) -> object:
    try:
        hours, rate, postage = (Decimal(sight.given(name) or "0") for name in ("hours", "rate", "postage"))
    except InvalidOperation:
        raise NotAllowedError("Hours, rate and postage are numbers, such as 1.5.") from None
    if any(not one.is_finite() or not 0 <= one <= FEE_MAX for one in (hours, rate, postage)):
        raise NotAllowedError(f"Hours, rate and postage are numbers from 0 to {FEE_MAX:,}, such as 1.5.")
    cost = fee.Cost(hours, rate, postage, sight.given("currency").upper()[:3])
    return charge.propose(sight.project, sight.number, sight.staff, cost, proof(sight))


def _has_fee(sight: Sight, state: str) -> bool:
    return bool(sight.state.get("fee")) and sight.state["fee"]["state"] == state


def _fee_fields_moved(sight: Sight) -> Iterator[Field]:
    yield Field("to", "choice", options(sight, "fee", ("paid", "narrowed", "lapsed")), words="act.fee.became")
    yield Field("proof", words="act.proof")


def _forward_fields(_: Sight) -> Iterator[Field]:
    for name in ("controller", "email", "agreement"):
        yield Field(name, needed=True, words=f"act.forward.{name}")
    yield Field("part", "tick", words="act.forward.part")


def _forward_letters(sight: Sight) -> tuple[Written, ...]:
    return forward.letters(
        sight.project, sight.number, controller=sight.given("controller"), email=sight.given("email"),
        agreement=sight.given("agreement"), part=sight.given("part") == "yes",
    )  # fmt: skip


def _forwarded_unconfirmed(sight: Sight) -> bool:
    return any(not one["confirmed_on"] for one in sight.state.get("forwarded") or ())


def _reopen(sight: Sight) -> object:
    return reopen.reopen(
        sight.project, sight.number, sight.given("because"), sight.staff, note=sight.given("note"),
        claims=sight.visit.every("claim_again"),
    )  # fmt: skip


def _reopen_fields(sight: Sight) -> Iterator[Field]:
    yield Field("because", "choice", options(sight, "again", REOPENED_FOR), words="act.reason")
    yield Field("note", "long", needed=True, words="act.reopen.note")
    claims = tuple(
        (name, f"{name}{sight.words('colon')} {sight.words('right.' + one['right'])}")
        for name, one in sight.state["claims"].items()
    )
    yield Field("claim_again", "ticks", claims, words="act.reopen.claims")


def _mark_fields(sight: Sight) -> Iterator[Field]:
    yield Field("mark", "choice", options(sight, "mark", MARKS), words="act.mark.which")
    yield Field("over", "tick", words="act.mark.over")
    yield Field("note", "long", needed=True, words="act.mark.note")


def _late(sight: Sight) -> bool:
    return not list(request_move_guard.why_not_explain(sight.state, sight.today))


def _letter(kind: str, fields: dict[str, object], sight: Sight) -> Written:
    return send_letter.write(sight.project, sight.number, kind, fields)


COURSE: tuple[Act, ...] = (
    Act("code", "handle", lambda s: prove_address.send_code(s.project, s.number), why_not=_code,
        letter=lambda s: _letter("code", prove_address.letter_fields(), s),
        when=lambda s: is_open(s) and not s.state["proven"]),
    Act("prove", "handle", _prove, fields=lambda _: (Field("code", needed=True, words="act.prove.code"),),
        when=lambda s: is_open(s) and not s.state["proven"] and any(x["kind"] == "code" for x in s.state["letters"])),
    Act("ask", "handle", lambda s: ask.ask(
            s.project, s.number, s.given("what"), s.staff, doubt=s.given("doubt"), asked=s.given("asked"),
            enough=s.given("enough"), posted=s.given("posted")),
        fields=_ask_fields, letter=_ask_letter, when=is_open),
    Act("answer_ask", "handle", lambda s: ask.answer_ask(
            s.project, s.number, s.given("ask"), s.staff, sufficient=s.given("sufficient") == "yes",
            reply=s.given("reply"), method=s.given("method")),
        fields=_answer_ask_fields, when=lambda s: is_open(s) and bool(_awaited(s))),
    Act("authority", "handle", _authority, fields=_authority_fields,
        when=lambda s: is_open(s) and bool(s.state.get("acting"))),
    Act("extend", "decide", lambda s: extend.propose(
            s.project, s.number, s.given("reason"), s.staff, reasons=s.given("reasons")),
        fields=_extend_fields, when=lambda s: is_open(s) and not s.state["extension"],
        why_not=lambda s: request_guard.why_not_propose_extension(s.state, "complexity", s.today, s.staff)),
    Act("extend_confirm", "review", lambda s: extend.confirm(s.project, s.number, s.staff, posted=s.given("posted")),
        fields=posted, letter=lambda s: _letter("extension", extend.letter_fields(s.project, s.file), s),
        when=lambda s: is_open(s) and bool(s.state.get("extension_proposed")) and not s.state["extension"],
        why_not=lambda s: request_guard.why_not_confirm_extension(
            s.state, s.staff, s.today, alone=admit.derogates(s.project))),
    Act("unidentified", "decide", lambda s: await_answer.propose_unidentified(
            s.project, s.number, s.staff, s.given("shown")),
        fields=lambda _: (Field("shown", "long", needed=True, words="act.unidentified.shown"),), grave=True,
        when=lambda s: is_open(s) and bool(request_move_guard.unanswered(s.state)) and not s.state.get("unidentified"),
        why_not=lambda s: request_move_guard.why_not_unidentified(s.state, s.today)),
    Act("unidentified_confirm", "review", lambda s: await_answer.confirm_unidentified(
            s.project, s.number, s.staff, posted=s.given("posted")),
        fields=posted, letter=lambda s: _letter("unidentified", await_answer.letter_fields(s.project, s.file), s),
        when=lambda s: is_open(s) and bool(s.state.get("unidentified")), grave=True,
        why_not=lambda s: request_move_guard.why_not_confirm_unidentified(
            s.state, s.staff, alone=admit.derogates(s.project))),
    Act("fee", "decide", _fee_propose, fields=_fee_fields, when=lambda s: is_open(s) and not _has_fee(s, "asked")),
    Act("fee_confirm", "review", lambda s: charge.confirm(s.project, s.number, s.staff, posted=s.given("posted")),
        fields=posted, reads=lambda s: said(s, "fee_moved", state="proposed"),
        letter=lambda s: _letter("fee", charge.letter_fields(s.project, s.file)[0], s),
        when=lambda s: is_open(s) and _has_fee(s, "proposed"),
        why_not=lambda s: fee.why_not_confirm(s.state, s.staff, alone=admit.derogates(s.project))),
    Act("fee_moved", "handle", lambda s: charge.move(
            s.project, s.number, s.staff, s.given("to"), proof=s.given("proof")),
        fields=_fee_fields_moved, when=lambda s: is_open(s) and _has_fee(s, "asked")),
    Act("forward", "handle", lambda s: forward.forward(
            s.project, s.number, s.staff, controller=s.given("controller"), email=s.given("email"),
            agreement=s.given("agreement"), part=s.given("part") == "yes"),
        fields=_forward_fields, letter=_forward_letters, when=is_open),
    Act("forward_confirm", "handle", lambda s: forward.confirm(s.project, s.number, s.staff, s.given("proof")),
        fields=lambda _: (Field("proof", needed=True, words="act.forward.proof"),), when=_forwarded_unconfirmed),
    Act("withdraw", "handle", lambda s: close_request.withdraw(
            s.project, s.number, staff=s.staff, note=s.given("note")),
        fields=lambda _: (Field("note", "long", words="act.withdraw.note"),), when=is_open, grave=True,
        why_not=lambda s: request_guard.why_not_withdraw(s.state)),
    Act("late", "handle", lambda s: mark.explain_delay(s.project, s.number, s.staff, s.given("why")),
        fields=lambda _: (Field("why", "long", needed=True, words="act.late.why"),), when=_late),
    Act("mark", "handle", lambda s: mark.mark(
            s.project, s.number, s.given("mark"), s.staff, note=s.given("note"), over=s.given("over") == "yes"),
        fields=_mark_fields, when=lambda s: not s.state.get("file_destroyed")),
    Act("close", "handle", lambda s: close_request.close(s.project, s.number, staff=s.staff),
        when=lambda s: not is_open(s) and s.state["status"] != "closed",
        why_not=lambda s: request_guard.why_not_close(s.state)),
    Act("reopen", "handle", _reopen, fields=_reopen_fields, when=lambda s: not is_open(s),
        why_not=lambda s: request_move_guard.why_not_reopen(s.state, "error")),
)  # fmt: skip
