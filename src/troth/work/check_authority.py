"""Record that somebody looked at what shows that one may ask for somebody else, and what it covers.

What was seen is told in words; the document is never kept.  An answer goes to whoever asked
only where their authority covers receiving it, else to the person themselves.

Law: GDPR Art. 12(2), Art. 5(1)(c); Décret 2019-536 Art. 77; CNIL, délibération 2021-070.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from troth.ledger import append
from troth.rules import request
from troth.rules.event import Draft, Event, Fact
from troth.work import ask, request_file
from troth.work.project import Project

SEEN_MAX = 2_000


def check_authority(
    project: Project,
    number: str,
    staff: str,
    seen: str,
    *,
    sufficient: bool,
    receives: bool = False,
    rights: Sequence[str] = (),
    until: date | None = None,
) -> Event:
    """Record what was seen (in words), for which rights it is enough (all when none is named) and until when.

    `receives` says that the answer may go to whoever asked.  A mandate that was asked for is
    answered by this.  Raises NotAllowedError with every reason why not.
    """
    found = request_file.load(project, number)
    today = request_file.today(project, found)
    asked = request_file.requester(project, number)
    reachable = asked.get("for") or {}
    claimed = [str(claim["right"]) for claim in found.state["claims"].values()]
    wrong = []
    if not request.is_open(found.state):
        wrong.append("The request has ended.")
    if not found.state.get("acting"):
        wrong.append("Whoever asked did so for themselves, so that no authority is needed.")
    if not seen.strip():
        wrong.append("Say what was looked at and what it says, in words; the document itself is never kept.")
    if len(seen) > SEEN_MAX:
        wrong.append(f"That is too long: {SEEN_MAX} characters at most, and no copy of the document.")
    wrong += [
        f"Nobody asked for {right[:30]!r} here. Asked for: {', '.join(claimed)}."
        for right in rights
        if right not in claimed
    ]
    if until is not None and until < today:
        wrong.append(
            f"An authority that ended on {until} is none. Record it as insufficient, and ask for another."
        )
    if sufficient and not receives and not (reachable.get("email") or reachable.get("address")):
        wrong.append(
            "The answer would go to the person themselves, and nobody said how they are reached. Ask whoever asked, or "
            "for a mandate that covers receiving the answer."
        )
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {
        "sufficient": sufficient,
        "rights": list(rights),
        "receives": receives,
        "until": until.isoformat() if until else None,
        "staff": staff,
    }
    draft = Draft(
        "authority_checked",
        found.stream,
        facts,
        **request_file.about(found),
        actor=staff,
        payload={"seen": seen.strip()},
    )
    event = append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
    waiting = [
        name
        for name, told in found.state["asks"].items()
        if told["what"] == "mandate" and told["answered"] is None
    ]
    for name in waiting:
        ask.answer_ask(project, number, name, staff, sufficient=sufficient, reply=seen.strip())
    return event
