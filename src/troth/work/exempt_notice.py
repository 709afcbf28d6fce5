"""Record that nobody need be told of data that came from others, by which letter of Art. 14(5), and who decided so.

The clock of the notice stops with that reason, which is kept encrypted as long as the file of a notice.

Law: GDPR Art. 14(5), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.errors import NotAllowedError
from troth.ledger import append
from troth.rules import collection
from troth.rules.event import Draft
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
        append.append(project.ledger, [draft], once=f"exempted {one.ident}")
    return tuple(inform.load(project, one.ident) for one in found)
