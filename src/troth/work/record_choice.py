"""Record what a visitor chose about cookies: a yes with a name of its own, a no with none.

A yes is the proof that must be shown later, so its stream bears the random name that only the
visitor's own browser holds beside it; its withdrawal goes there too.  Refusals go to a few
streams a day, drawn by lot so that no two wait for each other, and nothing in them tells one
visitor from another.  No address, no browser.

Law: GDPR Art. 7(1), (3); CNIL 2020-091 and 2020-092.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, read
from troth.policy.notice_text import sha256
from troth.policy.policy import Policy
from troth.rules.cookie import LETTERS, Table
from troth.rules.event import Draft, Event, Fact
from troth.work.project import Project

PURPOSE = "cookies"
FAMILY = "cookies"
PAGE = "page"
METHODS = frozenset({"accept", "refuse", "choose", "script", "again", PAGE})
"""How the banner was answered, and the page on which a choice is changed without it."""
AGE_DAYS_MAX = 400
STREAMS = 16
_PROOF = re.compile(r"[0-9a-z]{12,32}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """A choice as the banner reports it: categories by their letters, the moment in seconds since 1970.

    `language` is one that the banner speaks, and never what a visitor wrote.
    """

    how: str
    yes: str
    was: str
    proof: str
    language: str
    table: str
    at: int
    signal: bool


def record_choice(
    project: Project,
    policy: Policy,
    known: Table,
    told: Told,
    *,
    interface_sha256: str | None,
    text_sha256: str | None,
) -> Event:
    """Record a choice; what the same browser says again is recorded once. Raises NotAllowedError for none.

    `policy` is the one whose banner was shown, and `known` its table: the proof names that version.
    """
    now = project.clock()
    _checked(known, told, int(now.timestamp()))
    given, facts = _given(known, told), _facts(policy, known, told, now)
    facts["given"] = given
    if interface_sha256 is not None:
        facts |= {"interface_sha256": interface_sha256, "text_sha256": text_sha256}
    named = bool(told.proof) and given != "refused"
    stream = f"{FAMILY}/{told.proof}" if named else _refused(now)
    once = f"choice {told.proof} {told.at} {told.yes}" if named else None
    draft = Draft("consent_recorded", stream, facts, actor="visitor", policy=policy.version or None)
    return append.append(project.ledger, [draft], once=once)[0]


def last_of(project: Project, name: str) -> str:
    """Return the event of the last choice under the name of a consent, or of the choice of this id itself.

    Raises NotFoundError where there is none.
    """
    events = read.stream(project.ledger, f"{FAMILY}/{name}") if _PROOF.fullmatch(name) else ()
    event = events[-1] if events else read.event(project.ledger, name)
    if event.kind != "consent_recorded" or not event.stream.startswith(f"{FAMILY}/"):
        raise NotFoundError("There is no choice of this name.")
    return event.id


def _refused(now: datetime) -> str:
    return f"{FAMILY}/refused-{now.astimezone(UTC).date()}-{secrets.randbelow(STREAMS):x}"


def _checked(known: Table, told: Told, now: int) -> None:
    letters = {LETTERS[category] for category in known.categories}
    if told.how not in METHODS or not set(told.yes) <= letters:
        raise NotAllowedError(
            "This is no choice that the banner of today's table can make. Load the page anew."
        )
    if told.proof and not _PROOF.fullmatch(told.proof):
        raise NotAllowedError("The name of this consent is not one that the banner draws.")
    if told.yes and not told.proof:
        raise NotAllowedError("A yes is recorded under a name of its own, and this one has none.")
    if not _SHA256.fullmatch(told.table):
        raise NotAllowedError("The table that was asked about is not named by its hash.")
    if not now - AGE_DAYS_MAX * 86_400 < told.at <= now + 86_400:
        raise NotAllowedError("The choice was made in the future, or too long ago to be one.")


def _given(known: Table, told: Told) -> str:
    if told.yes:
        return "given"
    letters = {LETTERS[category] for category in known.categories}
    return "withdrawn" if told.proof and set(told.was) & letters else "refused"


def _facts(policy: Policy, known: Table, told: Told, now: datetime) -> dict[str, Fact]:
    notice = told.language if told.language in policy.documents else policy.language
    kept = known.given_seconds if told.yes else known.refused_seconds
    until = datetime.fromtimestamp(min(told.at, int(now.timestamp())) + kept, UTC)
    choices: Mapping[str, Fact] = {
        category: "given" if LETTERS[category] in told.yes
        else "withdrawn" if LETTERS[category] in told.was and told.proof else "refused"
        for category in known.categories
    }  # fmt: skip
    return {
        "purpose": PURPOSE,
        "purpose_version": policy.version,
        "method": "page of choices" if told.how == PAGE else f"banner {told.how}",
        "notice_sha256": sha256(policy, notice),
        "language": told.language,
        "table_sha256": told.table,
        "chosen_at": datetime.fromtimestamp(told.at, UTC).isoformat(),
        "valid_until": until.date().isoformat(),
        "choices": choices,
        "signal": "gpc" if told.signal else None,
    }
