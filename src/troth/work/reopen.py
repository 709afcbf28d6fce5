"""Take a request up again that had ended: as a new one, which names it and begins a clock of its own.

What was done for the first stays done and is not done twice; the file of the first is kept for
as long as that of the second.

Law: GDPR Art. 12(3), Arts. 77 to 79; law.md section 3.3, transition 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.ledger import append, read, vault
from troth.rules import request_move_guard
from troth.rules.event import Draft, Fact
from troth.work import open_request, request_file
from troth.work.open_request import Acting, Opened
from troth.work.project import Project


def reopen(
    project: Project, number: str, because: str, staff: str, *, note: str = "", claims: Sequence[str] = ()
) -> Opened:
    """Take these claims of a request up again (all without any); saying it again opens no second one.

    `because` is error, complaint, authority, court or new_fact.
    """
    found = request_file.load(project, number)
    wrong = list(request_move_guard.why_not_reopen(found.state, because))
    unknown = [one for one in claims if one not in found.state["claims"]]
    if unknown:
        known = ", ".join(found.state["claims"])
        wrong.append(f"Request {number} has no claim {unknown[0][:20]!r}. It has: {known}.")
    if not note.strip():
        wrong.append("Write down what it is about: the reference of the order, or what was found out.")
    request_file.refuse_unless(wrong)
    asked = _asked(project, found)
    chosen = claims or tuple(found.state["claims"])
    rights = [str(found.claim(one)["right"]) for one in chosen]
    times = len(found.state.get("reopened") or ())
    opened = open_request.open_request(
        project,
        rights,
        str(asked.get("email") or ""),
        name=str(asked.get("name") or ""),
        address=str(asked.get("address") or ""),
        wording=str(asked.get("wording") or ""),
        language=str(found.state["language"]),
        channel=str(found.state["channel"]),
        entity=str(found.state["entity"]) or None,
        purposes={right: found.claim(one)["purposes"] for one, right in zip(chosen, rights, strict=True)
                  if found.claim(one)["purposes"]},
        because=next((str(found.claim(one)["because"]) for one in chosen if found.claim(one)["because"]), ""),
        acting=_acting(found.state, asked),
        read_back=found.state.get("read_back"),
        reopens=(number, because),
        once=f"reopened {number} {times + 1}",
    )  # fmt: skip
    facts: dict[str, Fact] = {"to": "reopened", "reason": because, "as": opened.number}
    draft = Draft(
        "request_moved", found.stream, facts, **request_file.about(found), actor=staff,
        payload={"note": note.strip()},
    )  # fmt: skip
    append.append(project.ledger, [draft], once=f"moved {number} reopened {opened.number}")
    return opened


def _asked(project: Project, found: request_file.RequestFile) -> Mapping[str, Any]:
    """Return how whoever asked is reached; raises NotAllowedError where that was erased."""
    received = read.stream(project.ledger, found.stream)[0]
    try:
        return vault.payload(project.ledger, received)
    except KeyDestroyedError:
        raise NotAllowedError(
            "Nobody knows any more who asked: the file is destroyed. Take a new request in."
        ) from None


def _acting(state: Mapping[str, Any], asked: Mapping[str, Any]) -> Acting | None:
    if not state.get("acting"):
        return None
    whom: Mapping[str, Any] = asked.get("for") or {}
    return Acting(
        str(state["acting"]["kind"]),
        str(whom.get("name") or ""),
        str(whom.get("email") or ""),
        str(whom.get("address") or ""),
    )
