"""Lift a restriction that a request began and that changed no store: it is on record alone, and ends there.

The person is told first and can answer, as where values are put back; then what stood in its way
goes on, and a register of restrictions says since when.

Law: GDPR Art. 18(3), the subject is informed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, read
from troth.rules import amendment, set_aside
from troth.rules.event import Draft, Fact
from troth.work import request_file, restrict_at_once, send_letter
from troth.work.establishment import day_here, establishment
from troth.work.project import Project


def standing(project: Project) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what stands by a claim that was granted, in no store, under `NUMBER/CLAIM`.

    Only the requests that something was ever restricted for are read.
    """
    moved = {one.stream for one in read.events(project.ledger, kind="restriction_moved")}
    for each in filter(None, (read.state(project.ledger, one) for one in sorted(moved))):
        if not each.stream.startswith("request/"):
            continue  # of a restriction in stores: `restrict.standing`
        for claim, told in each.body["claims"].items():
            if told["outcome"] in {"grant", "part"} and _stands(each.body, told):
                yield f"{each.body['id']}/{claim}", told["restriction"]


def announce(project: Project, name: str, reason: str, staff: str) -> date | None:
    """Decide to lift it and tell the person by a letter; return the day they were told, None where it did not go.

    Said again, a letter that did not go out is sent again.
    """
    found, claim, told = _load(project, name)
    request_file.refuse_unless(list(amendment.why_not_announce(_as_amendment(told), reason, staff)))
    if not told.get("lift"):
        _moved(project, found, claim, "lift_decided", staff, payload={"reason": reason.strip()})
    language = str(found.state["language"])
    lifts_on = amendment.lifted_from(day_here(project), establishment(project).place)
    fields = restrict_at_once.fields(project, found, told)
    fields |= {"reason": reason.strip(), "lifts_on": send_letter.day(lifts_on.isoformat(), language)}
    send_letter.send_letter(project, found.number, "lift", fields, letter_id=f"lift-{claim}")
    found, claim, told = _load(project, name)
    letters = [one for one in found.state["letters"] if one["letter"] == f"lift-{claim}"]
    sent = [one["on"] for one in letters if one["outcome"] == "sent"]
    if sent:
        _moved(project, found, claim, "lift_notice_sent", staff, told_on=sent[-1])
    return date.fromisoformat(sent[-1]) if sent else None


def lift(project: Project, name: str, told_on: date | None, staff: str) -> None:
    """Lift it, once the person was informed and could answer; saying it again does no more.

    `told_on` is when they were informed, where Troth did not write to them.
    """
    found, claim, told = _load(project, name)
    if told.get("lifted_on"):
        return
    told_on = told_on or informed_on(told)
    place = establishment(project).place
    wrong = list(amendment.why_not_lift(_as_amendment(told), told_on, day_here(project), place))
    wrong += [] if staff.strip() else ["Somebody lifts it: say who, with --staff."]
    request_file.refuse_unless(wrong)
    assert told_on is not None
    _moved(project, found, claim, "lifted", staff, told_on=told_on.isoformat())


def informed(project: Project, name: str) -> date | None:
    """Return the day on which the person was told that it will be lifted, if they were."""
    return informed_on(_load(project, name)[2])


def informed_on(told: Mapping[str, Any]) -> date | None:
    """Return the day that a claim has for it."""
    return date.fromisoformat(told["told_on"]) if told.get("told_on") else None


def _load(project: Project, name: str) -> tuple[request_file.RequestFile, str, Mapping[str, Any]]:
    number, _, claim = name.partition("/")
    found = request_file.load(project, number)
    told = found.claim(claim)
    if not told.get("restriction"):
        raise NotFoundError(f"The claim {claim[:20]!r} of {number[:20]!r} restricts nothing.")
    if told["restriction"]["name"] or str(told.get("by") or "").startswith("restriction/"):
        by = told["restriction"]["name"] or str(told["by"]).partition("/")[2]
        raise NotAllowedError(f"This claim has its restriction in the stores: lift {by}.")
    if told["outcome"] not in {"grant", "part"}:
        raise NotAllowedError(
            "Nobody granted this claim: what it restricts stands until the answer, which ends it (GDPR Art. 18(3))."
        )
    return found, claim, told["restriction"]


def _stands(state: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    found = claim.get("restriction")
    named = not found or found["name"] or str(claim.get("by") or "").startswith("restriction/")
    return not named and set_aside.lapse(state, claim) is None


def _as_amendment(told: Mapping[str, Any]) -> dict[str, Any]:
    status = "lifted" if told.get("lifted_on") else told.get("lift") or "active"
    return {"status": status, "told_on": told.get("told_on")}


def _moved(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    state: str,
    staff: str,
    *,
    payload: Mapping[str, Fact] | None = None,
    **more: Fact,
) -> None:
    ground = str(found.claim(claim)["restriction"]["ground"])
    facts: dict[str, Fact] = {"claim": claim, "state": state, "ground": ground, "staff": staff, **more}
    about = request_file.about(found)
    key = found.stream if payload else None  # the reason goes with the file of the request
    draft = Draft("restriction_moved", found.stream, facts, **about, actor=staff, payload=payload, file=key)
    append.append(project.ledger, [draft], once=f"{state} {found.number} {claim}")
