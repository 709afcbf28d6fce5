"""A draft of the policy: who wrote, advised and approved what, and how far it is.

An approval is of one text: whatever changes afterwards is approved anew.  Who wrote does not approve alone;
the data protection officer advises and never approves.  Texts, comments and advice are payloads of the events;
the state holds ids and hashes only.

Law: GDPR Arts. 5(2), 24(2), 38(3) and (6), 39(1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "draft"
OUTCOMES = ("agrees", "objects", "asks_for_changes")
"""What the data protection officer may advise."""


@dataclass(frozen=True, slots=True)
class Approved:
    """Whether the text as it stands is approved, and what is missing where it is not."""

    by: tuple[str, ...]
    lacks: str = ""


def digest(files: Mapping[str, str]) -> str:
    """Return the hash of the texts of a draft."""
    plain = json.dumps(sorted(files.items()), ensure_ascii=False)
    return sha256(plain.encode("utf-8", "replace")).hexdigest()


def fold(state: State | None, event: Event) -> State:
    """Return the state of a draft after an event."""
    facts, on = event.facts, event.at.date().isoformat()
    if facts["move"] == "begun":
        if state is not None:
            raise ValueError("begun")
        return {
            "name": facts["draft"], "status": "open", "due": None, "begun_on": on, "begun_by": event.actor,
            "base": event.id, "files": {}, "sha256": facts["sha256"], "writers": [], "changes": [], "comments": [],
            "settled": [], "advice": [], "approvals": [], "proposals": [], "answered": {}, "version": None,
            "effective": None, "commit": None, "number": None, "moved_on": on,
        }  # fmt: skip
    if state is None:
        raise ValueError(facts["move"])
    told = {"event": event.id, "by": event.actor, "on": on}
    held = {**state, "moved_on": on}
    match facts["move"]:
        case "changed" | "dated":
            _must_be(state, "open")
            change = {
                **told,
                "file": facts["file"],
                "clause": facts.get("clause"),
                "promise": facts.get("promise"),
            }
            answered = {facts["proposal"]: "taken"} if facts.get("proposal") else {}
            return {
                **held, "files": {**state["files"], facts["file"]: event.id}, "sha256": facts["sha256"],
                "writers": _with(state["writers"], event.actor), "changes": [*state["changes"], change],
                "version": facts.get("version") or state["version"],
                "effective": facts.get("effective") or state["effective"],
                "answered": {**state["answered"], **answered},
            }  # fmt: skip
        case "renewed":
            _must_be(state, "open")
            return {**held, "base": event.id, "files": {}, "sha256": facts["sha256"],
                    "writers": _with(state["writers"], event.actor)}  # fmt: skip
        case "commented":
            return {**held, "comments": [*state["comments"], {**told, "clause": facts["clause"],
                                                              "about": facts.get("about")}]}  # fmt: skip
        case "settled":
            return {**held, "settled": _with(state["settled"], facts["about"])}
        case "advised":
            advice = {**told, "outcome": facts["outcome"], "sha256": facts["sha256"]}
            return {**held, "advice": [*state["advice"], advice]}
        case "approved":
            _must_be(state, "open")
            return {**held, "approvals": [*state["approvals"], {**told, "sha256": facts["sha256"]}]}
        case "proposed":
            return {**held, "proposals": [*state["proposals"], {**told, "count": facts["count"]}]}
        case "answered":
            return {**held, "answered": {**state["answered"], facts["proposal"]: facts["outcome"]}}
        case "accepted":
            _must_be(state, "open")
            return {
                **held,
                "status": "accepted",
                "commit": facts.get("commit"),
                "number": facts.get("number"),
            }
        case "undone":
            _must_be(state, "accepted")
            return {**held, "status": "undone"}
        case "published":
            _must_be(state, "accepted")
            return {
                **held,
                "status": "published",
                "version": facts["version"],
                "effective": facts["effective"],
            }
        case "dropped":
            _must_be(state, "open")
            return {**held, "status": "dropped"}
        case _:
            raise ValueError(facts["move"])


def _must_be(state: Mapping[str, Any], status: str) -> None:
    if state["status"] != status:
        raise ValueError(state["status"])


def _with(found: list[str], one: Any) -> list[str]:
    return found if one in found else [*found, one]


def approved(state: Mapping[str, Any], *, alone: bool = False) -> Approved:
    """Say whether the text as it stands is approved by somebody who did not write it.

    `alone` is that the organisation recorded that one person does what two should.
    """
    mine = [one["by"] for one in state["approvals"] if one["sha256"] == state["sha256"]]
    by = tuple(dict.fromkeys(mine))
    if any(one not in state["writers"] for one in by) or (alone and by):
        return Approved(by)
    if by:
        return Approved(
            by, "Who wrote does not approve alone: somebody who wrote nothing of it approves it too."
        )
    if state["approvals"]:
        return Approved((), "It changed after it was approved: it is approved anew.")
    return Approved((), "Nobody approved it yet.")


def refusals(state: Mapping[str, Any], staff: str) -> Iterator[str]:
    """Say why somebody may not approve a draft."""
    if any(one["by"] == staff for one in state["advice"]):
        yield "Whoever advises on a draft as data protection officer does not approve it (GDPR Art. 38(6))."


def no_advice(state: Mapping[str, Any], staff: str) -> Iterator[str]:
    """Say why somebody may not advise on a draft as data protection officer."""
    if any(one["by"] == staff for one in state["approvals"]):
        yield "Whoever approved a draft does not advise on it as data protection officer (GDPR Art. 38(6))."
