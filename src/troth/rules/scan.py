"""What a scan of a site says against the cookie table: seen and declared in, findings out.

Each thing seen is matched to its line of the table, and what a choice allows is asked where the
banner and the gate ask it (`rules.cookie`), so that the three cannot disagree.  A line nobody
saw is told too, but breaks nothing: no scan sees every page.

Law: Directive 2002/58/EC Art. 5(3), prior consent; GDPR Art. 7(3), withdrawal; Case C-673/17,
the lifetime that was told; CNIL 2020-091 Art. 5, no longer and not renewed by visits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from troth.law.ceiling import Ceiling, ceiling
from troth.law.jurisdiction import jurisdictions
from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import Cookies
from troth.rules import cookie, tracker
from troth.rules.cookie import Choice, Line, Table, same_or_under
from troth.rules.trace import Kind, Party, Seen, State, Trace

VerdictName = Literal[
    "undeclared", "before_consent", "survives_refusal", "survives_withdrawal", "longer_than_declared",
    "longer_than_ceiling", "sliding", "wrong_party", "wrong_category", "tracker_request", "never_seen",
]  # fmt: skip
VERDICTS: tuple[VerdictName, ...] = (
    "before_consent", "survives_refusal", "survives_withdrawal", "tracker_request", "undeclared",
    "longer_than_declared", "longer_than_ceiling", "sliding", "wrong_party", "wrong_category", "never_seen",
)  # fmt: skip
"""Every verdict, the gravest first."""
BREAKS_NOTHING: frozenset[str] = frozenset({"never_seen"})
EVIDENCE_MAX = 3
_HOUR = 3600
_DAY = 86_400
_APART_LEAST = 2.0
"""Two requests for a cookie this many seconds apart tell a renewal from an end that stays."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict on one thing; `told` are the words and numbers that its sentence needs."""

    verdict: VerdictName
    name: str
    kind: Kind
    host: str
    party: Party | None
    states: tuple[State, ...] = ()
    declared: str | None = None
    told: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Trace, ...] = ()

    @property
    def breaks(self) -> bool:
        """Say whether it is against the policy, and not only worth a look."""
        return self.verdict not in BREAKS_NOTHING


@dataclass(frozen=True, slots=True)
class Matched:
    """A thing that was seen and the line that declares it; `astray` where only the party or the host differs."""

    seen: Seen
    line: Line | None
    astray: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a site is held to: the table of the policy, its own limit, and the ceiling of the law."""

    cookies: Cookies
    table: Table
    ceiling: Ceiling | None
    now: int


def held_to(policy: Policy, now: datetime) -> Expected | None:
    """Return what a site is held to by a policy, where its companies are; None where it says nothing of cookies."""
    if policy.cookies is None:
        return None
    entities = policy.group.entities if policy.group is not None else ()
    told = [str(one.jurisdiction or one.country) for one in entities]
    known = {place.code for place in jurisdictions()}
    places = [place for place in told if place in known or place.partition("-")[0] in known]
    return Expected(
        policy.cookies,
        cookie.table(policy.cookies),
        ceiling("tracker", places, now.date()),
        int(now.timestamp()),
    )


def judge(expected: Expected, seen: Sequence[Seen], requests: Sequence[Trace]) -> tuple[Finding, ...]:
    """Give every finding, the gravest first."""
    matched = [_matched(expected.table, one) for one in seen]
    found = [finding for one in matched for finding in _of(expected, one)]
    found += _requests(expected, matched, requests)
    found += _never_seen(expected.table, matched, requests)
    ranks = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
    return tuple(sorted(found, key=lambda one: (ranks[one.verdict], one.kind, one.name, one.host)))


def declared(table: Table, seen: Iterable[Seen]) -> dict[tuple[str, str, str], str]:
    """Return the name in the table of each thing seen that has one."""
    matched = (_matched(table, one) for one in seen)
    return {
        (one.seen.kind, one.seen.name, one.seen.host): one.line.row.name
        for one in matched
        if one.line is not None
    }


def _matched(table: Table, one: Seen) -> Matched:
    lines = [line for line in table.candidates(one.name) if line.row.storage == one.kind]
    fitting = [line for line in lines if _fits(line, one)]
    if fitting:
        return Matched(one, fitting[0])
    return Matched(one, lines[0], astray=True) if lines else Matched(one, None)


def _fits(line: Line, one: Seen) -> bool:
    if line.row.host:
        return same_or_under(one.host, line.row.host)
    return line.row.party == one.party


def _of(expected: Expected, matched: Matched) -> Iterator[Finding]:
    one, line = matched.seen, matched.line
    stored = [trace for trace in one.traces if not trace.never_stored]
    if not stored:
        return
    if line is None:
        known = tracker.by_name(one.name)
        more = f" ({known.tool}, {known.category})" if known else ""
        yield _finding("undeclared", one, None, stored, {"known": more})
        if known is None or known.category == "necessary":
            yield from _lifetime(expected, one, None)
            return
    if matched.astray and line is not None:
        wanted = line.row.host or line.row.party
        yield _finding("wrong_party", one, line, stored, {"wanted": wanted, "found": one.host or one.party})
    for verdict, traces in _too_early_or_late(expected, line, stored).items():
        yield _finding(verdict, one, line, traces)
    yield from _lifetime(expected, one, line)
    if line is not None:
        yield from _renewed(one, line)
        yield from _category(one, line, stored)


def _finding(
    verdict: VerdictName,
    one: Seen,
    line: Line | None,
    traces: Sequence[Trace],
    told: Mapping[str, str] | None = None,
) -> Finding:
    states = Seen(one.kind, one.name, one.host, one.party, tuple(traces)).states
    name = line.row.name if line is not None else None
    category = line.row.category if line is not None else ""
    evidence = _best(traces)
    said = {"category": category, **(told or {})}
    return Finding(verdict, one.name, one.kind, one.host, one.party, states, name, said, evidence)


def _best(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """Choose the traces that say most, one for each state at first."""
    ranked = sorted(traces, key=lambda one: (not one.line, not one.stack, not one.picture, one.order))
    first = {one.state: one for one in reversed(ranked)}
    chosen = sorted(first.values(), key=lambda one: one.order)
    return tuple(chosen[:EVIDENCE_MAX])


def _too_early_or_late(
    expected: Expected, line: Line | None, traces: Sequence[Trace]
) -> dict[VerdictName, list[Trace]]:
    found: dict[VerdictName, list[Trace]] = {}
    for trace in traces:
        verdict = _in_state(expected, line, trace.state)
        if verdict is not None:
            found.setdefault(verdict, []).append(trace)
    return found


def _in_state(expected: Expected, line: Line | None, state: State) -> VerdictName | None:
    """Say what is wrong with something in a state, or None where the choice made then allows it."""
    known, now = expected.table, expected.now
    if state in {"accepted", "second"}:
        return None
    choice = Choice(now) if state in {"refused", "withdrawn"} else None
    ruling = cookie.rule(known, choice, now, line, signal=state == "gpc")
    if ruling.allowed:
        return None
    if state == "withdrawn":
        return "survives_withdrawal"
    if state == "refused" or (state == "gpc" and "gpc" in known.signals):
        return "survives_refusal"
    return "before_consent"


def _lifetime(expected: Expected, one: Seen, line: Line | None) -> Iterator[Finding]:
    asked = [trace for trace in one.traces if trace.seconds is not None and not trace.never_stored]
    if one.kind != "cookie" or not asked:
        return
    longest = max(asked, key=lambda trace: trace.seconds or 0)
    seconds = longest.seconds or 0.0
    told = {"asked": f"{seconds:.0f}"}
    if line is not None and line.longer(seconds - _HOUR):
        yield _finding(
            "longer_than_declared", one, line, [longest], {**told, "limit": str(line.row.lifetime)}
        )
    law = expected.ceiling
    if law is not None and _over(seconds, law.period):
        yield _finding(
            "longer_than_ceiling", one, line, [longest], {**told, "limit": str(law.period), "law": law.law}
        )


def _over(seconds: float, most: Period) -> bool:
    return seconds - _HOUR > most.days()[1] * _DAY


def _renewed(one: Seen, line: Line) -> Iterator[Finding]:
    """Find a lifetime that begins anew at a second visit, where the table says that none does."""
    if line.row.sliding or one.kind != "cookie":
        return
    lasting = [trace for trace in one.asked if trace.seconds and not trace.never_stored]
    first = [trace for trace in lasting if trace.state == "accepted"] or [
        trace for trace in lasting if trace.state == "before"
    ]
    for again in (trace for trace in lasting if trace.state == "second"):
        before = next((trace for trace in reversed(first) if _can_tell(trace, again)), None)
        if before is not None and _begins_anew(before, again):
            yield _finding("sliding", one, line, [before, again], {"asked": f"{again.seconds or 0:.0f}"})
            return


def _can_tell(before: Trace, again: Trace) -> bool:
    return before.how == again.how and abs(again.asked_at - before.asked_at) >= _APART_LEAST


def _begins_anew(before: Trace, again: Trace) -> bool:
    """Tell a lifetime that is asked for once more from an end that stays where it was."""
    apart = again.asked_at - before.asked_at
    was, now = before.seconds or 0.0, again.seconds or 0.0
    if was <= apart:
        return False
    return abs(now - was) < abs(apart) / 2 or now > was


def _category(one: Seen, line: Line, traces: Sequence[Trace]) -> Iterator[Finding]:
    """Find a declared category that what is known of the name contradicts."""
    known = tracker.by_name(one.name)
    if known is None or known.category in {line.row.category, "necessary"}:
        return
    told = {"known": known.category, "tool": known.tool}
    yield _finding("wrong_category", one, line, traces, told)


def _requests(expected: Expected, matched: Sequence[Matched], requests: Sequence[Trace]) -> Iterator[Finding]:
    """Find requests to whoever follows visitors, whether or not a cookie goes with them."""
    lines: dict[str, list[Line]] = {}
    for one in matched:
        if one.seen.party == "third" and one.line is not None and not one.astray:
            lines.setdefault(one.seen.host, []).append(one.line)
    by_host: dict[str, list[Trace]] = {}
    for request in requests:
        by_host.setdefault(request.host, []).append(request)
    for host, traces in sorted(by_host.items()):
        own = [line for line in expected.table.lines if line.row.host and same_or_under(host, line.row.host)]
        pixels = [line for line in own if line.row.storage == "pixel"]
        if pixels:
            for line in pixels:
                told = [one for one in traces if _is_its_request(line, one)]
                yield from _asked_too_soon(expected, line.row.name, host, line, told)
            continue
        declared_there = [*own, *lines.get(host, [])]
        if declared_there:
            if not any(line.exempt for line in declared_there):
                yield from _asked_too_soon(expected, host, host, declared_there[0], traces)
            continue
        known = tracker.by_host(host)
        if known is not None and known.category == "necessary":
            continue
        more = f" ({known.tool}, {known.category})" if known else ""
        told = traces if known else [one for one in traces if one.kind == "pixel"]
        if told:
            yield from _asked_too_soon(expected, host, host, None, told, more)
            yield _finding("undeclared", Seen("pixel", host, host, "third", ()), None, told, {"known": more})


def _asked_too_soon(
    expected: Expected, name: str, host: str, line: Line | None, traces: Sequence[Trace], more: str = ""
) -> Iterator[Finding]:
    wrong = [one for one in traces if _in_state(expected, line, one.state) is not None]
    if wrong:
        yield _finding(
            "tracker_request", Seen("pixel", name, host, "third", ()), line, wrong, {"known": more}
        )


def _is_its_request(line: Line, request: Trace) -> bool:
    """Say whether a declared pixel is what was asked for: by the last part of the path, the path, or the host."""
    path = urlsplit(request.wrote.removesuffix("?…")).path
    names = (request.host, path, path.strip("/"), path.rpartition("/")[2])
    return any(line.pattern.fullmatch(name) for name in names)


def _never_seen(table: Table, matched: Sequence[Matched], requests: Sequence[Trace]) -> Iterator[Finding]:
    there = {id(one.line) for one in matched if one.line is not None}
    for line in table.lines:
        row = line.row
        if id(line) in there:
            continue
        if row.storage == "pixel" and any(
            same_or_under(one.host, row.host or one.host) and _is_its_request(line, one) for one in requests
        ):
            continue
        told = {"category": row.category}
        yield Finding("never_seen", row.name, row.storage, row.host or "", row.party, (), row.name, told)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count findings by verdict, in the order of their gravity; what was not found is left out."""
    found: dict[str, int] = {}
    for one in findings:
        found[one.verdict] = found.get(one.verdict, 0) + 1
    return {verdict: found[verdict] for verdict in VERDICTS if verdict in found}
