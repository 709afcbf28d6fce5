"""Take over incidents and breaches from another register, with their own moments.

The 72 hours of an open breach run from the moment the other register names.  A row is taken once,
by its own reference; what it says is told as imported, and proven from the day of the import on.

Law: GDPR Art. 33(1), 33(5), Art. 34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from troth.law.breach import breach_due
from troth.ledger import read
from troth.rules.event import Draft, Fact
from troth.rules.import_sheet import Cells, Fault
from troth.rules.incident import EXEMPT, FAMILY
from troth.work.establishment import Establishment
from troth.work.import_requests import company_of, wrong_company
from troth.work.importing import Import, Taken, marks
from troth.work.incident import Incident
from troth.work.project import Project

_SAID = ("nature", "occurred", "cause", "consequences", "measures")


def faults(project: Project, one: Cells) -> Iterator[Fault]:
    """Say what is wrong with a row beyond its single cells."""
    yield from wrong_company(project, one)
    now = project.clock()
    for name in ("reported", "certain", "authority_told"):
        at = one.moment(name)
        if at is not None and at > now:
            yield one.fault(name, "that is still to come.")
    certain, told, status = one.moment("certain"), one.moment("authority_told"), one.text("status")
    unknown = [name for name in one.several("categories") if name not in project.policy.categories]
    if unknown:
        known = ", ".join(str(name) for name in project.policy.categories)
        yield one.fault("categories", f"the policy has no such category. It has: {known}.")
    if status == "dismissed" and certain is not None:
        yield one.fault("status", "it was certain to be a breach: that is closed, and stays in the register.")
    if certain is None:
        for name in ("risk", "authority_told", "people_told", "people_exempt"):
            if name in one.values:
                yield one.fault(name, "nobody was certain of a breach: say since when.")
        if status == "closed":
            yield one.fault(
                "certain", "a closed breach says since when it was certain; else it was dismissed."
            )
        return
    if one.text("risk") and (not one.several("types") or not one.text("why")):
        yield one.fault("risk", "its risk needs the types of the breach, and why it is that (Art. 33(5)).")
    if status == "closed" and not one.text("risk"):
        yield one.fault("risk", "a closed breach says which risk it was.")
    if told is not None and told < certain:
        yield one.fault("authority_told", "that lies before it was certain.")
    if status != "open" and one.day("ended_on") is None:
        yield one.fault("ended_on", f"it is {status}, and no day says since when.")


def take(project: Project, made: Import, portion: Sequence[Cells]) -> Taken:
    """Record the rows that are not known, each with all its stages in one transaction."""
    done, named = Taken(), marks(project)
    for one in portion:
        once, said = f"import breach {named.of(one.text('reference'))}", named.content(one)
        before = read.said(project.ledger, once)
        if before:
            told = before[0].facts["imported"]
            same = isinstance(told, Mapping) and told.get("content") == said
            done.known += same
            done.differs += [] if same else [one.row]
            continue
        _write(project, made, one, once, said)
        done.taken += 1
    return done


def _write(project: Project, made: Import, one: Cells, once: str, said: str) -> None:
    company = company_of(project, one)
    reported = one.moment("reported")
    assert reported is not None
    Incident.begin(
        project, reported.year, lambda number: list(_drafts(made, one, number, company, reported, said)), once=once
    )  # fmt: skip


def _drafts(
    made: Import, one: Cells, number: str, company: Establishment, reported: datetime, said: str
) -> Iterator[Draft]:
    def stage(name: str, facts: Mapping[str, Fact], payload: Mapping[str, Fact] | None = None) -> Draft:
        told: dict[str, Fact] = {"stage": name, "imported": made.origin(one), **facts}
        kept = {key: value for key, value in (payload or {}).items() if value}
        return Draft("incident_moved", f"{FAMILY}/{number}", told, entity=company.entity, actor=made.staff,
                     payload=kept or None)  # fmt: skip

    begun: dict[str, Fact] = {
        "number": number, "channel": one.text("channel") or "staff", "at": reported.isoformat(),
        "imported": made.origin(one, said),
    }  # fmt: skip
    yield stage("reported", begun, {"what": one.text("what"), "reference_elsewhere": one.text("reference")})
    certain = one.moment("certain")
    if certain is not None:
        end = breach_due(certain, company.place)
        hours: dict[str, Fact] = {
            "aware_at": certain.isoformat(timespec="seconds"),
            "due": end.due.astimezone(UTC).isoformat(timespec="seconds"),
        }
        yield stage("certain", hours, {"by": one.text("certain_by"), "facts": one.text("certain_facts")})
        if one.text("risk"):
            assessed: dict[str, Fact] = {
                "risk": one.text("risk"), "types": list(one.several("types")),
                "categories": list(one.several("categories")),
                "counts": {"people": one.number("people"), "records": one.number("records")},
            }  # fmt: skip
            yield stage(
                "assessed", assessed, {"why": one.text("why"), **{name: one.text(name) for name in _SAID}}
            )
        told = one.moment("authority_told")
        if told is not None:
            facts: dict[str, Fact] = {
                "at": told.isoformat(timespec="seconds"), "phase": "initial", "late": told > end.due,
            }  # fmt: skip
            payload = {"reference": one.text("authority_reference"), "because": one.text("late_because")}
            yield stage("authority_told", facts, payload)
        if one.number("people_told"):
            yield stage("people_counted", {"counts": {"people": one.number("people_told")}})
        if one.text("people_exempt") in EXEMPT:
            yield stage("people_exempt", {"reason": one.text("people_exempt")})
    ended = one.day("ended_on")
    if one.text("status") != "open" and ended is not None:
        name = "closed" if one.text("status") == "closed" else "dismissed"
        yield stage(name, {"at": ended.isoformat()}, {"lessons": one.text("lessons")})
