"""Record an objection: it takes effect on receipt, for the person and for the address itself.

An objection needs no proof of who objects.  It is recorded for the subject where the address
names one, and in any case as a keyed hash that outlives the person's data: nothing of it is
sent there again, also when the address comes back with the next list.

Law: GDPR Art. 21(1) to (3), (5); Art. 12(2).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from troth.errors import NotAllowedError
from troth.ledger import append, read, subjects, suppression
from troth.ledger.suppression import Suppression
from troth.rules import consent, own_record, purpose_scope
from troth.rules.consent import CHANNELS, EVERY
from troth.rules.event import Draft, Event, Fact
from troth.work import keep_waiting
from troth.work.project import Project
from troth.work.record_consent import (
    Identifiers,
    addresses,
    fresh_name,
    not_to_come,
    second_after,
    wrong_moment,
)

FAMILY = "objections"
METHODS = (
    "link",
    "preferences",
    "email",
    "phone",
    "post",
    "portal",
    "api",
    "signal",
    "import",
    "staff",
    "web",
    "paper",
)


def record_objection(
    project: Project,
    identifiers: Identifiers,
    *,
    scope: Literal["marketing", "purpose"] = "marketing",
    purpose: str = "",
    channel: str = EVERY,
    controller: str = EVERY,
    method: str = "staff",
    signal: str | None = None,
    source: str = "",
    said_at: datetime | None = None,
    wording: str = "",
    subject: str | None = None,
    once: str | None = None,
    actor: str = "subject",
) -> Event:
    """Record an objection of whom the identifiers name, or of an address nobody here knows.

    `scope` marketing without a purpose closes all direct marketing; `purpose` is an objection to
    one purpose (Art. 21(1)).  Saying it again under the same `once` records nothing more, and
    closes again what an interruption left open.
    """
    checked(project, scope, purpose, channel, controller, method, said_at)
    found = subject or next(
        (
            known
            for kind, value in identifiers
            if (known := subjects.find_subject(project.ledger, kind, value))
        ),
        None,
    )
    if found is None and not identifiers:
        raise NotAllowedError(
            "An objection is somebody's: give an identifier, such as email=ada@example.org."
        )
    said_at = not_to_come(project, said_at)
    said = read.said(project.ledger, once) if once is not None else ()
    # Said again it is of the moment of the first saying: it closes nothing that a yes since then opened.
    at = said_at or (said[0].at if said else project.clock())
    reach = identifiers or (addresses(project, found) if found else ())
    suppress(project, reach, scope, purpose, channel, controller, at)
    if said:
        return said[0]
    facts: dict[str, Fact] = {
        "scope": scope, "purpose": purpose or None, "channel": channel or EVERY, "controller": controller or EVERY,
        "method": method, "signal": signal,
    }  # fmt: skip
    facts |= {"source": source} if source else {}
    facts |= {"said_at": said_at.astimezone(UTC).isoformat()} if said_at else {}
    stream = consent.stream(found) if found else f"{FAMILY}/{fresh_name()}"
    draft = Draft(
        "objection_recorded", stream, facts, entity=controller if controller != EVERY else "", actor=actor,
        subject=found, policy=project.policy.version or None,
        payload={"wording": wording} if wording and found else None,
        file=own_record.dated("objection", project.clock().date()) if wording and found else None,
    )  # fmt: skip
    also = keep_waiting.keep(project, stream, reach) if found is None else None
    return append.append(project.ledger, [draft], once=once, also=also)[0]


def checked(
    project: Project,
    scope: str,
    purpose: str,
    channel: str,
    controller: str,
    method: str,
    said_at: datetime | None = None,
) -> None:
    """See that an objection is one the policy knows; raises NotAllowedError with everything that is wrong."""
    wrong = list(wrong_moment(project, said_at))
    found = project.policy.purposes.get(purpose)
    if scope not in {"marketing", "purpose"}:
        wrong.append("The scope of an objection is `marketing` or `purpose`.")
    if scope == "purpose" and not purpose:
        wrong.append("An objection to a purpose names it.")
    if purpose and found is None:
        wrong.append(
            f"The policy has no purpose {purpose[:40]!r}. It has: {', '.join(project.policy.purposes)}."
        )
    if channel not in {EVERY, *CHANNELS}:
        wrong.append(f"There is no channel {channel[:20]!r}. There are: {', '.join(CHANNELS)}.")
    if controller not in {EVERY, *purpose_scope.entities(project.policy)}:
        wrong.append(f"The policy has no company {controller[:40]!r}.")
    if method not in METHODS:
        wrong.append(f"There is no method {method[:20]!r}. There are: {', '.join(METHODS)}.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))


def suppress(
    project: Project,
    identifiers: Identifiers,
    scope: str,
    purpose: str,
    channel: str,
    controller: str,
    at: datetime,
) -> None:
    """Close an address to what was objected to, by hashes that name nobody."""
    if scope != "marketing" and not project.policy.purposes[purpose].marketing:
        return  # what is not sent has no list; the subject's own record says it
    told = Suppression(controller or EVERY, purpose or EVERY, channel or EVERY, second_after(at), "")
    for kind, value in identifiers:
        suppression.suppress(project.ledger, kind, value, told)
