"""What a regulator asks about data itself: how long it is kept, that it is gone, who received it, what is held back.

Law: GDPR Arts. 5(1)(e), 13(1)(e), 14(3), 17(1), 18(3), 19, 33, 34.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from troth.policy.policy import Policy
from troth.rules import collection, incident, set_aside
from troth.rules.event import Event
from troth.rules.question import Answer, Asked, Row
from troth.rules.sweep import Bound
from troth.rules.verdict import TOLD_OF

State = Mapping[str, Any]


def retention(
    bound: Sequence[Bound], sweeps: Mapping[str, State], holds: Iterable[State], asked: Asked
) -> Answer:
    """Answer how many rows are past their retention, as last counted, by rule; and which holds stand."""
    rows: list[Row] = []
    never = 0
    for one in bound:
        state = sweeps.get(one.name, {})
        measured = state.get("measured_on")
        never += not measured
        rows.append(
            {
                "what": asked.word("rule"),
                "rule": one.rule.id,
                "place": f"{one.store}.{one.table}",
                "measured_on": str(measured or asked.word("not_measured")),
                "rows": state["overdue"] if measured else None,
                "held": min(int(state["held"]), int(state["overdue"])) if measured else None,
                "oldest": str(state.get("oldest") or ""),
                "status": one.why_not or str(state.get("status") or ""),
                "review_on": "",
                "review_overdue": None,
                "owner": "",
            }
        )
    counted = len(bound) - never
    for hold in holds:
        if hold["status"] != "placed":
            continue
        counted += 1
        rows.append(
            {
                "what": asked.word("hold"),
                "rule": hold["name"],
                "place": tuple(map(str, hold["what"])),
                "measured_on": "",
                "rows": None,
                "held": None,
                "oldest": "",
                "status": hold["status"],
                "review_on": hold["review_on"],
                "review_overdue": str(hold["review_on"]) < asked.today.isoformat(),
                "owner": str(hold.get("owner") or ""),
            }
        )
    notes = (asked.say("unmeasured", count=never),) if never else ()
    return Answer(tuple(rows), counted, notes=notes)


def deletions(
    events: Iterable[Event], backups: Mapping[str, str], controllers: Mapping[str, str], asked: Asked
) -> Answer:
    """Answer what shows that data went: each erasure and each sweep, what was left, and until when backups hold it.

    Where a rule is asked for, the sweeps of that promise alone.  `backups` says, by the id of the event, until when
    the store's backups hold what went; `controllers` whose rows a store holds, empty where they are of several.  An
    erasure is of the company of its request.
    """
    rule = asked.rule
    rows: list[dict[str, Any]] = []
    companies: dict[str, str] = {}
    by_step: dict[str, dict[str, Any]] = {}
    for event in events:
        facts: Mapping[str, Any] = event.facts
        on = str(facts.get("on") or event.at.date().isoformat())
        match event.kind:
            case "act_ended" if (
                facts["outcome"] == "committed" and facts["grade"] != "nothing_found" and not rule
            ):
                if not str(event.stream).startswith("request/"):
                    continue
                row = _deleted(
                    event, on, asked.word("erasure"), str(event.request or ""), str(facts["store"])
                )
                row |= {
                    "rows": _rows_of(facts["rows"]),
                    "way": facts["grade"],
                    "certainty": facts["certainty"],
                }
                row |= {"until": str(facts.get("expires") or ""), "backups_until": backups.get(event.id, "")}
                by_step[str(facts["step"])] = row
                companies[event.id] = event.entity
                rows.append(row)
            case "verified" if str(facts["step"]) in by_step:
                by_step[str(facts["step"])]["remaining"] = facts["remaining"]
            case "residue_searched":
                claim = str(facts["pass"]).split("/")[1] if "/" in str(facts["pass"]) else ""
                for row in rows:
                    if row["rule"] == event.request and row["place"] == facts["store"] and claim:
                        row["copies"] = sum(
                            int(hit["rows"]) for hit in facts["hits"] if hit["verdict"] == "copy"
                        )
            case "sweep_moved" if facts["state"] == "acted" and (not rule or rule == facts["rule"]):
                store = str(facts.get("store") or str(event.stream).rpartition("/")[2])
                place = f"{store}.{facts['table']}" if facts.get("table") else store
                companies[event.id] = controllers.get(store, "")
                row = _deleted(event, on, asked.word("sweep"), str(facts["rule"]), place)
                certainty = "at_least_once" if facts.get("unknown") else "exactly_once"
                row |= {"rows": facts["rows"], "remaining": facts.get("left"), "certainty": certainty}
                row |= {"way": "deleted", "backups_until": backups.get(event.id, "")}
                rows.append(row)
    kept = tuple(row for row in rows if asked.within(row["on"]) and asked.by(companies[row["event"]]))
    return Answer(kept, len(kept), notes=asked.of_group(companies[row["event"]] for row in kept))


def _deleted(event: Event, on: str, what: str, rule: str, place: str) -> dict[str, Any]:
    return {
        "on": on, "what": what, "rule": rule, "place": place, "rows": 0, "way": "", "certainty": "",
        "remaining": None, "copies": None, "until": "", "backups_until": "", "event": event.id,
    }  # fmt: skip


def _rows_of(told: Any) -> int:
    """Return how many rows an act changed; what it retained it left where it was."""
    return sum(int(one[2]) for one in told if one[1] != "retain")


def recipients(policy: Policy, made: Iterable[Event], words: Any, asked: Asked) -> Answer:
    """Answer who receives a category (or any), by the policy and by the disclosures on record.

    `words` are those of a register's source, which says names in the language.  What went to nobody of the
    policy's list is what must be none.
    """
    category = asked.category
    counted: Counter[str] = Counter()
    last: dict[str, str] = {}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    looked = 0
    classes: dict[str, str] = {}
    for event in made:
        facts: Mapping[str, Any] = event.facts
        on = str(facts.get("on") or event.at.date().isoformat())
        if not asked.within(on) or (category and category not in facts["category"]):
            continue
        looked += 1
        key = str(facts["recipient"]) if facts["class"] != "outside" else f"outside:{facts['recipient']}"
        counted[key] += 1
        last[key] = max(last.get(key, ""), on)
        seen[key] |= set(map(str, facts["category"]))
        classes[key] = str(facts["class"])
    rows: list[Row] = []
    for one in policy.recipients.values():
        received = set(map(str, policy.received_by(one)))
        key = str(one.key)
        if category and category not in received and not counted[key]:
            continue
        rows.append(
            {
                "recipient": words.text(one.title),
                "class": words.word(one.class_, "recipient.class"),
                "role": words.word(one.role),
                "categories": tuple(sorted(received | seen[key])),
                "named": tuple(f"{party.name} ({party.country})" for party in one.named),
                "disclosures": counted[key],
                "last_on": last.get(key, ""),
                "outside": False,
            }
        )
    known = set(map(str, policy.recipients))
    wrong = 0
    for key in sorted(counted.keys() - known):
        outside = classes[key] == "outside"
        wrong += counted[key] if outside else 0
        rows.append(
            {
                "recipient": key.removeprefix("outside:"),
                "class": classes[key],
                "role": "",
                "categories": tuple(sorted(seen[key])),
                "named": (),
                "disclosures": counted[key],
                "last_on": last[key],
                "outside": outside,
            }
        )
    return Answer(tuple(rows), looked, wrong)


def recipients_told(states: Iterable[State], told: Iterable[Event], asked: Asked) -> Answer:
    """Answer which recipients were told of what was done, and which claims that were granted told none."""
    by_claim: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in told:
        by_claim[str(event.request or ""), str(event.facts.get("claim") or "")].append(event)
    rows: list[Row] = []
    looked = 0
    for state in states:
        if not asked.of(state["entity"], state["jurisdiction"]):
            continue
        for name, claim in state["claims"].items():
            if claim["right"] not in TOLD_OF or claim["outcome"] not in {"grant", "part"}:
                continue
            if not asked.within(claim.get("decided_on")):
                continue
            looked += 1
            rows += _told(state, name, claim, by_claim[str(state["id"]), name], asked)
    return Answer(tuple(rows), looked)


def _told(state: State, name: str, claim: State, events: Sequence[Event], asked: Asked) -> Iterator[Row]:
    confirmed = claim.get("confirmed", {})
    begun = {"request": state["id"], "entity": state["entity"], "claim": name, "right": claim["right"]}
    for event in events:
        facts, answer = event.facts, confirmed.get(event.facts["recipient"], {})
        yield {
            **begun,
            "recipient": str(facts["recipient"]),
            "action": str(facts["action"]),
            "on": event.at.date().isoformat(),
            "attempt": str(facts["attempt"]),
            "outcome": str(facts["outcome"]),
            "confirmed": str(answer.get("status") or ""),
            "confirmed_on": str(answer.get("on") or ""),
            "reason_code": str(facts.get("reason") or ""),
        }
    if not events:
        empty = dict.fromkeys(("recipient", "action", "on", "confirmed", "confirmed_on", "reason_code"), "")
        yield {**begun, **empty, "attempt": "0", "outcome": asked.word("not_told")}


def breaches(
    states: Iterable[State],
    words: Mapping[str, Mapping[str, str]],
    dues: Mapping[str, datetime],
    moment: datetime,
    asked: Asked,
) -> Answer:
    """Answer how soon the authority was told of each breach; `words` are what was said, `dues` when the hours end.

    Late are those of which it was told too late, and those of which it should know by this moment and does not.
    """
    rows: list[Row] = []
    looked = late = 0
    for state in states:
        if not asked.of(state["entity"]) or not asked.within(state["aware_at"] or state["reported_at"]):
            continue
        looked += 1
        if state["aware_at"] is None:
            continue
        said, first = words.get(state["number"], {}), (state["authority"] or [{}])[0]
        end, hours = dues.get(state["number"]), None
        if first:
            passed = datetime.fromisoformat(first["at"]) - datetime.fromisoformat(state["aware_at"])
            hours = round(passed.total_seconds() / 3600, 1)
        in_time = not first["late"] if first else None
        owed = not first and state["risk"] != "unlikely" and not state["ended_on"]
        late += in_time is False or (owed and end is not None and end < moment)
        rows.append(
            {
                "number": state["number"],
                "entity": state["entity"],
                "reported_at": state["reported_at"],
                "aware_at": state["aware_at"],
                "certain_by": said.get("by", ""),
                "types": tuple(map(str, state["types"])),
                "risk": state["risk"] or "",
                "why": said.get("why", ""),
                "people": state["people"],
                "records": state["records"],
                "authority_told_at": str(first.get("at", "")),
                "hours": hours,
                "in_time": in_time if first or end is None else None,
                "late_because": said.get("because", ""),
                "people_told": state["people_told"],
                "people_not_told_because": incident.EXEMPT.get(str(state["exempt"]), ""),
                "status": state["status"],
            }
        )
    return Answer(tuple(rows), looked, late=late)


def indirect_notices(states: Mapping[str, State], asked: Asked) -> Answer:
    """Answer when people were told of data that came from others, and what was late."""
    rows: list[Row] = []
    for name, state in sorted(states.items(), key=lambda one: str(one[1]["obtained"])):
        if not state["indirect"] or not asked.within(state["obtained"]):
            continue
        untold = state["status"] == "destroyed" and not state["told_on"]
        rows.append(
            {
                "notice": name,
                "source": state["source"],
                "obtained": state["obtained"],
                "owed_by": str(state["owed_by"] or ""),
                "told_on": str(state["told_on"] or ""),
                "late": collection.is_late(state, asked.today),
                "status": state["status"],
                "exemption": f"Art. 14(5)({state['exempt']})"
                if state.get("exempt")
                else asked.word("erased_before")
                if untold
                else "",
            }
        )
    return Answer(tuple(rows), len(rows))


def restrictions(
    moved: Iterable[Event], states: Mapping[str, State], requests: Iterable[State], asked: Asked
) -> Answer:
    """Answer which restrictions stand, and which were lifted with nobody told before that day was over.

    A restriction is of the company of its request; of one that no request led to no company is known.
    """
    lifted: dict[str, str] = {}
    told: dict[str, str] = {}
    for event in moved:
        if event.stream.startswith("restriction/"):
            name = event.stream.partition("/")[2]
            if event.facts["state"] == "lifted":
                lifted[name] = event.at.date().isoformat()
            if event.facts.get("told_on"):
                told.setdefault(name, str(event.facts["told_on"]))
    rows: list[Row] = []
    companies: list[str] = []
    led: dict[str, State] = {}
    for state in requests:
        led |= {
            one["restriction"]["name"]: state
            for one in state["claims"].values()
            if one.get("restriction") and one["restriction"]["name"]
        }
        for found, status, ended in _nameless(state):
            if asked.within(found["on"]) and asked.of(state["entity"], state["jurisdiction"]):
                companies.append(str(state["entity"]))
                row = _restriction("", str(state["id"]), found["ground"], found["on"], status)
                if ended is not None:
                    untold = not ended.told_on or ended.told_on > ended.on
                    row = {**row, "told_on": ended.told_on, "lifted_on": ended.on, "untold": untold}
                rows.append(row)
    for name, state in sorted(states.items()):
        since = str(state.get("on") or "")
        by: State = led.get(name, {})
        if not since or not asked.within(since) or not asked.of(by.get("entity"), by.get("jurisdiction")):
            continue
        companies.append(str(by.get("entity") or ""))
        row = _restriction(name, str(by.get("id") or ""), state["ground"], since, str(state["status"]))
        untold = name in lifted and (name not in told or told[name] > lifted[name])
        rows.append(
            {**row, "told_on": told.get(name, ""), "lifted_on": lifted.get(name, ""), "untold": untold}
        )
    wrong = sum(bool(row["untold"]) for row in rows)
    return Answer(tuple(rows), len(rows), wrong, notes=asked.of_group(companies))


def _nameless(state: State) -> Iterator[tuple[Mapping[str, Any], str, set_aside.Lapse | None]]:
    """Yield what a request restricted by itself, in no store: what, how it stands and how it ended."""
    for claim in state["claims"].values():
        found = claim.get("restriction")
        if not found or found["name"] or str(claim.get("by") or "").startswith("restriction/"):
            continue
        ended = set_aside.lapse(state, claim)
        stands = "active" if claim["outcome"] in {"grant", "part"} and ended is None else "provisional"
        yield found, "lifted" if ended is not None else stands, ended
    for found in state.get("unrestricted", {}).values():  # whoever lets a claim go knows what ends with it
        yield found, "lifted", set_aside.Lapse(found["until"], found["until"])


def _restriction(name: str, number: str, ground: object, since: str, status: str) -> Row:
    return {
        "restriction": name, "request": number, "ground": str(ground), "since": since, "status": status,
        "told_on": "", "lifted_on": "", "untold": False,
    }  # fmt: skip
