"""The report of a scan: what was done, seen and found, as a value and as JSON.

No value of a cookie is in it, and no address of a page is longer than its path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from troth.rules import tracker
from troth.rules.scan import Finding, counts
from troth.rules.scan_words import LANGUAGES, note, said
from troth.rules.trace import STATES, Seen, State, Trace, listed

Outcome = Literal["reached", "no_dialog", "no_accept", "no_refuse", "no_way_back", "not_needed", "cut"]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far one state went: pages visited in it, how it was entered, and the button that was pressed."""

    outcome: Outcome
    pages: int = 0
    pressed: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader should know that is no verdict; `told` fills its sentence."""

    code: str
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """One scan of one site, whole; `pictures` are JPEG files by name, `thumbnails` the same ones made small."""

    url: str
    site: str
    at: datetime
    states: Mapping[State, Reached]
    pages: tuple[str, ...]
    seen: tuple[Seen, ...]
    requests: tuple[Trace, ...]
    notes: tuple[Note, ...]
    visits: int
    seconds: float
    findings: tuple[Finding, ...] = ()
    declared: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    table_sha256: str = ""
    policy: str = ""
    version: str = ""
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    thumbnails: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def complete(self) -> bool:
        """Say whether every state was reached, so that silence of the scan means something."""
        return bool(self.states) and all(
            one.outcome in {"reached", "not_needed"} for one in self.states.values()
        )

    @property
    def breaks(self) -> int:
        """How many findings are against the policy."""
        return sum(one.breaks for one in self.findings)


def as_json(report: Report, language: str = "en") -> dict[str, Any]:
    """Return the report as JSON holds it."""
    return {
        "url": report.url,
        "site": report.site,
        "at": report.at.isoformat(timespec="seconds"),
        "policy": report.policy,
        "policy_version": report.version,
        "table_sha256": report.table_sha256,
        "complete": report.complete,
        "counts": counts(report.findings),
        "states": {
            state: {"outcome": one.outcome, "pages": one.pages, "pressed": one.pressed}
            for state in STATES
            if (one := report.states.get(state)) is not None
        },
        "findings": [_finding(one, language) for one in report.findings],
        "seen": list(listed(report.seen, report.declared)),
        "requests": list(_requests(report.requests)),
        "notes": [{"code": one.code, "text": note(one.code, one.told, language)} for one in report.notes],
        "pictures": of_states(report),
        "pages": list(report.pages),
        "visits": report.visits,
        "seconds": round(report.seconds, 2),
        "seconds_per_visit": round(report.seconds / report.visits, 3) if report.visits else None,
    }


def of_states(report: Report) -> dict[str, str]:
    """Return the first picture of each state by its name: what a visitor saw before a choice, and after each."""
    found: dict[str, str] = {}
    for name in sorted(report.pictures, key=lambda one: int("".join(filter(str.isdecimal, one)) or 0)):
        state = name.partition("-")[0]
        if state in STATES:
            found.setdefault(state, name)
    return found


def _finding(one: Finding, language: str) -> dict[str, Any]:
    words = said(one, language)
    return {
        "verdict": one.verdict, "title": words.title, "name": one.name, "kind": one.kind, "host": one.host,
        "party": one.party, "states": list(one.states), "declared_as": one.declared, "breaks": one.breaks,
        "message": words.text, "remedy": words.remedy, "law": words.law,
        "evidence": [evidence(trace) for trace in one.evidence],
    }  # fmt: skip


def evidence(trace: Trace) -> dict[str, Any]:
    """Return a trace as evidence: where, when, by whom, and the line without its value."""
    return {
        "state": trace.state, "page": trace.page, "how": trace.how, "set_by": trace.wrote, "line": trace.line,
        "asked_days": None if trace.seconds is None else round(trace.seconds / 86_400, 2),
        "stack": list(trace.stack), "refused_by_browser": list(trace.why_not), "picture": trace.picture,
    }  # fmt: skip


def _requests(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """List the other hosts that were asked for something, each once."""
    by_host: dict[str, list[Trace]] = {}
    for one in traces:
        by_host.setdefault(one.host, []).append(one)
    found = []
    for host, some in sorted(by_host.items()):
        known = tracker.by_host(host)
        there = {one.state for one in some}
        found.append(
            {
                "host": host, "states": [state for state in STATES if state in there], "requests": len(some),
                "pixel": any(one.kind == "pixel" for one in some), "known_as": known.tool if known else None,
            }
        )  # fmt: skip
    return found


def written(report: Report) -> bytes:
    """Write the report as the bytes whose hash is its evidence in the ledger."""
    told = as_json(report) | {"in": {one: _in_words(report, one) for one in LANGUAGES if one != "en"}}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1).encode()


def _in_words(report: Report, language: str) -> dict[str, Any]:
    """Say findings and notes in another language, each in its place."""
    return {
        "findings": [said(one, language)._asdict() for one in report.findings],
        "notes": [note(one.code, one.told, language) for one in report.notes],
    }


def spoken(told: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a report that was written, with its findings and notes in a language; in English where it has no other."""
    words = told.get("in", {}).get(language)
    if words is None:
        return dict(told)
    findings = [
        {
            **one,
            "title": in_.get("title"),
            "message": in_.get("text"),
            "remedy": in_.get("remedy"),
            "law": in_.get("law"),
        }
        for one, in_ in zip(told["findings"], words["findings"], strict=True)
    ]
    notes = [{**one, "text": text} for one, text in zip(told["notes"], words["notes"], strict=True)]
    return {**told, "findings": findings, "notes": notes}


def evidence_sha256(report: Report) -> str:
    """Return the hash of the report."""
    return sha256(written(report)).hexdigest()
