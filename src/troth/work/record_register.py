"""Record the register and the maps as they stand, whenever they differ from what was recorded last.

What is processed may change without a word of the policy changing; a register as of a day is
drawn from what was recorded then.

Law: GDPR Art. 5(2), Art. 30(4).
"""

from __future__ import annotations

import json
from hashlib import sha256

from troth.ledger import append, read
from troth.rules.event import Draft, Event, Fact
from troth.work.project import Project

STREAM = "register/main"


def record_register(project: Project, actor: str = "troth") -> Event | None:
    """Record the files of the register and the maps; None where the last record says the same."""
    files = {name: text for name, text in project.policy.files.items() if name.startswith("register/")}
    files |= {f"stores/{name}.yaml": found.written for name, found in project.maps.items()}
    digest = sha256(
        json.dumps(sorted(files.items()), ensure_ascii=False).encode("utf-8", "replace")
    ).hexdigest()
    recorded = read.stream(project.ledger, STREAM)
    if recorded and recorded[-1].facts["sha256"] == digest:
        return None
    facts: dict[str, Fact] = {"sha256": digest, "files": len(files)}
    draft = Draft(
        "register_recorded", STREAM, facts, actor=actor, policy=project.policy.version or None,
        payload={"files": files},
    )  # fmt: skip
    return append.append(project.ledger, [draft], expect={STREAM: len(recorded)})[0]
