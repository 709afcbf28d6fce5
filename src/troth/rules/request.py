"""The request machine: what a request is now, folded from its events.

A request is a bundle of claims with one receipt and one clock; each claim has its own
decision, plan, execution and letter.  State is folded from events alone and holds ids,
codes, counts and dates, so that it can be rebuilt when every key is gone.

Law: GDPR Art. 12 (how and how soon), Art. 15 (access), Art. 17 (erasure), Art. 19
(recipients), Art. 38(6) (the DPO decides nothing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from troth.law import clock
from troth.law.deadline import Ask, Deadline, Extension
from troth.law.period import Period
from troth.rules import request_moves, task
from troth.rules.event import Event, local_day

State = dict[str, Any]

OPEN = ("received", "waiting", "in_progress", "decided", "executing")
ENDED = ("responded", "refused", "withdrawn", "forwarded", "not_identifiable", "closed")
ANSWER_DAYS = 30
"""How long an answer may be fetched, from the day it was released (our own default)."""
NOBODY = frozenset({"troth", "requester", ""})
"""Who acts where no member of staff does."""
FILE_KEPT = Period(5, "years")
"""How long the file of a request is kept once it is closed (limitation, C. civ. art. 2224); our own default."""


def fold(state: State | None, event: Event) -> State:
    """Return the state of a request after an event."""
    if event.kind == "request_received":
        return _dated(_received(event))
    if state is None:
        raise ValueError("a request begins with its receipt")
    state = _copied(state)
    _APPLY[event.kind](state, event)
    state["events"] += 1
    state["handled"] = state.get("handled", False) or event.actor not in NOBODY
    state["last_on"] = _on(state, event)
    return _dated(_settled(state))


def _copied(state: State) -> State:
    claims = {claim: {**told, "stores": {**told["stores"]}} for claim, told in state["claims"].items()}
    return {**state, "claims": claims, "asks": {**state["asks"]}, "letters": [*state["letters"]]}


def _received(event: Event) -> State:
    facts = event.facts
    claims: Any = facts["claims"]
    because: Any = facts.get("because") or {}
    return {
        "id": facts["request"],
        "entity": event.entity,
        "subject": event.subject,
        "channel": facts["channel"],
        "receipt": event.id,
        "language": facts["language"],
        "jurisdiction": facts["jurisdiction"],
        "tz": facts["tz"],
        "received_at": facts["received_at"],
        "received": facts["date"],
        "claims": {
            claim: _claim(right, *purposes) | {"because": because.get(claim)}
            for claim, right, *purposes in claims
        },
        "proven": False,
        "read_back": facts.get("read_back"),
        "acting": {"kind": facts["acting"], "checked": None} if facts.get("acting") else None,
        "instruction": facts.get("instruction"),
        "reopens": facts.get("reopens"),
        **({"imported": request_moves.taken_over(event)} if facts.get("imported") else {}),
        "asks": {},
        "extension": None,
        "letters": [],
        "answered": False,
        "delivered": False,
        "taken": 0,
        "ended": None,
        "events": 1,
        "last_on": local_day(event, str(facts["tz"])),
        "status": "received",
    }


def _claim(right: object, purposes: Sequence[str] = ()) -> State:
    return {
        "right": right,
        "outcome": None,
        "ground": None,
        "article": None,
        "exemptions": [],
        "kept": [],
        "purposes": list(purposes),
        "advised_by": None,
        "decided_by": None,
        "reviewed_by": None,
        "plan": None,
        "approved": None,
        "stores": {},
        "residue": None,
        "copies_accepted": False,
        "recipients": {},
        "package": None,
        "done": False,
    }


def _proven(state: State, _: Event) -> None:
    state["proven"] = True


def _authority(state: State, event: Event) -> None:
    facts = event.facts
    told = {"rights": facts["rights"], "receives": facts["receives"], "until": facts.get("until")}
    state["acting"] = {**state["acting"], "checked": told if facts["sufficient"] else None}
    if facts["sufficient"] and not facts["receives"]:
        state["proven"] = False  # it was the address of whoever asked


def _reported(state: State, event: Event) -> None:
    if event.facts["outcome"] == "told":
        state["instruction"] = {**state["instruction"], "reported": event.facts["status"]}


def _asked(state: State, event: Event) -> None:
    facts = event.facts
    sent = facts.get("on") or _on(state, event)
    state["asks"][facts["ask"]] = {
        "what": facts["what"],
        "reason": facts["reason"],
        "sent": sent,
        "answered": None,
    }


def _ask_answered(state: State, event: Event) -> None:
    ask = state["asks"][event.facts["ask"]]
    if event.facts["sufficient"]:
        answered = event.facts.get("on") or _on(state, event)
        state["asks"][event.facts["ask"]] = {**ask, "answered": answered}
        state.pop("unidentified", None)
    else:
        state["asks"][event.facts["ask"]] = {**ask, "failed": ask.get("failed", 0) + 1}


def _document_shown(state: State, event: Event) -> None:
    facts = event.facts
    told = {name: facts[name] for name in ("ask", "type", "bytes", "kept_under", "until")}
    state["documents"] = {**(state.get("documents") or {}), str(facts["document"]): {**told, "gone": None}}


def _document_gone(state: State, event: Event) -> None:
    name = str(event.facts["document"])
    gone = {**state["documents"][name], "gone": event.facts["because"], "kept_under": None}
    state["documents"] = {**state["documents"], name: gone}


def _fee_moved(state: State, event: Event) -> None:
    facts, to = event.facts, event.facts["state"]
    before = {} if to == "proposed" else state.get("fee") or {}
    state["fee"] = {
        "amount": facts.get("amount") or before.get("amount"),
        "currency": facts.get("currency") or before.get("currency"),
        "by": before.get("by") or event.actor,
        **{name: before[name] for name in ("asked_on", "paid_on", "confirmed_by") if name in before},
        "state": to,
    }
    on = facts.get("on") or _on(state, event)
    if to == "asked":
        state["fee"] |= {"asked_on": on, "confirmed_by": event.actor}
    elif to in {"paid", "narrowed"}:
        state["fee"]["paid_on"] = on


def _forwarded(state: State, event: Event) -> None:
    told = {"to_sha256": event.facts["to_sha256"], "part": event.facts["part"], "on": _on(state, event),
            "event": event.id, "confirmed_on": None}  # fmt: skip
    state["forwarded"] = [*(state.get("forwarded") or ()), told]


def _confirmed(state: State, event: Event) -> None:
    facts = event.facts
    state["forwarded"] = [
        {**one, "confirmed_on": facts["confirmed_on"]} if one["to_sha256"] == facts["to_sha256"] else one
        for one in state["forwarded"]
    ]


def _restricted(state: State, event: Event) -> None:
    facts = event.facts
    claim = state["claims"][facts["claim"]]
    before = claim.get("restriction") or {}
    if facts["state"] in {"lift_decided", "lift_notice_sent", "lifted"}:
        lifted = {"lifted_on": _on(state, event)} if facts["state"] == "lifted" else {"lift": facts["state"]}
        told = {"told_on": facts["told_on"]} if facts.get("told_on") else {}
        claim["restriction"] = {**before, **told, **lifted}
        return
    claim["restriction"] = {
        "ground": facts["ground"],
        "purposes": facts.get("purposes") or [],
        "on": before.get("on") or _on(state, event),
        "name": facts.get("restriction") or "",
        "marked": bool(facts.get("marked")),
    }


def _said_more(state: State, _: Event) -> None:
    state["said_more"] = state.get("said_more", 0) + 1


def _extended(state: State, event: Event) -> None:
    on = event.facts.get("on") or _on(state, event)
    state["extension"] = {"reason": event.facts["reason"], "on": on}
    state.pop("extension_proposed", None)


def _decided(state: State, event: Event) -> None:
    facts = event.facts
    claim = state["claims"][facts["claim"]]
    claim.pop("escalated", None)
    claim |= {
        "outcome": facts["outcome"],
        "ground": facts["ground"],
        "article": facts.get("article"),
        "exemptions": facts.get("exemptions") or [],
        "kept": facts.get("kept") or [],
        "purposes": facts.get("purposes") or [],
        "decided_by": facts["staff"],
        "decided_on": facts.get("on") or _on(state, event),
        "reviewed_by": None,
        "plan": None,
        "approved": None,
    }


def _reviewed(state: State, event: Event) -> None:
    claim = state["claims"][event.facts["claim"]]
    claim.pop("escalated", None)
    if event.facts["outcome"] == "confirm":
        claim["reviewed_by"] = event.facts["staff"]
    else:
        claim |= {"outcome": None, "ground": None, "decided_by": None, "reviewed_by": None}
        claim |= {"plan": None, "approved": None}


def _advised(state: State, event: Event) -> None:
    claim = state["claims"][event.facts["claim"]]
    claim["advised_by"] = event.facts["staff"]
    if event.facts["outcome"] == "escalated":
        claim["escalated"] = _on(state, event)


def _measured(state: State, event: Event) -> None:
    facts = event.facts
    claim = state["claims"][facts["claim"]]
    claim |= {
        "plan": {"sha256": facts["plan_sha256"], "how": facts["how"], "stores": facts["stores"]},
        "approved": None,
    }


def _approved(state: State, event: Event) -> None:
    claim = state["claims"][event.facts["claim"]]
    claim["approved"] = {"sha256": event.facts["plan_sha256"], "tolerance": event.facts["tolerance"],
                         "by": event.facts["staff"]}  # fmt: skip


def _begun(state: State, event: Event) -> None:
    claim = state["claims"][event.facts["claim"]]
    store = claim["stores"].get(event.facts["store"], {})
    intended = {"intended": event.facts["rows"]} if event.facts.get("rows") else {}
    claim["stores"][event.facts["store"]] = {**store, "begun": event.facts["plan_sha256"], **intended}


def _acted(state: State, event: Event) -> None:
    facts = event.facts
    claim = state["claims"][facts["claim"]]
    before = claim["stores"].get(facts["store"], {})
    if facts["outcome"] == "rolled_back":
        claim["stores"] = {name: told for name, told in claim["stores"].items() if name != facts["store"]}
        if "step" in before:  # what an earlier plan did there stays done
            claim["stores"][facts["store"]] = {**before, "begun": before["acted"]}
        claim |= {"plan": None, "approved": None}
        return
    # What was done in part stays done; the rest is begun anew: as it was approved, or measured again.
    in_part = facts["outcome"] in ("partly", "cut_short")
    if facts["outcome"] == "partly" and not claim["done"]:
        claim |= {"plan": None, "approved": None}
    again = "step" in before
    certain = {facts["certainty"], before.get("certainty", "exactly_once")}
    rows: Any = facts["rows"]
    claim["stores"][facts["store"]] = {
        "begun": None if in_part else before.get("begun"),
        "acted": None if in_part else before.get("begun"),
        "step": facts["step"],
        "rows": [*before.get("rows", []), *rows],
        "certainty": "at_least_once" if "at_least_once" in certain else facts["certainty"],
        "grade": before["grade"] if again and facts["grade"] == "nothing_found" else facts["grade"],
        "expires": facts.get("expires") or before.get("expires"),
        "on": _on(state, event),
        "verified": None,
        **({"parts": before.get("parts", 0) + in_part} if in_part or "parts" in before else {}),
        **(
            {name: before[name] for name in ("deferred", "deferred_until") if name in before}
            if in_part
            else {}
        ),
    }
    if again and claim["residue"]:  # it is searched again
        claim["residue"] = {name: hits for name, hits in claim["residue"].items() if name != facts["store"]}


def _deferred(state: State, event: Event) -> None:
    facts = event.facts
    stores = state["claims"][facts["claim"]]["stores"]
    stores[facts["store"]] = {
        **stores[facts["store"]],
        "deferred": facts["because"],
        "deferred_until": facts["until"],
    }


def _verified(state: State, event: Event) -> None:
    for claim in state["claims"].values():
        for name, store in claim["stores"].items():
            if store.get("step") == event.facts["step"]:
                claim["stores"][name] = {**store, "verified": event.facts["remaining"]}


def _searched(state: State, event: Event) -> None:
    claim = state["claims"][str(event.facts["pass"]).split("/")[1]]
    store, before = str(event.facts["store"]), copies_left(claim)
    claim["residue"] = {**(claim["residue"] or {}), store: event.facts["hits"]}
    unread: Any = event.facts.get("unread") or ()
    refused: Any = event.facts.get("refused") or 0
    unsearched = len(unread) + refused
    claim["unsearched"] = {**claim.get("unsearched", {}), store: unsearched}
    if copies_left(claim)[store] > before.get(store, 0):  # what was accepted is not what is there now
        claim["copies_accepted"] = False


def _told(state: State, event: Event) -> None:
    claim = state["claims"].get(event.facts.get("claim"))
    if claim is not None:
        claim["recipients"] = {**claim["recipients"], event.facts["recipient"]: event.facts["outcome"]}


def _recipient_confirmed(state: State, event: Event) -> None:
    claim = state["claims"][event.facts["claim"]]
    told = {"status": event.facts["status"], "on": _on(state, event)}
    claim["confirmed"] = {**claim.get("confirmed", {}), event.facts["recipient"]: told}


def _built(state: State, event: Event) -> None:
    facts = event.facts
    package = {name: facts[name] for name in ("sha256", "rows", "bytes", "kept_under")}
    state["claims"][facts["claim"]]["package"] = {
        **package,
        "masks": 0,
        "opened_by": None,
        "on": _on(state, event),
    }


def _masked(state: State, event: Event) -> None:
    facts = event.facts
    masks: Any = facts["masks"]
    claim = state["claims"][facts["claim"]]
    claim["package"] = {
        **claim["package"],
        "before": facts["sha256_before"],
        "sha256": facts["sha256_after"],
        "kept_under": facts["kept_under"],
        "masks": len(masks),
    }


def _read(state: State, event: Event) -> None:
    screen, _, claim = str(event.facts["screen"]).partition("/")
    if screen == "package" and state["claims"].get(claim, {}).get("package"):
        package = state["claims"][claim]["package"]
        state["claims"][claim]["package"] = {**package, "opened_by": event.facts["staff"]}


def _on(state: State, event: Event) -> str:
    return local_day(event, str(state["tz"]))


def _letter(state: State, event: Event) -> None:
    facts = event.facts
    kind, outcome = facts["kind"], facts["outcome"]
    on = facts.get("on") or _on(state, event)
    state["letters"].append({"letter": facts["letter"], "kind": kind, "outcome": outcome, "event": event.id,
                             "on": on})  # fmt: skip
    if outcome == "sent" and kind == "done":
        state["answered"] = True
        state["answered_on"] = on
    if outcome == "sent" and kind == "refusal":
        state["refusal_sent"] = True
        state["answered_on"] = on


def _delivered(state: State, event: Event) -> None:
    state["delivered"] = True
    state.setdefault("delivered_on", event.facts.get("on") or _on(state, event))


def _taken(state: State, _: Event) -> None:
    state["taken"] += 1


_APPLY = {
    "address_proven": _proven,
    "authority_checked": _authority,
    "instruction_reported": _reported,
    "asked": _asked,
    "ask_answered": _ask_answered,
    "document_shown": _document_shown,
    "document_gone": _document_gone,
    "clock_extended": _extended,
    "claim_decided": _decided,
    "decision_reviewed": _reviewed,
    "dpo_advised": _advised,
    "plan_measured": _measured,
    "plan_approved": _approved,
    "act_begun": _begun,
    "act_ended": _acted,
    "act_deferred": _deferred,
    "verified": _verified,
    "residue_searched": _searched,
    "recipient_notified": _told,
    "recipient_confirmed": _recipient_confirmed,
    "task_opened": task.opened,
    "task_moved": task.moved,
    "task_answered": task.answered,
    "package_built": _built,
    "package_masked": _masked,
    "letter_sent": _letter,
    "letter_delivered": _delivered,
    "answer_taken": _taken,
    "request_moved": request_moves.moved,
    "staff_read": _read,
    "said_more": _said_more,
    "restriction_moved": _restricted,
    "forwarded": _forwarded,
    "forwarding_confirmed": _confirmed,
    "fee_moved": _fee_moved,
}
KINDS = frozenset(_APPLY) | {"request_received"}
"""The kinds of event that may stand in a request's stream."""


def _settled(state: State) -> State:
    """Work the status out from what has happened."""
    claims = state["claims"].values()
    if state["ended"]:
        status = state["ended"]
    elif (
        state.get("refusal_sent")
        and state["delivered"]
        and all(claim["outcome"] == "refuse" for claim in claims)
    ):
        status = "refused"
    elif state["answered"] and state["delivered"]:
        status = "responded"
    elif any(ask["answered"] is None for ask in state["asks"].values()) or fee_awaited(state):
        status = "waiting"
    elif any(claim["stores"] or claim["done"] for claim in claims):
        status = "executing"
    elif all(claim["outcome"] for claim in claims):
        status = "decided"
    elif any(claim["outcome"] for claim in claims) or state["proven"]:
        status = "in_progress"
    else:
        status = "received"
    return {**state, "status": status}


def fee_awaited(state: Mapping[str, Any]) -> bool:
    """Say whether a fee was asked for and neither paid nor let go."""
    return bool(state.get("fee")) and state["fee"]["state"] == "asked"


def deadline(state: Mapping[str, Any], today: date | None = None) -> Deadline:
    """Reckon the clock of a request from its events."""
    asks = tuple(
        Ask(ask["what"], date.fromisoformat(ask["sent"]), _day(ask["answered"]), ask["reason"])
        for ask in state["asks"].values()
    )
    told = state["extension"]
    extension = Extension(told["reason"], date.fromisoformat(told["on"])) if told else None
    refused = [claim.get("decided_on") for claim in state["claims"].values() if claim["outcome"] == "refuse"]
    fee = state.get("fee") or {}
    return _reckoned(
        date.fromisoformat(state["received"]),
        str(state["jurisdiction"]),
        asks=asks,
        fee_asked=_day(fee.get("asked_on")),
        fee_paid=_day(fee.get("paid_on")),
        extension=extension,
        refused_on=max(date.fromisoformat(day) for day in refused if day) if any(refused) else None,
        rights=tuple(str(claim["right"]) for claim in state["claims"].values()),
        today=today,
    )


@lru_cache(maxsize=4_096)
def _reckoned(received: date, jurisdiction: str, **known: Any) -> Deadline:
    """Reckon a clock once: it is asked for with every event of a request, and seldom differs."""
    return clock.deadline(received, jurisdiction, **known)


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


def _dated(state: State) -> State:
    ended = state["status"] in ENDED
    if state["status"] == "closed" and has_answer(state):
        until = answer_until(state) or date.fromisoformat(state["last_on"])
        return {**state, "due": (until + timedelta(days=1)).isoformat()}
    kept = file_until(state)
    if kept is not None:
        return {**state, "due": kept.isoformat()}
    due = deadline(state)
    return {
        **state,
        "legal_due": due.legal_due.isoformat() if due.legal_due else None,
        "safe_due": due.safe_due.isoformat() if due.safe_due else None,
        "due": None if ended or due.safe_due is None else due.safe_due.isoformat(),
    }


def is_claimed(state: Mapping[str, Any]) -> bool:
    """Say whether a request ended before it was imported: nothing of its course is vouched for by the seals."""
    return bool((state.get("imported") or {}).get("ended"))


def answered_late(state: Mapping[str, Any]) -> bool:
    """Say whether the answer, or the refusal, went out after the legal date."""
    answered, legal = state.get("answered_on"), state.get("legal_due")
    return bool(answered and legal and answered > legal)


def is_open(state: Mapping[str, Any]) -> bool:
    """Say whether the request still awaits something."""
    return state["status"] in OPEN


def ended_lately(state: Mapping[str, Any], today: date) -> bool:
    """Say whether a request ended no longer ago than its answer may be fetched: questions about it still come."""
    ended = state.get("ended_on") or state.get("answered_on")
    return ended is not None and today <= date.fromisoformat(ended) + timedelta(days=ANSWER_DAYS)


def answer_until(state: Mapping[str, Any]) -> date | None:
    """Return the last day on which the answer may be fetched, once it was released."""
    released = state.get("answered_on")
    return date.fromisoformat(released) + timedelta(days=ANSWER_DAYS) if released else None


def file_until(state: Mapping[str, Any]) -> date | None:
    """Return the day on which the file of a closed request is destroyed; None while it is open, or after."""
    if state["status"] != "closed" or state.get("file_destroyed"):
        return None
    return FILE_KEPT.after(date.fromisoformat(state["ended_on"]))


def has_answer(state: Mapping[str, Any]) -> bool:
    """Say whether a copy of somebody's data still lies ready."""
    return any(claim["package"] for claim in state["claims"].values())


def copies_left(claim: Mapping[str, Any]) -> dict[str, int]:
    """Return how many copies the last search of each store found."""
    found = claim["residue"] or {}
    return {
        store: sum(int(hit["rows"]) for hit in hits if hit["verdict"] == "copy")
        for store, hits in found.items()
    }
