"""Erase what legal holds had kept back, once none of them stands any more.

Danger: this destroys people's data.  What prevents loss: only claims that two people decided
and approved are carried on; each store acts in one transaction under a step name of its own;
killed, it is taken up by saying it again.

Law: GDPR Art. 17(1), (3)(e).
"""

from __future__ import annotations

from collections.abc import Callable

from troth.ledger import lease
from troth.work import erase, hold
from troth.work.project import Project

LEASE_SECONDS = 600


def release(project: Project, *, stop_at: Callable[[str], object] = lambda _: None) -> int:
    """Carry on every erasure that no hold keeps back any more; return in how many stores."""
    done = 0
    for one in hold.due(project):
        taken = lease.claim(project.ledger, f"request/{one.number}", LEASE_SECONDS)
        if taken is None:
            continue  # another worker has it
        try:
            erase.release(project, one.number, one.claim, one.store, stop_at=stop_at)
            done += 1
        finally:
            lease.release(project.ledger, taken)
    return done
