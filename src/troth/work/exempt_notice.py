"""Record that nobody need be told of data that came from others, by which letter of Art. 14(5), and who decided so.

The clock of the notice stops with that reason, which is kept encrypted as long as the file of a notice.  An exemption
that is withdrawn never stopped it: the notice is owed by the day on which it was, late where that day is over.

Law: GDPR Art. 14(5), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.errors import NotAllowedError
from troth.ledger import append, read
from troth.rules import collection
from troth.rules.event import Draft, Fact
from troth.work import inform
from troth.work.establishment import day_here
from troth.work.inform import FAMILY, Owed
from troth.work.project import Project


def exempt(
    project: Project,
    names: Sequence[str],
    ground: str,
    reason: str,
    decided_by: str,
    staff: str,
    *,
    source: str = "",
    made_public: str = "",
) -> tuple[Owed, ...]:
    """Record it for these notices, or for every one that is owed of a `source`; return them as they stand.

    Raises NotAllowedError with all that is missing: a reason, who decided, and for letter (b) where the information was
    made public instead; and where a notice is not owed (any more).
    """
    wrong = []
    if ground not in collection.EXEMPT:
        known = "; ".join(f"{letter}: {what}" for letter, what in collection.EXEMPT.items())
        wrong.append(f"Art. 14(5) has no letter {ground[:10]!r}. It has {known}.")
    if not reason.strip():
        wrong.append(
            "Say why the exemption applies, in words: --reason. Without a reason the notice stays owed."
        )
    if not decided_by.strip():
        wrong.append("Say who decided so: --by.")
    if ground == "b" and not made_public.strip():
        wrong.append("Letter (b) asks that the information is made public instead: say where, --public.")
    if bool(names) == bool(source):
        wrong.append("Name the notices, or the one source of which all that are owed are exempt.")
    found = [inform.load(project, one) for one in names]
    if source:
        found = [one for one in inform.owed(project) if one.state["source"] == source]
        if not found:
            wrong.append(f"No notice is owed of a source {source[:40]!r}.")
    wrong += [
        f"The notice {one.ident} is {one.state['status']}." for one in found if one.state["status"] != "owed"
    ]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    on = day_here(project).isoformat()
    payload = {"reason": reason.strip(), "decided_by": decided_by.strip(), "made_public": made_public.strip()}
    for one in found:
        stream = f"{FAMILY}/{one.ident}"
        draft = Draft(
            "notice_exempted", stream, {"ground": ground, "on": on}, subject=str(one.state["subject"]), actor=staff,
            payload=payload, file=stream,
        )  # fmt: skip
        append.append(project.ledger, [draft], once=_once(project, stream, "exempted"))
    return tuple(inform.load(project, one.ident) for one in found)


def withdraw(
    project: Project, names: Sequence[str], reason: str, decided_by: str, staff: str
) -> tuple[Owed, ...]:
    """Record that an exemption does not apply (any more); return the notices as they stand, owed from the first day on.

    Whoever was written to meanwhile should have been told by then (Art. 14(3)(b)).  Raises NotAllowedError without a
    reason, without who decided, and where a notice is exempt of nothing.
    """
    wrong = [] if reason.strip() else ["Say why the exemption is withdrawn, in words: --reason."]
    wrong += [] if decided_by.strip() else ["Say who decided so: --by."]
    wrong += [] if names else ["Name the notices. `troth inform list --all` shows them."]
    found = [inform.load(project, one) for one in names]
    wrong += [
        f"The notice {one.ident} is {one.state['status']}, and exempt of nothing."
        for one in found
        if one.state["status"] != "exempt"
    ]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    on = day_here(project).isoformat()
    payload = {"reason": reason.strip(), "decided_by": decided_by.strip()}
    for one in found:
        stream, subject = f"{FAMILY}/{one.ident}", str(one.state["subject"])
        facts: dict[str, Fact] = {"ground": str(one.state["exempt"]), "on": on, "withdrawn": True}
        drafts = [
            Draft(
                "notice_exempted", stream, facts, subject=subject, actor=staff, payload=payload, file=stream
            )
        ]
        wrote = _written_to(project, subject, str(one.state["exempt_on"]))
        if wrote and wrote < str(one.state["owed_by"]):
            forward: dict[str, Fact] = {"on": wrote, "because": "first_communication"}
            drafts.append(Draft("notice_brought_forward", stream, forward, subject=subject, actor=staff))
        append.append(project.ledger, drafts, once=_once(project, stream, "withdrawn"))
    return tuple(inform.load(project, one.ident) for one in found)


def _written_to(project: Project, subject: str, since: str) -> str:
    """Return the first day since another on which somebody was written to; empty where nobody did."""
    events = read.events(project.ledger, kind="first_communication_sent", subject=subject)
    days = [str(one.facts.get("on") or "") for one in events]
    return min((on for on in days if on >= since), default="")


def _once(project: Project, stream: str, what: str) -> str:
    """Name what is said by where the notice stands: two who say it at the same moment say it once."""
    return f"{what} {stream} {read.version(project.ledger, stream)}"
