"""What may happen to a request next: each guard yields the reasons why not, and none means it may.

Law: GDPR Art. 12(3) to (6); Art. 38(6) (the data protection officer decides nothing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from troth.errors import NotAllowedError
from troth.law import clock
from troth.law.deadline import Extension
from troth.rules import representation, task
from troth.rules.claim import AT_ONCE, EXCESSIVE, WAYS
from troth.rules.request import ENDED, answered_late, copies_left, deadline, fee_awaited, is_open
from troth.rules.request_moves import silent_from


def why_not_decide(
    state: Mapping[str, Any],
    claim: str,
    outcome: str,
    role: str,
    today: date,
    *,
    staff: str = "",
    alone: bool = False,
) -> Iterator[str]:
    """Reasons not to decide a claim; `alone` says that a derogation lets one person do what two should."""
    yield from _claim_open(state, claim)
    if outcome in {"grant", "part"} and claim in state["claims"]:
        yield from representation.why_not(state, state["claims"][claim]["right"], today)
    if role == "dpo":
        yield "The data protection officer advises and never decides (GDPR Art. 38(6)). Let a handler decide."
    if outcome not in {"grant", "part", "refuse"}:
        yield f"A decision is grant, part or refuse, not {outcome[:20]!r}."
    told = state["claims"].get(claim)
    if told is not None and (told["stores"] or told["done"]):
        yield f"Claim {claim} is being carried out already."
    if told is not None and staff and told["advised_by"] == staff and not alone:
        yield f"{staff} advised on claim {claim}. Somebody else decides it (GDPR Art. 38(6))."


def why_not_advise(state: Mapping[str, Any], claim: str, staff: str, *, alone: bool = False) -> Iterator[str]:
    """Reasons not to advise on a claim: nobody advises on what they decided or reviewed themselves."""
    told = state["claims"].get(claim)
    if told is None:
        yield from _claim_open(state, claim)
    elif not alone and staff and staff in (told["decided_by"], told["reviewed_by"]):
        did = "decided" if told["decided_by"] == staff else "reviewed"
        yield f"{staff} {did} claim {claim}. Somebody else advises on it (GDPR Art. 38(6))."


def why_not_review(
    state: Mapping[str, Any], claim: str, staff: str, role: str, *, confirm: bool = True, alone: bool = False
) -> Iterator[str]:
    """Reasons not to confirm or send back a decision; `alone` says that a derogation is in force."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    if told["outcome"] is None:
        yield f"Claim {claim} is not decided yet, so there is nothing to review."
    elif told["decided_by"] == staff and not alone:
        yield f"{staff} decided claim {claim}. Somebody else reviews it."
    if staff and told["advised_by"] == staff and not alone:
        yield f"{staff} advised on claim {claim}. Somebody else reviews it (GDPR Art. 38(6))."
    if not confirm and told["right"] in AT_ONCE and told["outcome"] == "grant":
        yield f"Claim {claim} took effect on receipt, and the law leaves no room for another decision."
    if not confirm and (told["stores"] or told["done"]):
        yield f"Claim {claim} is being carried out already, so its decision cannot be sent back."
    if (
        confirm
        and told["outcome"] == "refuse"
        and EXCESSIVE in str(told["article"])
        and not told["advised_by"]
    ):
        yield (
            f"Claim {claim} is refused as manifestly unfounded or excessive, and the data protection officer has not "
            "advised on it yet (GDPR Art. 38(1), Art. 12(5)). Record the advice first."
        )
    if role == "dpo":
        yield "The data protection officer advises and does not approve (GDPR Art. 38(6)). Let a reviewer do it."


def why_not_measure(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    """Reasons not to measure what an erasure would do."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    if told["right"] != "erase":
        yield f"Claim {claim} asks for {told['right']}, which changes no store."
    elif told["outcome"] not in {"grant", "part"}:
        yield f"Claim {claim} is not granted, so there is nothing to measure."
    elif told["approved"] and told["stores"]:
        yield f"Claim {claim} is being carried out already."


def why_not_approve(
    state: Mapping[str, Any], claim: str, sha256: str, staff: str, *, alone: bool = False
) -> Iterator[str]:
    """Reasons not to approve a plan; `alone` says that a derogation is in force."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    if told["plan"] is None:
        yield f"Claim {claim} has no measured plan. Measure it first."
    elif told["plan"]["sha256"] != sha256:
        yield f"The plan of claim {claim} was measured anew meanwhile: it is {told['plan']['sha256'][:12]} now."
    if told["reviewed_by"] is None:
        yield f"The decision on claim {claim} was not reviewed by a second person."
    if told["decided_by"] == staff and not alone:
        yield f"{staff} decided claim {claim}. Somebody else approves its plan."


def why_not_act(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    """Reasons not to carry an erasure out in the stores."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    if told["outcome"] not in {"grant", "part"}:
        yield f"Claim {claim} is not granted."
    elif told["reviewed_by"] is None:
        yield f"The decision on claim {claim} was not reviewed by a second person."
    if (
        told["approved"] is None
        or told["plan"] is None
        or told["approved"]["sha256"] != told["plan"]["sha256"]
    ):
        yield f"The plan of claim {claim} is not approved."
    waiting = [
        name
        for name, other in state["claims"].items()
        if other["right"] in {"access", "port"}
        and not other["done"]
        and not (other["outcome"] == "refuse" and other["reviewed_by"])
    ]
    if waiting:
        yield (
            f"Claim {waiting[0]} asks for a copy, and it is given before anything is erased, or refused by two "
            "people."
        )


def why_not_carry_out(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    """Reasons not to say that a member of staff carried a claim out."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    yield from task.why_not_go_on(told, claim)
    if WAYS[told["right"]] != "person":
        yield f"Claim {claim} asks for {told['right']}, which Troth carries out itself."
    elif told["done"]:
        yield f"Claim {claim} is carried out already."
    elif told["outcome"] not in {"grant", "part"}:
        yield f"Claim {claim} is not granted."
    elif needs_review(told):
        yield f"The decision on claim {claim} was not reviewed by a second person."


def needs_review(claim: Mapping[str, Any]) -> bool:
    """Say whether a decided claim still waits for a second person."""
    return claim["reviewed_by"] is None and (claim["outcome"] != "grant" or claim["right"] == "erase")


def why_not_release(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    """Reasons not to give an access answer out."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    yield from task.why_not_go_on(told, claim)
    if told["outcome"] not in {"grant", "part"}:
        yield f"Claim {claim} is not granted."
    elif needs_review(told):
        yield f"The decision on claim {claim} was not reviewed by a second person."
    if not told["package"] or not told["package"].get("opened_by"):
        yield f"Nobody has opened the answer to claim {claim} yet. A handler looks at it before it leaves."


def why_not_answer(state: Mapping[str, Any]) -> Iterator[str]:
    """Reasons not to send the last letter."""
    yield from _open(state)
    if state.get("fee") and state["fee"]["state"] in {"proposed", "asked"}:
        yield "A fee is proposed or asked for. Wait until it is paid, narrowed or lapsed."
    for name, claim in state["claims"].items():
        if claim["outcome"] is None:
            yield f"Claim {name} is not decided."
        elif claim["outcome"] != "refuse" and not claim["done"]:
            yield f"Claim {name} is granted and not carried out yet."
        if claim["outcome"] != "refuse":
            yield from task.why_not_go_on(claim, name)
        if claim["outcome"] in {"part", "refuse"} and claim["reviewed_by"] is None:
            yield f"The refusal in claim {name} was not reviewed by a second person."
        for store, told in claim["stores"].items():
            if told.get("verified") and not claim["copies_accepted"]:
                yield (
                    f"The identifiers of claim {name} still lead to {told['verified']} rows in {store} that should be "
                    "gone. Remove them and search again, or record why they stay."
                )
        for store, remaining in copies_left(claim).items():
            if remaining and not claim["copies_accepted"]:
                yield (
                    f"{remaining} places in {store} still hold what claim {name} erased. Remove them, or record "
                    "why they stay."
                )


def why_not_extend(state: Mapping[str, Any], reason: str, today: date) -> Iterator[str]:
    """Reasons not to take longer."""
    yield from _open(state)
    if state["extension"]:
        yield "The period was extended already; it cannot be extended twice (GDPR Art. 12(3))."
        return
    due = deadline(state)
    if due.legal_due is None:
        yield "The clock stands still while something is awaited from the person. Extend once it has come."
        return
    if due.extension_notice_latest is not None and today > due.extension_notice_latest:
        yield (
            f"The extension had to be told by {due.extension_notice_latest}; it is too late (GDPR Art. 12(3)). "
            "Answer as soon as you can, and record why it is late."
        )
    try:
        clock.deadline(
            date.fromisoformat(state["received"]), state["jurisdiction"], extension=Extension(reason, today)
        )
    except NotAllowedError as error:
        yield str(error)


def why_not_propose_extension(
    state: Mapping[str, Any], reason: str, today: date, staff: str
) -> Iterator[str]:
    """Reasons not to propose to take longer; whoever proposed it may propose it anew, with other reasons."""
    yield from why_not_extend(state, reason, today)
    proposed = state.get("extension_proposed")
    if proposed and proposed["by"] != staff:
        yield (
            f"{proposed['by']} proposed to extend already. Somebody else confirms it: "
            "`troth request extend --confirm`."
        )


def why_not_confirm_extension(
    state: Mapping[str, Any], staff: str, today: date, *, alone: bool = False
) -> Iterator[str]:
    """Reasons not to let a proposed extension be told to the person; `alone`: a derogation is in force."""
    proposed = state.get("extension_proposed")
    if not proposed and not state["extension"]:
        yield "Nobody proposed to extend. One person does, with the reasons, and another confirms."
        return
    yield from why_not_extend(state, str((proposed or state["extension"])["reason"]), today)
    if proposed and proposed["by"] == staff and not alone:
        yield f"{staff} proposed to extend. Somebody else confirms it."


def why_not_ask(state: Mapping[str, Any], what: str, reason: str) -> Iterator[str]:
    """Reasons not to ask the requester for more."""
    yield from _open(state)
    if what not in {"identity", "clarification", "mandate"}:
        yield f"One asks for identity, clarification or a mandate, not for {what[:20]!r}."
    if what == "identity" and not reason.strip():
        yield "Asking who somebody is needs a reasonable doubt, and none is recorded (GDPR Art. 12(6))."
    asked = [ask for ask in state["asks"].values() if ask["what"] == what]
    if any(ask["answered"] is None for ask in asked):
        yield f"The {what} was asked for already, and the answer is awaited."
    elif what == "clarification" and asked:
        yield (
            "What was meant was asked once already, and one asks once (GDPR rec. 63). Answer on everything it may "
            "mean."
        )


def why_not_close(state: Mapping[str, Any]) -> Iterator[str]:
    """Reasons not to close."""
    if state["status"] == "closed":
        yield "It is closed already."
    elif state["status"] not in ENDED:
        yield "It is not answered yet: no letter ended it, or none was delivered."
    elif answered_late(state) and not state.get("late_explained"):
        yield (
            "It was answered after its legal date, and nobody recorded why (GDPR Art. 5(2), 12(3)): "
            "`troth request late` does."
        )


def why_not_withdraw(state: Mapping[str, Any]) -> Iterator[str]:
    """Reasons not to withdraw."""
    yield from _open(state)
    if any(claim["stores"] for claim in state["claims"].values()):
        yield "Its erasure has begun and cannot be taken back."


def why_not_drop(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    """Reasons not to let a claim go because the person no longer asks for it."""
    yield from _claim_open(state, claim)
    told = state["claims"].get(claim)
    if told is None:
        return
    if len(state["claims"]) == 1:
        yield "It is all that is asked for. Withdraw the request instead."
    if told["stores"] or told["done"] or (told["right"] in AT_ONCE and told["outcome"] == "grant"):
        yield f"Claim {claim} is carried out, or being carried out, and cannot be taken back."
    elif (told.get("restriction") or {}).get("name"):
        yield f"Claim {claim} has restricted data already. Decide it, and the restriction is lifted after a letter."


def _open(state: Mapping[str, Any]) -> Iterator[str]:
    if not is_open(state):
        yield f"The request is {str(state['status']).replace('_', ' ')}; nothing more is decided in it."


def _claim_open(state: Mapping[str, Any], claim: str) -> Iterator[str]:
    yield from _open(state)
    if claim not in state["claims"]:
        yield f"There is no claim {claim[:20]!r} in this request. There are: {', '.join(state['claims'])}."


def next_steps(state: Mapping[str, Any]) -> list[str]:
    """Say what a person should do next, in the order in which it is due."""
    if state["status"] in ENDED:
        if answered_late(state) and not state.get("late_explained"):
            return ["record why it was answered late (troth request late)"]
        return [] if state["status"] == "closed" else ["close it"]
    said = []
    acting = state.get("acting")
    if acting and not acting["checked"] and any(not one["outcome"] for one in state["claims"].values()):
        said.append(f"ask for what shows the authority of the {acting['kind']}, or record that it was seen")
    if state.get("extension_proposed") and not state["extension"]:
        said.append("confirm the extension (a second person, before its last day)")
    if state.get("unidentified"):
        said.append("confirm that nobody could find out who asks (a second person)")
    said += [_ask_step(ask) for ask in state["asks"].values() if ask["answered"] is None]
    if fee_awaited(state):
        said.append("await the fee, or the narrowing of the request")
    elif state.get("fee") and state["fee"]["state"] == "proposed":
        said.append("confirm the fee (a second person, after the advice of the data protection officer)")
    for name, claim in state["claims"].items():
        said.extend(f"claim {name} ({claim['right']}): {step}" for step in _claim_steps(claim))
    if not said:
        said.append("send the answer" if not state["answered"] else "await its delivery")
    return said


def _ask_step(ask: Mapping[str, Any]) -> str:
    until = silent_from(ask).isoformat()
    if ask["what"] == "clarification":
        return f"await the clarification asked for; from {until} on everything is answered"
    if ask.get("failed"):
        return f"await the {ask['what']} asked for, or end it as not identifiable"
    return f"await the {ask['what']} asked for; from {until} it may end as not identifiable"


def _claim_steps(claim: Mapping[str, Any]) -> Iterator[str]:
    restriction = claim.get("restriction") or {}
    if restriction.get("name") and not restriction["marked"] and claim["outcome"] != "refuse":
        yield f"look at the restriction {restriction['name']} and approve it (troth restrict --carry)"
    if claim["outcome"] is None:
        yield "decide"
    elif needs_review(claim):
        yield "review the decision (a second person)"
    elif claim["outcome"] != "refuse" and task.waiting(claim):
        yield f"await the owners of {', '.join(task.waiting(claim))}"
    elif claim["outcome"] != "refuse" and not claim["done"]:
        yield _way_step(claim)


def _way_step(claim: Mapping[str, Any]) -> str:
    match WAYS.get(claim["right"]):
        case "erasure" if claim["plan"] is None:
            return "measure the plan"
        case "erasure" if claim["approved"] is None:
            return "approve the plan"
        case "copy" if claim["package"] is None:
            return "build the answer"
        case "copy" if not claim["package"].get("opened_by"):
            return "open the answer and look through it"
        case "copy":
            return "release the answer"
        case "person":
            return "carry it out by hand, then say so"
        case _:
            return "carry it out"
