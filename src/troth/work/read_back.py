"""Read back, from the stores, the erasures that a restored ledger has forgotten.

A store remembers each step that changed it.  A ledger restored from a backup does not know
the steps since then: they are recorded anew, by name, rows and grade, in the stream
`forgotten/STORE`.  Whom they erased is in no store; the letters and the mail say it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from troth.ledger import append, read
from troth.rules.event import Draft, Fact
from troth.stores.contract import Acted, replaying
from troth.work import plan_erasure
from troth.work.project import Project

CLAIM = "forgotten"
_OURS = re.compile(r"(?:(?P<number>[0-9]{4}-[0-9]+)/[^/]+|replay/[0-9a-f]+)/.+")
"""The steps that a ledger records; those of `troth act` it never knew."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A step that a store remembers and the ledger does not, and the request it was for."""

    store: str
    step: str
    request: str | None
    acted: Acted


def read_back(project: Project) -> tuple[Forgotten, ...]:
    """Find every step the ledger has forgotten and record it; saying it again records no more."""
    known = {
        str(event.facts["step"])
        for kind in ("act_begun", "act_ended")
        for event in read.events(project.ledger, kind=kind)
    }
    found = []
    for name, store in sorted(project.stores.items()):
        opened = replaying(store)
        if opened is None:
            continue
        for acted in opened.steps():
            match = _OURS.fullmatch(acted.step)
            if match is None or acted.step in known:
                continue
            found.append(Forgotten(name, acted.step, match["number"], acted))
            facts: dict[str, Fact] = {
                "step": acted.step,
                "claim": CLAIM,
                "store": name,
                "outcome": "committed",
                "rows": plan_erasure.counts_facts(acted.counts),
                "certainty": acted.certainty,
                "grade": acted.grade,
                "expires": acted.expires.isoformat() if acted.expires else None,
                "resumed": True,
            }
            draft = Draft("act_ended", f"{CLAIM}/{name}", facts)
            append.append(project.ledger, [draft], once=f"forgotten {name} {acted.step}")
    return tuple(found)
