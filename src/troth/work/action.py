"""Open, reassign, close and reopen actions: what was found is mended by somebody, by a day.

Closing asks for evidence and runs the control again.  Where that still finds something, the try
is recorded, the action stays open and says why; no word of anybody closes it.

Law: GDPR Arts. 5(2), 24(1), 32(1)(d).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import append, read, vault
from troth.rules import action as rules
from troth.rules import question
from troth.rules.action import FAMILY, About
from troth.rules.event import Draft, Fact
from troth.work import answer_question, audit, hold, record_scan
from troth.work.check_map import check_map
from troth.work.establishment import day_here
from troth.work.numbered import Numbered
from troth.work.project import Project

CAUSES_SHOWN = 20
FILE_BYTES_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class Action(Numbered):
    """One action as it stands."""

    family: ClassVar[str] = FAMILY
    letter: ClassVar[str] = "A"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a control says of what an action is about; `event` is where that is recorded, if anywhere."""

    word: Literal["kept", "broken", "unproven"]
    figure: str
    broken_by: tuple[str, ...] = ()
    event: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that it is mended: documents of the register, files, events, words."""

    documents: Sequence[str] = ()
    files: Sequence[Path] = ()
    events: Sequence[str] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a closing went: closed, or still open because the control says so."""

    action: Action
    closed: bool
    looked: Looked


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return every action, the soonest due first and those that are closed last."""
    return tuple(found.body for found in read.states(project.ledger, FAMILY))


def beside(project: Project) -> dict[str, Mapping[str, Any]]:
    """Return the open actions about promises by the id of the promise: who mends it by when, and whether it is late."""
    start, today = str(About("promise", "")), day_here(project)
    return {
        str(one["about"]).removeprefix(start): {
            "number": one["number"], "owner": one["owner"], "due_on": one["due_on"],
            "overdue": rules.is_overdue(one, today), "said": rules.said(one, today),
        }
        for one in every(project)
        if one["status"] == "open" and str(one["about"]).startswith(start)
    }  # fmt: skip


def load(project: Project, number: str) -> Action:
    """Read an action; raises NotFoundError where there is none of that number."""
    return Action.load(project, number, "troth action list --all")


def of_entry(project: Project, name: str) -> About:
    """Return the promise that an entry of the register is, by its name there: its review is part of it."""
    found = project.policy.activities.get(name) or project.policy.register_documents.get(name)
    if found is None:
        known = [*project.policy.activities, *project.policy.register_documents]
        raise NotFoundError(
            f"The register has no activity and no document {name[:40]!r}. It has: {', '.join(known)}."
        )
    return About("promise", found.id)


def open_action(
    project: Project, about: About, owner: str, due: date, staff: str, *, why: str = ""
) -> Action:
    """Open an action about what a control finds today.

    Raises NotAllowedError where the control finds nothing, or an action about it is open already.
    """
    today = day_here(project)
    wrong = list(rules.lacking(owner, due, today))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    looked = look(project, about)
    if looked.word == "kept":
        raise NotAllowedError(f"There is nothing to mend: {looked.figure}. An action is about what is found.")
    before = [one for one in every(project) if one["about"] == str(about)]
    running = [str(one["number"]) for one in before if one["status"] == "open"]
    if running:
        raise NotAllowedError(f"{running[0]} is open about it already. `troth action show {running[0]}`.")
    facts: dict[str, Fact] = {
        "state": "opened", "about": str(about), "owner": owner.strip(), "due": due.isoformat(),
        "verdict": looked.word, "figure": looked.figure,
    }  # fmt: skip

    def drafts(number: str) -> list[Draft]:
        return [Draft("action_moved", f"{FAMILY}/{number}", {**facts, "action": number}, actor=staff,
                      payload={"why": why.strip()} if why.strip() else None)]  # fmt: skip

    event = Action.begin(project, today.year, drafts, once=f"action {about} {len(before)}")
    return load(project, str(event.facts["action"]))


def reassign(
    project: Project, number: str, owner: str, staff: str, *, due: date | None = None, because: str = ""
) -> Action:
    """Give an open action to somebody else, with another day where one is given; the reason is kept."""
    found = load(project, number)
    wrong = list(_not_open(found))
    day = due or date.fromisoformat(str(found.state["due_on"]))
    today = day_here(project)
    wrong += rules.lacking(owner, max(day, today) if due is None else day, today)
    if due is not None and due > date.fromisoformat(str(found.state["due_on"])) and not because.strip():
        wrong.append("Say why it takes longer: --because.")
    _refuse(wrong)
    facts: dict[str, Fact] = {"state": "reassigned", "owner": owner.strip(), "due": day.isoformat()}
    return _moved(project, found, facts, staff, {"because": because.strip()} if because.strip() else None)


def reopen(project: Project, number: str, owner: str, due: date, staff: str, *, because: str) -> Action:
    """Take a closed action up again, because what it mended is broken again or its evidence was none."""
    found = load(project, number)
    wrong = ["It is open."] if found.state["status"] == "open" else []
    owner = owner or str(found.state["owner"])
    wrong += rules.lacking(owner, due, day_here(project))
    wrong += [] if because.strip() else ["Say why it is taken up again."]
    others = [
        str(one["number"])
        for one in every(project)
        if one["about"] == found.state["about"] and one["status"] == "open"
    ]
    wrong += [f"{others[0]} is open about it already."] if others else []
    _refuse(wrong)
    looked = look(project, rules.about(str(found.state["about"])))
    facts: dict[str, Fact] = {
        "state": "reopened", "owner": owner.strip(), "due": due.isoformat(), "verdict": looked.word,
        "figure": looked.figure,
    }  # fmt: skip
    return _moved(project, found, facts, staff, {"because": because.strip()})


def close(project: Project, number: str, evidence: Evidence, staff: str) -> Closing:
    """Run the control again, and close the action where it finds nothing any more.

    Where it still finds something, or still has nothing that shows the promise kept, the try is
    recorded and the action stays open.  Raises NotAllowedError where no evidence is given.
    """
    found = load(project, number)
    shown, wrong = _shown(project, evidence)
    _refuse([*_not_open(found), *wrong])
    looked = look(
        project, rules.about(str(found.state["about"])), since=_opened_at(project, found), staff=staff,
        record=True,
    )  # fmt: skip
    facts: dict[str, Fact] = {"verdict": looked.word, "figure": looked.figure, "evidence": shown}
    facts |= {"control": looked.event} if looked.event else {}
    text = {"text": evidence.text.strip()} if evidence.text.strip() else None
    if looked.word != "kept":
        return Closing(_moved(project, found, {"state": "tried", **facts}, staff, text), False, looked)
    return Closing(_moved(project, found, {"state": "closed", **facts}, staff, text), True, looked)


def words(project: Project, number: str) -> Iterator[tuple[str, str, str]]:
    """Yield what was said of an action in words: the day, the step, and the words."""
    for event in read.stream(project.ledger, f"{FAMILY}/{number}"):
        try:
            payload = vault.payload(project.ledger, event)
        except KeyDestroyedError:
            continue
        for said in payload.values():
            yield event.at.date().isoformat(), str(event.facts["state"]), str(said)


def look(
    project: Project, about: About, *, since: datetime | None = None, staff: str = "troth",
    record: bool = False,
) -> Looked:  # fmt: skip
    """Run the control of what an action is about; a scan counts where it was made after `since`.

    Raises NotFoundError where there is no such promise, store or site, UnreachableError where a
    store does not answer.
    """
    match about.source:
        case "promise":
            return _promise(project, about.name, record=record, staff=staff)
        case "check":
            return _check(project, about.name)
        case "scan":
            return _scan(project, about.name, since)
        case "map":
            return _map(project, about.name)
        case "question":
            return _question(project, about.name, record=record, staff=staff)
        case "hold":
            return _hold(project, about.name)


def _promise(project: Project, name: str, *, record: bool, staff: str) -> Looked:
    verdict, event = audit.judge_one(project, name, record=record, staff=staff)
    return Looked(verdict.word, verdict.figure, verdict.broken_by, event)


def _question(project: Project, name: str, *, record: bool, staff: str) -> Looked:
    given, event = answer_question.look_again(project, name, record=record, staff=staff)
    shown = question.shown(given.question, given.answer, given.asked)
    word = answer_question.verdict(given)
    lines = [", ".join(_cells(row)) for row in shown.rows] if word == "broken" else []
    return Looked(word, shown.sentence, tuple(lines[:CAUSES_SHOWN]), event)


def _cells(row: Mapping[str, question.Cell]) -> Iterator[str]:
    for cell in row.values():
        if isinstance(cell, str | int | float):
            yield str(cell)
        elif cell:
            yield " ".join(cell)


def _hold(project: Project, name: str) -> Looked:
    """Say whether a hold was looked at again in time, or has ended."""
    state = hold.load(project, name).state
    if state["status"] != "placed":
        return Looked("kept", f"the hold {name} ended on {state['ended_on']}")
    if date.fromisoformat(str(state["review_on"])) >= day_here(project):
        return Looked("kept", f"the hold {name} is to be looked at again on {state['review_on']}")
    figure = f"the hold {name} was to be looked at again on {state['review_on']}"
    return Looked("broken", figure, (f"troth hold review {name}",))


def _check(project: Project, name: str) -> Looked:
    from troth.policy.check import check, rule_ids

    rule, _, clause = name.partition("@")
    if rule not in rule_ids():
        raise NotFoundError(f"There is no rule {rule[:10]!r}. `troth check --rules` lists them.")
    found = []
    for document in project.policy.documents.values():
        for one in check(document.text, document.file, today=day_here(project), policy=project.policy):
            around = [each.number for each in document.clauses if each.line <= one.line <= each.end_line]
            if one.rule == rule and (not clause or (around and around[-1] == clause)):
                found.append(f"{document.file}, line {one.line}: {one.message}")
    return _looked(f"rule {rule}" + (f" in clause {clause}" if clause else ""), found)


def _map(project: Project, name: str) -> Looked:
    from troth.rules.map_finding import RULES

    store, _, rule = name.partition("/")
    if store not in project.maps:
        raise NotFoundError(f"There is no store called {store[:40]!r}. There are: {', '.join(project.maps)}.")
    if rule and rule not in RULES:
        raise NotFoundError(f"The check of maps has no rule {rule[:20]!r}. It has: {', '.join(RULES)}.")
    found = [
        str(one.problem)
        for one in check_map(project, store, project.policy).found
        if (one.rule == rule if rule else one.level == "problem")
    ]
    return _looked(f"the map of {store}" + (f" by rule {rule}" if rule else ""), found)


def _scan(project: Project, name: str, since: datetime | None) -> Looked:
    site, _, rest = name.partition("/")
    verdict, _, thing = rest.partition("/")
    event = record_scan.last_scans(project).get(site)
    if event is None:
        raise NotFoundError(f"No scan of {site[:60]!r} is on record. `troth scan` makes one.")
    report = record_scan.evidence_of(project, event)
    if report is None:
        return Looked("unproven", "the evidence of the last scan is gone; scan the site again", (), event.id)
    found = [
        f"{one['verdict']}: {one['name']}"
        for one in report["findings"]
        if (not verdict or one["verdict"] == verdict) and (not thing or one["name"] == thing)
    ]
    on = event.at.date()
    if found:
        return Looked("broken", f"the scan of {site} on {on} found it", tuple(found[:CAUSES_SHOWN]), event.id)
    if since is not None and event.at <= since:
        return Looked("unproven", f"{site} was not scanned since; run `troth scan` on it first", (), event.id)
    if not event.facts.get("complete"):
        return Looked("unproven", f"the scan of {site} on {on} was cut short", (), event.id)
    return Looked("kept", f"the scan of {site} on {on} found nothing of it", (), event.id)


def _looked(where: str, found: Sequence[str]) -> Looked:
    if not found:
        return Looked("kept", f"{where} finds nothing")
    times = "once" if len(found) == 1 else f"{len(found)} times"
    return Looked("broken", f"{where} was found {times}", tuple(found[:CAUSES_SHOWN]))


def _shown(project: Project, evidence: Evidence) -> tuple[list[Fact], list[str]]:
    """Return evidence as the ledger has it, and what is wrong with it."""
    shown: list[Fact] = []
    wrong: list[str] = []
    for name in evidence.documents:
        document = project.policy.register_documents.get(name)
        if document is None:
            wrong.append(
                f"The register has no document {name[:40]!r}. `troth register documents` lists them."
            )
        else:
            shown.append({"kind": "document", "name": name, "sha256": document.sha256})
    for file in evidence.files:
        if not file.is_file() or file.stat().st_size > FILE_BYTES_MAX:
            wrong.append(f"The file {file.name!r} is not there, or is larger than 1 GB.")
        else:
            shown.append({"kind": "file", "sha256": _digest(file)})
    for ident in evidence.events:
        try:
            shown.append({"kind": "event", "event": read.event(project.ledger, ident).id})
        except NotFoundError as error:
            wrong.append(str(error))
    if evidence.text.strip():
        digest = sha256(evidence.text.strip().encode()).hexdigest()
        shown.append({"kind": "text", "sha256": digest})
    if not shown and not wrong:
        wrong.append(
            "Say by what it is shown to be mended: a document of the register, a file, an event, or words."
        )
    return shown, wrong


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        digest = sha256()
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _opened_at(project: Project, found: Action) -> datetime:
    """Return when an action was opened, or taken up again last."""
    return max(
        event.at
        for event in read.stream(project.ledger, found.stream)
        if event.facts["state"] in {"opened", "reopened"}
    )


def _not_open(found: Action) -> list[str]:
    return [] if found.state["status"] == "open" else [f"It was closed on {found.state['closed_on']}."]


def _refuse(wrong: Iterable[str]) -> None:
    told = list(wrong)
    if told:
        raise NotAllowedError(" ".join(told))


def _moved(
    project: Project, found: Action, facts: Mapping[str, Fact], staff: str, payload: Mapping[str, Fact] | None
) -> Action:
    draft = Draft(
        "action_moved", found.stream, {"action": found.number, **facts}, actor=staff, payload=payload
    )
    append.append(project.ledger, [draft], expect={found.stream: found.version})
    return load(project, found.number)
