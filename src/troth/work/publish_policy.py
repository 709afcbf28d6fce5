"""Put a version of the policy in force: nothing wrong with it, and one event that says so and keeps its text.

Publishing the same version again writes nothing.  Between the event and the lock file a
crash does no harm: the next run finds the event and writes the file.

Law: GDPR Arts. 5(2), 12(1), 13, 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import Problem, WrongFileError
from troth.ledger.append import append
from troth.ledger.read import stream
from troth.ledger.schema import Ledger
from troth.policy import publishing
from troth.policy.check import check
from troth.policy.policy import Policy
from troth.rules.event import Draft, Event

STREAM = "policy/main"


@dataclass(frozen=True, slots=True)
class Published:
    """The event, and what `policy.lock` is to hold from now on."""

    event: Event
    lock: publishing.Lock
    changed: tuple[str, ...]


def publish_policy(
    ledger: Ledger, policy: Policy, last: publishing.Lock | None, today: date, actor: str = "troth"
) -> Published:
    """Publish; raises WrongFileError with every reason why not.

    `last` is the lock of the version published before, None at first.
    """
    refuse_wrong(ledger, policy, last, today)
    now = publishing.lock(policy)
    changed = publishing.changed_promises(policy, last)
    draft = Draft(
        kind="policy_published",
        stream=STREAM,
        facts={
            "version": now.version,
            "sha256": dict(now.sha256),
            "effective": now.effective,
            "promises_changed": list(changed),
        },
        actor=actor,
        policy=now.version,
        payload={"files": {name: text for name, text in policy.files.items() if name.endswith(".md")}},
    )
    (event,) = append(ledger, [draft], once=f"policy_published/{now.version}")
    return Published(event, now, changed)


_TOLD_BY_PUBLISHING = {"P03"}
"""Rules whose findings `publishing.problems` tells too, with the place in the register, and that nobody can silence."""


def refuse_wrong(ledger: Ledger, policy: Policy, last: publishing.Lock | None, today: date) -> None:
    """Raise WrongFileError with every reason why this version cannot be published; nothing is written."""
    wrong = {
        *publishing.problems(policy, last),
        *_published_otherwise(ledger, policy, publishing.lock(policy)),
        *_findings(policy, today),
    }
    if wrong:
        raise WrongFileError(sorted(wrong))


def _published_otherwise(ledger: Ledger, policy: Policy, now: publishing.Lock) -> list[Problem]:
    """Find the version in the ledger with another text, whatever became of the lock file."""
    return [
        publishing.published_already(policy)
        for event in stream(ledger, STREAM)
        if event.facts["version"] == now.version and event.facts["sha256"] != now.sha256
    ]


def _findings(policy: Policy, today: date) -> list[Problem]:
    """Return the errors of `check` in every language, as problems."""
    return [
        Problem(
            document.file, finding.line, finding.column, f"{finding.rule}: {finding.message}", finding.remedy
        )
        for document in policy.documents.values()
        for finding in check(document.text, document.file, today=today, policy=policy)
        if finding.severity == "error" and finding.rule not in _TOLD_BY_PUBLISHING
    ]
