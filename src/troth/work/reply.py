"""Record what the owner of a promise says to its verdict; it stands beside the verdict and changes nothing of it.

Law: GDPR Arts. 5(2), 24(1).
"""

from __future__ import annotations

from collections.abc import Mapping

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger import append, read, vault
from troth.rules import own_record, promise_trend
from troth.rules.event import Draft, Event
from troth.work.project import Project

FAMILY = "reply"
LENGTH_MAX = 2_000


def reply(project: Project, promise: str, says: str, owner: str, staff: str) -> Event:
    """Record a reply to the last verdict on a promise; the last reply is the one that is shown.

    Raises NotFoundError where the promise has no verdict yet, NotAllowedError for words that are missing.
    """
    state = read.state(project.ledger, f"{promise_trend.FAMILY}/{promise}")
    if state is None:
        raise NotFoundError(f"There is no verdict on {promise[:60]!r} yet. `troth audit` gives one.")
    wrong = [] if owner.strip() else ["Say who owns the promise: --owner."]
    if not says.strip() or len(says) > LENGTH_MAX:
        wrong.append(f"Say the reply in words, {LENGTH_MAX} letters at most: --says.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    ran = read.stream(project.ledger, f"{promise_trend.FAMILY}/{promise}")[-1]
    draft = Draft(
        "verdict_replied", f"{FAMILY}/{promise}",
        {"promise": promise, "verdict": str(ran.facts["verdict"]), "control": ran.id}, actor=staff, promise=promise,
        payload={"owner": owner.strip(), "says": says.strip()},
        file=own_record.dated(FAMILY, project.clock().date()),
    )  # fmt: skip
    return append.append(project.ledger, [draft])[0]


def replies(project: Project) -> Mapping[str, Mapping[str, str]]:
    """Return the last reply to each promise: who said what, on which day, to which verdict."""
    found: dict[str, Mapping[str, str]] = {}
    for event in read.events(project.ledger, kind="verdict_replied"):
        try:
            told = vault.payload(project.ledger, event)
        except KeyDestroyedError:
            continue
        found[str(event.facts["promise"])] = {
            "owner": str(told["owner"]), "says": str(told["says"]), "on": event.at.date().isoformat(),
            "verdict": str(event.facts["verdict"]), "event": event.id,
        }  # fmt: skip
    return found
