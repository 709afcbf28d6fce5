"""Carry an approved erasure out: act, verify, search for residue, tell recipients.

Danger: this destroys people's data in the organisation's databases.  What prevents loss: it
does only what was measured, decided, reviewed and approved; each store acts in one
transaction under a step name it remembers; and every step is done when its event is there,
so that a killed process goes on where it stopped and nothing happens twice.

Order: copies asked for in the same bundle are given first; then act, verify, residue,
recipients.  The answer and the destruction of keys come after.

Law: GDPR Art. 17, Art. 19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from troth.errors import ConflictError, TrothError
from troth.ledger import append, replay
from troth.ledger.lease import Lease
from troth.rules import instruction, request_guard
from troth.rules.event import Draft, Fact
from troth.rules.plan import end_of
from troth.rules.task import waiting
from troth.stores.contract import (
    Acted,
    Intending,
    Measured,
    PartlyDoneError,
    Scanned,
    Store,
    Who,
    replaying,
)
from troth.stores.deed import nothing, with_earlier
from troth.work import hold, plan_erasure, read_disclosures, request_file, task, tell_recipients
from troth.work.establishment import day_here
from troth.work.project import Project

if TYPE_CHECKING:
    from sqlalchemy import Connection

StopAt = Callable[[str], object]


def _nowhere(_: str) -> None:
    """Stop nowhere."""


def erase(
    project: Project, number: str, claim: str, *, lease: Lease | None = None, stop_at: StopAt = _nowhere
) -> None:
    """Carry out a claim for erasure, from wherever it stands to its end.

    Raises NotAllowedError when it may not be, ConflictError when more would go than was
    approved (nothing is changed in that store, and the plan must be measured again),
    UnreachableError when a store is away (say it again later).  `stop_at` is told the name
    of every boundary it passes, for tests.
    """
    found = request_file.load(project, number)
    if found.claim(claim)["done"]:
        return
    request_file.refuse_unless(request_guard.why_not_act(found.state, claim))
    who = request_file.who(project, found)
    task.give(project, number, claim, lease=lease)
    if not who.controller:
        read_disclosures.of_subject(project, who)  # before the rows that say so are gone
    for store in sorted(found.claim(claim)["plan"]["stores"]):
        _act(project, number, claim, store, who, lease, stop_at)
        _verify(project, number, claim, store, who, lease, stop_at)
    for store in sorted(found.claim(claim)["plan"]["stores"]):
        _search(project, number, claim, store, who, lease, stop_at)
    tell_recipients.tell_recipients(project, number, claim, lease=lease, stop_at=stop_at)
    if not tell_recipients.all_told(project, number, claim):
        return  # they are told later, and the claim is done then
    found = request_file.load(project, number)
    if waiting(found.claim(claim)):
        return  # owners of manual stores have not answered, and the claim is done then
    draft = Draft(
        "request_moved", found.stream, {"to": "claim_done", "reason": claim}, **request_file.about(found)
    )
    append.append(project.ledger, [draft], once=f"done {number} {claim}", lease=lease)
    stop_at("claim done")


def _act(
    project: Project, number: str, claim: str, store: str, who: Who, lease: Lease | None, stop_at: StopAt
) -> None:
    found = request_file.load(project, number)
    told = found.claim(claim)
    done, plan = told["stores"].get(store, {}), told["plan"]
    if "step" in done and (done["acted"] == plan["sha256"] or not _changes(plan["stores"][store])):
        return
    request_file.refuse_unless(request_guard.why_not_act(found.state, claim))
    # A ledger that is restored gives numbers again: the receipt tells this request from its namesakes.
    step = f"{number}/{claim}/{store}/{found.state['receipt']}"
    if (
        "step" in done
    ):  # rows came after this store had committed, or it did a part, and a later plan has them
        step += f"/{plan['sha256'][:12]}"
    step = _after_parts(step, done)
    about = request_file.about(found)
    if done.get("begun") != plan["sha256"]:
        begun: dict[str, Fact] = {"step": step, "claim": claim, "store": store, "plan_sha256": plan["sha256"],
                                  "lease": lease.number if lease else None}  # fmt: skip
        draft = Draft("act_begun", found.stream, begun, **about)
        marks = _marks(project, step, plan_erasure.store_for(project, found, claim, store), who)
        # Whatever is said of the request meanwhile (withdrawn, sent back) is heard before anything is erased.
        append.append(project.ledger, [draft], expect={found.stream: found.version}, lease=lease, also=marks)
    stop_at(f"begun {store}")
    approved = plan_erasure.approved(store, plan["stores"][store])
    opened = plan_erasure.store_for(project, found, claim, store)
    try:
        acted = _carried_out(
            project,
            found,
            claim,
            opened,
            step,
            who,
            approved,
            plan["sha256"],
            told["approved"]["tolerance"],
            lease,
        )
    except PartlyDoneError as part:
        _record_part(project, found, claim, store, step, part, lease)
        raise part.because from None
    except ConflictError:
        undone = _ended(step, claim, store, "rolled_back", None)
        draft = Draft("act_ended", found.stream, undone, **about)
        append.append(
            project.ledger,
            [draft],
            once=f"rolled back {step} at {found.version}",
            lease=lease,
            also=lambda connection: replay.settle(connection, step, project.clock(), None),
        )
        raise
    stop_at(f"acted {store}")
    draft = Draft("act_ended", found.stream, _ended(step, claim, store, "committed", acted), **about)
    append.append(
        project.ledger,
        [draft],
        once=f"ended {step}",
        lease=lease,
        also=lambda connection: replay.settle(connection, step, project.clock(), _expires(project, store)),
    )
    stop_at(f"ended {store}")
    _defer(project, number, claim, store, who, lease)


def _after_parts(step: str, done: Mapping[str, Any]) -> str:
    """Give a step another name once the store has done a part of it: under the old one it tells that part."""
    return f"{step}/{done['parts']}" if done.get("parts") else step


def _carried_out(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    opened: Store,
    step: str,
    who: Who,
    approved: Measured,
    plan_sha256: str,
    tolerance: int,
    lease: Lease | None,
) -> Acted:
    """Act; where the store keeps no step, record first what is about to be done: a killed process loses no count.

    What an earlier attempt was about to do, and is not there to be done any more, counts as done at least once.
    """
    today = request_file.today(project, found)
    if opened.limits().remembers or not isinstance(opened, Intending):
        return opened.act(step, [who], today, approved, tolerance)
    before = plan_erasure.counts_of(found.claim(claim)["stores"].get(opened.name, {}).get("intended") or ())
    now: list[Acted] = []

    def about_to(acted: Acted) -> None:
        now.append(acted)
        if not before:
            facts: dict[str, Fact] = {
                "step": step,
                "claim": claim,
                "store": opened.name,
                "plan_sha256": plan_sha256,
                "lease": lease.number if lease else None,
                "rows": plan_erasure.counts_facts(acted.counts),
            }
            draft = Draft("act_begun", found.stream, facts, **request_file.about(found))
            # a step that was rolled back and measured again has the same name: what it intends then is told as well
            once = f"about to {step} {plan_sha256} {found.version}"
            append.append(project.ledger, [draft], once=once, lease=lease)

    try:
        acted = opened.act(step, [who], today, approved, tolerance, about_to=about_to)
    except PartlyDoneError as part:
        raise PartlyDoneError(with_earlier(part.acted, before, now[-1].counts), part.because) from None
    except TrothError as error:
        left = now[-1].counts if now else opened.measure([who], today).counts
        earlier = with_earlier(nothing(opened.name, step, approved.plan_sha256), before, left)
        if earlier.counts and isinstance(error, ConflictError):
            raise PartlyDoneError(earlier, error) from None
        raise
    return with_earlier(acted, before, now[-1].counts)


def _record_part(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    store: str,
    step: str,
    part: PartlyDoneError,
    lease: Lease | None,
) -> None:
    """Record what went of a step that was done in part; what stayed is measured again, or gone on with."""
    outcome = "partly" if isinstance(part.because, ConflictError) else "cut_short"
    draft = Draft(
        "act_ended",
        found.stream,
        _ended(step, claim, store, outcome, part.acted),
        **request_file.about(found),
    )
    append.append(
        project.ledger,
        [draft],
        once=f"partly {step}",
        lease=lease,
        also=lambda connection: replay.settle(connection, step, project.clock(), _expires(project, store)),
    )


def _defer(project: Project, number: str, claim: str, store: str, who: Who, lease: Lease | None) -> None:
    """Record what a legal hold keeps back here: it is erased when the hold ends."""
    found = request_file.load(project, number)
    done, standing = found.claim(claim)["stores"][store], hold.in_force(project)
    people = hold.met(project, standing, who)
    holds = sorted(one.name for one in standing if any(map(one.about, people)))
    if not holds or done.get("deferred") == holds:
        return
    without = plan_erasure.store_for(project, found, claim, store, held=False)
    measured = without.measure([who], request_file.today(project, found))
    if not any(count.rows and count.verb != "retain" for count in measured.counts):
        return
    until = min(one.review_on for one in standing if one.name in holds)
    facts: dict[str, Fact] = {
        "step": done["step"], "claim": claim, "store": store, "because": holds, "until": until.isoformat(),
    }  # fmt: skip
    draft = Draft("act_deferred", found.stream, facts, **request_file.about(found))
    append.append(project.ledger, [draft], once=f"deferred {done['step']} {' '.join(holds)}", lease=lease)


def release(project: Project, number: str, claim: str, store: str, *, stop_at: StopAt = _nowhere) -> None:
    """Erase in one store what a hold had kept back and keeps no more; safe to say again.

    Two people approved the erasure when it was whole: no more goes than what it left for the
    holds, measured anew, and nothing where the store has changed in between.
    """
    found = request_file.load(project, number)
    today = request_file.today(project, found)
    done = found.claim(claim)["stores"][store]
    if not done.get("deferred"):
        return
    who, opened = request_file.who(project, found), plan_erasure.store_for(project, found, claim, store)
    step = f"{number}/{claim}/{store}/{found.state['receipt']}/after-{'-'.join(done['deferred'])}"
    step = _after_parts(step, done)
    measured = opened.measure([who], today)
    begun: dict[str, Fact] = {"step": step, "claim": claim, "store": store, "plan_sha256": measured.plan_sha256,
                              "lease": None}  # fmt: skip
    about, marks = request_file.about(found), _marks(project, step, opened, who)
    draft = Draft("act_begun", found.stream, begun, **about)
    append.append(project.ledger, [draft], once=f"begun {step}", also=marks)
    stop_at(f"begun {store}")
    try:
        acted = _carried_out(
            project, found, claim, opened, step, who, measured, measured.plan_sha256, 0, None
        )
    except PartlyDoneError as part:
        _record_part(project, found, claim, store, step, part, None)
        raise part.because from None
    stop_at(f"acted {store}")
    draft = Draft("act_ended", found.stream, _ended(step, claim, store, "committed", acted), **about)
    append.append(
        project.ledger, [draft], once=f"ended {step}",
        also=lambda connection: replay.settle(connection, step, project.clock(), _expires(project, store)),
    )  # fmt: skip
    stop_at(f"ended {store}")
    _verify(project, number, claim, store, who, None, stop_at)
    record_search(project, number, claim, opened.scan([who], today), attempt=step)
    _defer(project, number, claim, store, who, None)


def _marks(project: Project, step: str, opened: Store, who: Who) -> Callable[[Connection], None] | None:
    """Remember, by keyed marks alone, whom this step erases, should a backup of the store be restored.

    It is read before the step: afterwards nothing in the store tells whose rows they were.
    """
    again = replaying(opened)
    if again is None or again.map.backups_expire is None:
        return None
    one_person = {
        named.kind
        for table in again.map.tables.values()
        if table.subject is not None
        for named in table.subject.identifiers
        if named.one_person
    }
    pairs = [replay.of_identifier(kind, value) for kind, value in who.identifiers if kind in one_person]
    for entry in again.entries([who]):
        pairs += [replay.of_identifier(kind, value) for kind, value in entry.identifiers]
        pairs += [replay.of_key(entry.table, entry.key)] if entry.key else []
    return replay.prepare(
        project.ledger, step, opened.name, instruction.recorded(again.map.written, who.controller), pairs
    )


def _expires(project: Project, store: str) -> date | None:
    """Return the day on which the last backup that has what is erased today is gone."""
    opened = replaying(project.stores[store])
    period = opened.map.backups_expire if opened is not None else None
    return None if period is None else end_of(period, day_here(project))


def _changes(told: Mapping[str, Any]) -> bool:
    """Tell whether a measured plan has anything to do in a store."""
    return any(rows and verb != "retain" for _, verb, rows, *_ in told["counts"])


def _ended(step: str, claim: str, store: str, outcome: str, acted: Acted | None) -> dict[str, Fact]:
    return {
        "step": step,
        "claim": claim,
        "store": store,
        "outcome": outcome,
        "rows": plan_erasure.counts_facts(acted.counts) if acted else [],
        "certainty": acted.certainty if acted else "exactly_once",
        "grade": acted.grade if acted else "nothing_found",
        "expires": acted.expires.isoformat() if acted and acted.expires else None,
    }


def _verify(
    project: Project, number: str, claim: str, store: str, who: Who, lease: Lease | None, stop_at: StopAt
) -> None:
    found = request_file.load(project, number)
    told = found.claim(claim)["stores"][store]
    if told.get("verified") is None:
        _record_verified(project, found, claim, store, who, lease=lease, attempt="")
    stop_at(f"verified {store}")


def _record_verified(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    store: str,
    who: Who,
    *,
    lease: Lease | None,
    attempt: str,
) -> None:
    """Record how many rows the identifiers still lead to."""
    told = found.claim(claim)["stores"][store]
    opened = plan_erasure.store_for(project, found, claim, store)
    remaining = opened.gone([who], request_file.today(project, found))
    checked = sum(int(row[2]) for row in told["rows"])
    facts: dict[str, Fact] = {
        "step": told["step"],
        "store": store,
        "keys_checked": checked,
        "remaining": remaining,
    }
    draft = Draft("verified", found.stream, facts, **request_file.about(found))
    append.append(project.ledger, [draft], once=f"verified {told['step']}{attempt}", lease=lease)


def _search(
    project: Project, number: str, claim: str, store: str, who: Who, lease: Lease | None, stop_at: StopAt
) -> None:
    found = request_file.load(project, number)
    if store in (found.claim(claim)["residue"] or {}):
        return
    opened = plan_erasure.store_for(project, found, claim, store)
    scanned = opened.scan([who], request_file.today(project, found))
    record_search(
        project, number, claim, scanned, lease=lease, attempt=found.claim(claim)["stores"][store]["step"]
    )
    stop_at(f"searched {store}")


def record_search(
    project: Project, number: str, claim: str, scanned: Scanned, *, lease: Lease | None = None, attempt: str
) -> None:
    """Record what a residue search found; never a value, only where and how often."""
    found = request_file.load(project, number)
    hits: list[Fact] = [
        {"table": hit.table, "column": hit.column, "rows": hit.rows, "verdict": hit.verdict}
        for hit in scanned.hits
    ]
    facts: dict[str, Fact] = {
        "pass": f"{number}/{claim}",
        "store": scanned.store,
        "bytes": scanned.bytes,
        "subjects": 1,
        "hits": hits,
        "unread": list(scanned.unread),
        "refused": len(scanned.refused),
    }
    draft = Draft("residue_searched", found.stream, facts, **request_file.about(found))
    append.append(
        project.ledger, [draft], once=f"searched {number} {claim} {scanned.store} {attempt}", lease=lease
    )


def search_again(project: Project, number: str, claim: str) -> dict[str, int]:
    """Search every store once more, after somebody removed what was left; return the copies by store."""
    found = request_file.load(project, number)
    request_file.refuse_unless(_why_not_search(found.claim(claim), claim))
    who = request_file.who(project, found)
    left = {}
    for name in request_file.stores(project, found):
        scanned = plan_erasure.store_for(project, found, claim, name).scan(
            [who], request_file.today(project, found)
        )
        attempt = project.clock().isoformat()
        record_search(project, number, claim, scanned, attempt=attempt)
        if found.claim(claim)["stores"].get(name, {}).get("verified"):
            _record_verified(project, found, claim, name, who, lease=None, attempt=f" {attempt}")
        left[name] = sum(hit.rows for hit in scanned.hits if hit.verdict == "copy")
    return left


def accept_residue(project: Project, number: str, claim: str, staff: str, reason: str) -> None:
    """Record why what the search found may stay; the answer says so to the person."""
    found = request_file.load(project, number)
    wrong = _why_not_search(found.claim(claim), claim)
    if not reason.strip():
        wrong.append("What stays needs its reason: the answer tells it to the person.")
    request_file.refuse_unless(wrong)
    request_file.move(project, number, "residue_accepted", claim, staff=staff, note=reason, again=True)


def _why_not_search(told: Mapping[str, Any], claim: str) -> list[str]:
    """Say why there is no residue yet: a search before the end would stand for the one after it."""
    if told["done"]:
        return []
    return [f"Claim {claim} is not carried out yet: what an erasure leaves behind is searched for after it."]


def copies(claim: dict[str, Any]) -> int:
    """Count the places where a search found what should be gone."""
    found = claim["residue"] or {}
    return sum(int(hit["rows"]) for hits in found.values() for hit in hits if hit["verdict"] == "copy")
