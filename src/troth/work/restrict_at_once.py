"""Restrict provisionally: while accuracy is verified or an objection weighed, nothing is done with the data.

It begins with the receipt, before anybody decides, and the person is told so.  An objection
stops its purposes; a claim for restriction also marks the rows, once the address is proven,
where the maps say a flag for it.  Values are set aside only when somebody approves it.

Law: GDPR Art. 18(1)(a) and (d), 18(2), 18(3); recital 67.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from troth.errors import ConflictError
from troth.law.sentence import cite
from troth.ledger import append
from troth.rules import claim as claim_rules
from troth.rules import representation, request, request_guard, set_aside
from troth.rules.event import Draft, Fact
from troth.rules.letter import phrase
from troth.rules.map import Flag
from troth.work import amend_rows, carry_out, request_file, restrict, send_letter, send_word
from troth.work.project import Project

StopAt = Callable[[str], object]
STAFF = "troth"
"""Who marks rows provisionally: nobody weighs anything yet."""


def restrict_at_once(project: Project, number: str, *, stop_at: StopAt = lambda _: None) -> None:
    """Let every provisional restriction of a request begin; saying it again does no more."""
    for name in request_file.load(project, number).state["claims"]:
        found = request_file.load(project, number)
        told = found.claim(name)
        if not request.is_open(found.state):
            return
        if not representation.stands(found.state, str(told["right"]), request_file.today(project, found)):
            continue
        ground = set_aside.provisional(str(told["right"]), str(told.get("because") or ""))
        if ground and told["outcome"] is None and not told.get("restriction"):
            _begin(project, found, name, ground)
            stop_at("restricted")
        _tell(project, number, name)
        if told["right"] == "restrict" and found.state["proven"]:
            _mark(project, number, name, stop_at)


def _begin(project: Project, found: request_file.RequestFile, claim: str, ground: str) -> None:
    """Record that a restriction begins, of all purposes or of those an objection is about."""
    told = found.claim(claim)
    purposes: tuple[str, ...] = ()
    if told["right"] == "object":
        today, place = request_file.today(project, found), str(found.state["jurisdiction"])
        purposes = tuple(told["purposes"]) or claim_rules.presumed(project.policy, "object", place, today)
        if not purposes:
            return
    _moved(project, found, claim, ground, purposes=list(purposes))


def _moved(project: Project, found: request_file.RequestFile, claim: str, ground: str, **more: Fact) -> None:
    facts: dict[str, Fact] = {"claim": claim, "state": "provisional", "ground": ground, **more}
    draft = Draft("restriction_moved", found.stream, facts, **request_file.about(found), actor=STAFF)
    once = f"provisional {found.number} {claim} {more.get('restriction', '')} {more.get('marked', '')}"
    append.append(project.ledger, [draft], once=once)


def _tell(project: Project, number: str, claim: str) -> None:
    """Tell the person on which ground, and for what, their data is restricted."""
    found = request_file.load(project, number)
    told, ident = found.claim(claim).get("restriction"), f"restriction-{claim}"
    if not told or any(one["letter"] == ident for one in found.state["letters"]):
        return
    send_letter.send_letter(project, number, "restriction", fields(project, found, told), letter_id=ident)


def fields(project: Project, found: request_file.RequestFile, told: Mapping[str, Any]) -> dict[str, object]:
    """Return what a letter says of a restriction: its ground, its scope and since when."""
    language = str(found.state["language"])
    purposes = told["purposes"]
    scope = send_word.purposes_said(project, purposes, language) if purposes else ""
    law = cite(set_aside.GROUNDS[told["ground"]], language)
    return {
        "ground": f"{phrase('ground_' + told['ground'], language)} ({law})",
        "scope": scope or phrase("whole_scope", language),
        "on": send_letter.day(told["on"], language),
    }


def _mark(project: Project, number: str, claim: str, stop_at: StopAt) -> None:
    """Mark the rows where that is a flag; where values would be set aside, measure, and wait for a person."""
    found = request_file.load(project, number)
    told = found.claim(claim).get("restriction")
    if not told or told["marked"] or found.claim(claim)["outcome"] == "refuse":
        return
    if not told["name"]:
        identifiers = request_file.who(project, found).identifiers
        try:
            plan = restrict.measure(project, identifiers, told["ground"], staff=STAFF)
        except ConflictError:
            return  # restricted already, for another request
        _moved(project, found, claim, told["ground"], purposes=told["purposes"], restriction=plan.name)
        stop_at("measured")
        found = request_file.load(project, number)
        told = found.claim(claim)["restriction"]
    plan = amend_rows.load(project, restrict.FAMILY, told["name"])
    if plan.state["status"] == "measured" and _only_flags(project, plan):
        plan = restrict.approve(project, plan.name, plan.state["plan"]["sha256"], STAFF)
    if plan.state["status"] == "approved":
        by_us = plan.state["staff"] == STAFF
        plan = restrict.restrict(project, plan.name, provisional=by_us, stop_at=stop_at)
    if plan.state["status"] in {"active", "provisional"}:
        _moved(
            project,
            found,
            claim,
            told["ground"],
            purposes=told["purposes"],
            restriction=plan.name,
            marked=True,
        )


def confirm(project: Project, number: str, claim: str) -> None:
    """Let a claim that was granted be carried out by the restriction that stands already."""
    found = request_file.load(project, number)
    told = found.claim(claim).get("restriction")
    if not told or not told["marked"] or list(request_guard.why_not_carry_out(found.state, claim)):
        return
    carry_out.carry_out(project, number, claim, STAFF, said(project, found, claim), by=told["name"])


def said(project: Project, found: request_file.RequestFile, claim: str) -> str:
    """Say what was restricted at once, as the answer does; empty where nothing was."""
    told = found.claim(claim).get("restriction")
    if not told or not told["marked"]:
        return ""
    of = fields(project, found, told)
    return phrase("restricted", str(found.state["language"]), on=of["on"], ground=of["ground"])


def _only_flags(project: Project, plan: amend_rows.AmendmentFile) -> bool:
    """Tell whether a plan sets flags alone, which are taken back without loss."""
    return all(
        isinstance(project.maps[store].tables[table].restriction, Flag)
        for store, told in plan.state["plan"]["stores"].items()
        for table, *_ in told["counts"]
    )
