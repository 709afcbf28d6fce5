"""What a request waits for, step by step, and who may not do a step because they did the one before.

The same steps as `request_guard.next_steps` tells in words, as codes: screens count, find and translate them.

Law: GDPR Art. 12(3), Art. 38(6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from troth.rules import task
from troth.rules.claim import EXCESSIVE, WAYS
from troth.rules.request import ENDED, answered_late, fee_awaited
from troth.rules.request_guard import needs_review

Step = Literal[
    "look_at", "explain", "authority", "extension", "unidentified", "document", "person", "fee", "fee_paid",
    "restriction", "escalated", "decide", "advise", "review", "owner", "measure", "approve", "carry", "build", "look",
    "release", "by_hand", "post", "answer", "close",
]  # fmt: skip
STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True, slots=True)
class Wait:
    """One step that is due: for which claim (empty: for the request), and `but` whom, who did what comes before."""

    step: Step
    claim: str = ""
    but: str = ""


def waits(state: Mapping[str, Any]) -> tuple[Wait, ...]:
    """Return the steps that are due in a request, in their order."""
    if state["status"] in ENDED:
        if answered_late(state) and not state.get("late_explained"):
            return (Wait("explain"),)
        return () if state["status"] == "closed" else (Wait("close"),)
    found = [*_of_request(state)]
    for name, claim in state["claims"].items():
        found.extend(Wait(step, name, but) for step, but in _of_claim(claim))
    if not found:
        found.append(Wait("person" if state["answered"] else "answer"))
    if not state.get("handled") and any(not one["outcome"] for one in state["claims"].values()):
        found.insert(0, Wait("look_at"))
    last = {told["letter"]: told["outcome"] for told in state["letters"]}
    return (*found, *([Wait("post")] if "to_post" in last.values() else []))


def _of_request(state: Mapping[str, Any]) -> Iterator[Wait]:
    acting = state.get("acting")
    if acting and not acting["checked"] and any(not one["outcome"] for one in state["claims"].values()):
        yield Wait("authority")
    if state.get("extension_proposed") and not state["extension"]:
        yield Wait("extension", but=str(state["extension_proposed"]["by"]))
    if state.get("unidentified"):
        yield Wait("unidentified", but=str(state["unidentified"]["by"]))
    if any(not one["gone"] for one in (state.get("documents") or {}).values()):
        yield Wait("document")
    if any(ask["answered"] is None for ask in state["asks"].values()):
        yield Wait("person")
    if fee_awaited(state):
        yield Wait("fee_paid")
    elif state.get("fee") and state["fee"]["state"] == "proposed":
        yield Wait("fee", but=str(state["fee"]["by"]))


def _of_claim(claim: Mapping[str, Any]) -> Iterator[tuple[Step, str]]:
    restriction = claim.get("restriction") or {}
    if restriction.get("name") and not restriction["marked"] and claim["outcome"] != "refuse":
        yield "restriction", ""
    if claim.get("escalated"):
        yield "escalated", ""
    if claim["outcome"] is None:
        yield "decide", ""
    elif needs_review(claim):
        if claim["outcome"] == "refuse" and EXCESSIVE in str(claim["article"]) and not claim["advised_by"]:
            yield "advise", ""
        yield "review", str(claim["decided_by"] or "")
    elif claim["outcome"] == "refuse":
        return
    elif task.waiting(claim):
        yield "owner", ""
    elif not claim["done"]:
        yield _way(claim), str(claim["decided_by"] or "") if _way(claim) == "approve" else ""


def _way(claim: Mapping[str, Any]) -> Step:
    match WAYS.get(claim["right"]):
        case "erasure" if claim["plan"] is None:
            return "measure"
        case "erasure" if claim["approved"] is None:
            return "approve"
        case "copy" if claim["package"] is None:
            return "build"
        case "copy" if not claim["package"].get("opened_by"):
            return "look"
        case "copy":
            return "release"
        case "person":
            return "by_hand"
        case _:
            return "carry"
