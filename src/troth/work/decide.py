"""Decide a claim, and let a second person confirm it.

A grant names its ground, a refusal its article and its reason; reasons are personal data
and go to the vault.  Who decides does not review, and the data protection officer does
neither.

Law: GDPR Art. 12(4), (5); Art. 17(1), (3); Art. 38(3), (6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from troth.errors import NotAllowedError
from troth.law import right
from troth.ledger import append
from troth.rules import request
from troth.rules.event import Draft, Event, Fact
from troth.work import request_file
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
    reason: str = "",
    role: Role = "handler",
) -> Event:
    """Record a decision on a claim.

    `ground` is the letter of Art. 17(1) for an erasure; `exemptions` are letters of
    Art. 17(3), for a part or a refusal.  Raises NotAllowedError with every reason why not.
    """
    found = request_file.load(project, number)
    told = found.claim(claim)
    wrong = list(request.why_not_decide(found.state, claim, outcome, role))
    wrong += _lacking(project, str(told["right"]), outcome, ground, article, exemptions, reason)
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {
        "claim": claim,
        "outcome": outcome,
        "ground": ground or None,
        "article": article or _article(project, str(told["right"]), ground),
        "exemptions": list(exemptions),
        "staff": staff,
    }
    draft = Draft(
        "claim_decided",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"reason": reason},
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def _lacking(
    project: Project,
    claimed: str,
    outcome: str,
    ground: str,
    article: str,
    exemptions: Sequence[str],
    reason: str,
) -> list[str]:
    today = project.clock().date()
    grounds = [one.code for one in right.erasure_grounds(today)]
    exempt = [one.code for one in right.erasure_exemptions(today)]
    wrong = []
    if claimed == "erase" and outcome != "refuse" and ground not in grounds:
        wrong.append(f"Granting an erasure needs its ground: one of {', '.join(grounds)} (GDPR Art. 17(1)).")
    unknown = [letter for letter in exemptions if letter not in exempt]
    if unknown:
        wrong.append(
            f"There is no exemption {unknown[0][:10]!r}. There are: {', '.join(exempt)} (GDPR Art. 17(3))."
        )
    if outcome in {"refuse", "part"} and not reason.strip():
        wrong.append("What is not done needs its reason, in words the person understands (GDPR Art. 12(4)).")
    if outcome == "refuse" and not article.strip() and not exemptions:
        wrong.append("A refusal names the article it stands on (GDPR Art. 12(4)).")
    return wrong


def _article(project: Project, claimed: str, ground: str) -> str | None:
    if claimed == "erase" and ground:
        return next(one.law for one in right.erasure_grounds(project.clock().date()) if one.code == ground)
    return None


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
    request_file.refuse_unless(request.why_not_review(found.state, claim, staff, role, confirm=confirm))
    facts: dict[str, Fact] = {"claim": claim, "outcome": "confirm" if confirm else "back", "staff": staff}
    draft = Draft(
        "decision_reviewed",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"note": note},
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def advise(project: Project, number: str, claim: str, staff: str, note: str) -> Event:
    """Record the advice of the data protection officer, which decides nothing."""
    found = request_file.load(project, number)
    found.claim(claim)
    if not note.strip():
        raise NotAllowedError("Advice says something. Write it.")
    facts: dict[str, Fact] = {"claim": claim, "outcome": "advised", "staff": staff}
    draft = Draft(
        "dpo_advised", found.stream, facts, **request_file.about(found), actor=staff, payload={"note": note}
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
