"""Declare that a company has no earlier refusals for a channel, or note that it imported them.

Law: GDPR Art. 21(3), Art. 5(2).
"""

from __future__ import annotations

from troth.errors import NotAllowedError
from troth.ledger import append, read
from troth.rules import purpose_scope, refusal
from troth.rules.consent import CHANNELS, EVERY
from troth.rules.event import Draft, Event, Fact
from troth.work.project import Project


def declare_refusals(
    project: Project,
    controller: str,
    channel: str,
    *,
    staff: str,
    how: str = "none_exist",
    source: str = "",
    rows: int | None = None,
    sha256: str = "",
) -> Event:
    """Record how the refusal list of a company and channel is known; the same file is noted once."""
    checked(project, controller, channel, staff)
    facts: dict[str, Fact] = {"controller": controller, "channel": channel, "how": how, "staff": staff}
    more: dict[str, Fact] = {"source": source or None, "rows": rows, "sha256": sha256 or None}
    facts |= {name: value for name, value in more.items() if value is not None}
    draft = Draft("refusals_known", refusal.stream(controller), facts, entity=controller, actor=staff)
    once = f"refusals {controller} {channel} {how} {sha256}"
    return append.append(project.ledger, [draft], once=once)[0]


def checked(project: Project, controller: str, channel: str, staff: str) -> None:
    """See that it is a company and a channel of the policy, and that somebody says so; raises NotAllowedError."""
    wrong = []
    if controller not in purpose_scope.entities(project.policy):
        wrong.append(f"The policy has no company {controller[:40]!r}.")
    if channel not in {EVERY, *CHANNELS}:
        wrong.append(f"There is no channel {channel[:20]!r}. There are: {', '.join(CHANNELS)}.")
    if not staff.strip():
        wrong.append("Somebody declares it: say who, with --staff.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))


def known(project: Project) -> frozenset[tuple[str, str]]:
    """Return each (company, channel) whose earlier refusals are known."""
    return refusal.known((one.stream, one.body) for one in read.states(project.ledger, refusal.FAMILY))
