"""Decide a claim, and let a second person confirm it.

A grant names its ground, a refusal its article and its reason; reasons are personal data
and go to the vault.  Who decides does not review, and the data protection officer does
neither.

Law: GDPR Art. 12(4), (5); Art. 17(1), (3); Art. 38(3), (6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from troth.errors import NotAllowedError
from troth.ledger import append
from troth.rules import claim as claim_rules
from troth.rules import exemption, fee, instruction, request_guard
from troth.rules.event import Draft, Event, Fact
from troth.work import admit, charge, request_file
from troth.work.project import Project

Role = Literal["handler", "reviewer", "dpo", "counsel", "admin"]
Outcome = Literal["grant", "part", "refuse"]


def decide(
    project: Project,
    number: str,
    claim: str,
    outcome: Outcome,
    staff: str,
    *,
    ground: str = "",
    article: str = "",
    exemptions: Sequence[str] = (),
    purposes: Sequence[str] = (),
    reason: str = "",
    proof: fee.Proof | None = None,
    role: Role = "handler",
) -> Event:
    """Record a decision on a claim.

    `ground` is the letter of Art. 17(1) for an erasure, of Art. 18(1) for a restriction, and
    `compelling` or `claims` for an objection that is not followed; `exemptions` are letters of
    Art. 17(3), for a part or a refusal, with the data they keep and until when
    (`b:billing:2036-12-31`) where the maps do not say that already; `purposes` are those an
    objection or a withdrawal is about: those the person named, or else every public one it fits,
    when none is given; `proof` is what shows a request
    manifestly unfounded or excessive, where it is refused for that.  Raises NotAllowedError
    with every reason why not.
    """
    found = request_file.load(project, number)
    if found.state.get("instruction") and outcome != "refuse":
        ground, article = claim_rules.INSTRUCTED, article or instruction.LAW
    elif ground == claim_rules.INSTRUCTED:
        raise NotAllowedError("No controller instructed us to this: give the ground of the law.")
    claimed = str(found.claim(claim)["right"])
    today = request_file.today(project, found)
    exempt = [exemption.read(one) for one in exemptions]
    letters = list(dict.fromkeys(one.letter for one in exempt))
    fitting = _fitting(project, found, claimed)
    alone = admit.derogates(project)
    wrong = list(
        request_guard.why_not_decide(found.state, claim, outcome, role, today, staff=staff, alone=alone)
    )
    wrong += claim_rules.lacking(
        claimed, outcome, on=today, ground=ground, cited=article, exemptions=letters, reason=reason,
        chosen=purposes, fitting=fitting,
    )  # fmt: skip
    wrong += exemption.lacking(exempt, project.maps, today, _besides(project))
    if any(one.what for one in exempt) and outcome != "part":
        wrong.append("What is kept by an exemption makes the decision a part: some data goes, some stays.")
    record: dict[str, Fact] = {}
    if outcome == "refuse" and claim_rules.EXCESSIVE in article:
        proof = proof or fee.Proof("excessive", "", "")
        wrong += fee.lacking_proof(proof, before := charge.earlier(project, found))
        received = date.fromisoformat(found.state["received"])
        record = proof.record(before, received, "refuse")
        if (found.state.get("fee") or {}).get("state") in {"proposed", "asked", "paid"}:
            wrong.append("A fee is asked for: it is either a fee or a refusal, never both (GDPR Art. 12(5)).")
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {
        "claim": claim,
        "outcome": outcome,
        "ground": ground or None,
        "article": article or claim_rules.article(claimed, ground, today),
        "exemptions": letters,
        "kept": [one.facts() for one in exempt if one.what],
        "purposes": list(purposes or found.claim(claim)["purposes"] or _presumed(project, found, claimed)),
        "staff": staff,
    }
    draft = Draft(
        "claim_decided",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"reason": reason, **({"proof": record} if record else {})},
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def _besides(project: Project) -> tuple[str, ...]:
    """Return what else an exemption may name where owners of manual stores are asked: those, and any category."""
    return (*project.manual, *map(str, project.policy.categories)) if project.manual else ()


def _fitting(project: Project, found: request_file.RequestFile, claimed: str) -> tuple[str, ...] | None:
    """Return the purposes a choice is about; None where a right is not about single purposes."""
    if claim_rules.WAYS[claimed] != "choice":
        return None
    place, today = str(found.state["jurisdiction"]), request_file.today(project, found)
    return claim_rules.purposes(project.policy, claimed, place, today)


def _presumed(project: Project, found: request_file.RequestFile, claimed: str) -> tuple[str, ...]:
    """Return the purposes a choice is about where neither the person nor the handler named any."""
    if claim_rules.WAYS[claimed] != "choice":
        return ()
    place, today = str(found.state["jurisdiction"]), request_file.today(project, found)
    return claim_rules.presumed(project.policy, claimed, place, today)


def review(
    project: Project,
    number: str,
    claim: str,
    staff: str,
    *,
    confirm: bool = True,
    note: str = "",
    role: Role = "reviewer",
) -> Event:
    """Confirm a decision, or send it back to be decided again."""
    found = request_file.load(project, number)
    found.claim(claim)
    derogation = admit.derogation(project)
    request_file.refuse_unless(
        request_guard.why_not_review(found.state, claim, staff, role, confirm=confirm, alone=bool(derogation))
    )
    facts: dict[str, Fact] = {"claim": claim, "outcome": "confirm" if confirm else "back", "staff": staff}
    if found.claim(claim)["decided_by"] == staff:
        facts["derogation"] = derogation
    draft = Draft(
        "decision_reviewed",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"note": note},
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def advise(
    project: Project, number: str, claim: str, staff: str, note: str, *, escalate: bool = False
) -> Event:
    """Record the advice of the data protection officer, which decides nothing.

    With `escalate` the claim waits to be looked at again, until it is decided anew or its decision is reviewed.
    """
    found = request_file.load(project, number)
    found.claim(claim)
    if not note.strip():
        raise NotAllowedError("Advice says something. Write it.")
    alone = admit.derogates(project)
    request_file.refuse_unless(request_guard.why_not_advise(found.state, claim, staff, alone=alone))
    facts: dict[str, Fact] = {
        "claim": claim,
        "outcome": "escalated" if escalate else "advised",
        "staff": staff,
    }
    draft = Draft(
        "dpo_advised", found.stream, facts, **request_file.about(found), actor=staff, payload={"note": note}
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
