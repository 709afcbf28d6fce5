"""Record what was disclosed to whom, and refuse what the policy does not allow.

Before a disclosure this is the gate: what lacks its condition is refused.  After one (an
import of what happened) it is the memory: what lacks its condition is recorded, and is a
finding of the audit.

Law: GDPR Arts. 5(2), 19, 21(3), 44; Case C-154/21.
"""

from __future__ import annotations

import csv
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.ledger import append, keys, read, subjects, suppression, vault
from troth.rules import disclosure as rules
from troth.rules import own_record
from troth.rules.disclosure import Disclosure
from troth.rules.event import Draft, Event, Fact
from troth.rules.identifier import exact
from troth.work import hold, inform
from troth.work.establishment import day_here
from troth.work.project import Project

COLUMNS = ("kind", "identifier", "recipient", "categories", "purpose", "on")
OPTIONAL = ("party", "document", "approved_by", *(name for name in rules.WORDS if name != "two_approvals"))
LINE_MAX = 100_000
Identifiers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an import: its number, what it says, and what is wrong with it."""

    number: int
    identifiers: Identifiers
    disclosure: Disclosure | None
    wrong: tuple[str, ...]
    lacks: tuple[str, ...] = ()


def why_not(project: Project, identifiers: Identifiers, disclosure: Disclosure) -> list[tuple[str, str]]:
    """Return what a disclosure lacks, as codes and sentences: its conditions, and the person's objection."""
    found = list(rules.lacking(project.policy, disclosure))
    purpose = project.policy.purposes.get(disclosure.purpose)
    recipient = rules.recipient_of(project.policy, disclosure)
    marketing = (purpose and purpose.marketing) or (recipient and recipient.class_ == "marketing")
    named = disclosure.evidence.get("hold", "").strip()
    if named and not hold.covers(project, named, identifiers, disclosure.on):
        found.append(
            ("hold", f"There is no legal hold {named[:20]!r} that was about this person on {disclosure.on}.")
        )
    others = recipient is not None and recipient.role not in {"processor", "not_a_recipient"}
    if others and inform.untold(project, identifiers, disclosure.on):
        found.append((
            "informed",
            "The person was not told yet that others gave us their data, and is told before it goes to anybody else "
            "(GDPR Art. 14(3)(c)): `troth inform send`.",
        ))  # fmt: skip
    if marketing and any(
        suppression.is_suppressed(project.ledger, kind, value) for kind, value in identifiers
    ):
        found.append(("objection", "The person objected to direct marketing (GDPR Art. 21(3))."))
    return found


def disclose(
    project: Project,
    identifiers: Identifiers,
    disclosure: Disclosure,
    *,
    staff: str,
    happened: bool = False,
    once: str | None = None,
    imported: Mapping[str, Fact] | None = None,
) -> Event:
    """Record a disclosure about the person whom these identifiers name.

    Raises NotAllowedError with every condition it lacks; one that `happened` is recorded all
    the same, with the codes of what it lacked.
    """
    if not identifiers:
        raise NotAllowedError("A disclosure is about somebody: give an identifier.")
    if disclosure.on > day_here(project):
        raise NotAllowedError("A disclosure cannot have been made in the future. Check the day.")
    lacks = why_not(project, identifiers, disclosure)
    if lacks and not happened:
        raise NotAllowedError(" ".join(sentence for _, sentence in lacks))
    stream = subjects.disclosure_stream(project.ledger, identifiers, opening=True)
    recipient = rules.recipient_of(project.policy, disclosure)
    facts: dict[str, Fact] = {
        "recipient": str(recipient.key) if recipient else "unnamed",
        "class": recipient.class_ if recipient else "outside",
        "category": list(disclosure.categories),
        "purpose": disclosure.purpose,
        "transfer": rules.covering(project.policy, disclosure) or None,
        "document": disclosure.document or None,
        "on": disclosure.on.isoformat(),
        "party": disclosure.party or None,
        "approved_by": list(disclosure.approved_by),
        "lacks": [code for code, _ in lacks],
        **({"imported": dict(imported)} if imported else {}),
    }
    evidence: dict[str, Fact] = {**disclosure.evidence, "recipient": disclosure.recipient}
    draft = Draft("disclosure_made", str(stream), facts, actor=staff, payload=evidence,
                  file=own_record.of_year("disclosure", project.clock().date()))  # fmt: skip
    return append.append(project.ledger, [draft], once=once)[0]


def disclosed(project: Project, identifiers: Identifiers) -> tuple[Event, ...]:
    """Return every disclosure about the person whom these identifiers name, the oldest first."""
    stream = subjects.disclosure_stream(project.ledger, identifiers)
    return read.stream(project.ledger, stream) if stream else ()


def outside(project: Project, identifiers: Identifiers) -> tuple[tuple[str, str, str], ...]:
    """Return who has data of a person and is not, or no longer, in the policy: key, name as recorded, purpose."""
    found: dict[tuple[str, str, str], None] = {}
    for event in disclosed(project, identifiers):
        key = str(event.facts["recipient"])
        if key in project.policy.recipients:
            continue
        try:
            name = str(vault.payload(project.ledger, event).get("recipient") or key)
        except KeyDestroyedError:
            name = key
        found[key, name, str(event.facts["purpose"])] = None
    return tuple(found)


def lines(project: Project, written: Iterable[str], kind: str) -> Iterator[Line]:
    """Read an import, as `csv` with a heading or as `jsonl`, line by line; what is wrong is told with its number."""
    for number, told in _rows(written, kind):
        if isinstance(told, str):
            yield Line(number, (), None, (told,))
            continue
        identifiers, disclosure, wrong = _line(told)
        lacks: tuple[str, ...] = ()
        if disclosure is not None and not wrong:
            lacks = tuple(sentence for _, sentence in why_not(project, identifiers, disclosure))
            if disclosure.on > day_here(project):
                wrong = ["The day lies in the future."]
        yield Line(number, identifiers, disclosure, tuple(wrong), lacks)


def take(project: Project, line: Line, *, staff: str, imported: Mapping[str, Fact] | None = None) -> bool:
    """Record a line of an import, with where it came from; False where the same was recorded before."""
    if line.disclosure is None or line.wrong:
        raise NotAllowedError(" ".join(line.wrong))
    once = f"disclosure {_mark(project, line.identifiers, line.disclosure)}"
    stream = subjects.disclosure_stream(project.ledger, line.identifiers)
    before = read.version(project.ledger, stream) if stream else 0
    event = disclose(
        project, line.identifiers, line.disclosure, staff=staff, happened=True, once=once, imported=imported
    )
    return event.version > before


def _mark(project: Project, identifiers: Identifiers, disclosure: Disclosure) -> str:
    """Name a line so that it is taken once, by a keyed hash: the name shows nothing of the person."""
    _, secret = keys.own_key(project.ledger, "fingerprint/disclosure")
    said = json.dumps(
        [[kind, exact(kind, value)] for kind, value in identifiers]
        + [[disclosure.recipient, disclosure.party, *disclosure.categories, disclosure.purpose]]
        + [[disclosure.on.isoformat(), disclosure.document]],
        ensure_ascii=False,
    )
    return hmac.digest(secret, said.encode(), "sha256").hex()


def _rows(written: Iterable[str], kind: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    if kind == "jsonl":
        for number, line in enumerate(written, 1):
            if not line.strip():
                continue
            try:
                told = json.loads(line) if len(line) <= LINE_MAX else None
            except ValueError:
                told = None
            yield number, told if isinstance(told, dict) else "This line is no JSON object."
        return
    rows = csv.DictReader(written)
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise NotAllowedError(
            f"The first line names the columns, and lacks {', '.join(missing)}. "
            f"It may also have {', '.join(OPTIONAL)}."
        )
    for row in rows:
        yield rows.line_num, {name: value for name, value in row.items() if name and value}


def _line(told: Mapping[str, Any]) -> tuple[Identifiers, Disclosure | None, list[str]]:
    said = {name: value.strip() for name, value in told.items() if isinstance(value, str)}
    wrong = [f"`{name}` is missing." for name in COLUMNS if not (said.get(name) or told.get(name))]
    unknown = [name for name in told if name not in COLUMNS and name not in OPTIONAL]
    wrong += [f"There is no column `{str(name)[:30]}`." for name in unknown]
    try:
        on = date.fromisoformat(said.get("on", ""))
    except ValueError:
        return (), None, [*wrong, "`on` is no day. Write it as 2026-03-05."]
    if wrong:
        return (), None, wrong
    made = Disclosure(
        recipient=said.get("recipient", ""),
        categories=_several(told.get("categories")),
        purpose=said.get("purpose", ""),
        on=on,
        evidence={name: said[name] for name in rules.WORDS if said.get(name)},
        approved_by=_several(told.get("approved_by")),
        party=said.get("party", ""),
        document=said.get("document", ""),
    )
    return ((said["kind"], said["identifier"]),), made, []


def _several(told: object) -> tuple[str, ...]:
    parts = told if isinstance(told, list) else str(told or "").replace(";", " ").split()
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
