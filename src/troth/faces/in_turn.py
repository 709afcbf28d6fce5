"""Forms about one thing that come at once are done one after the other: the second finds what the first did.

The turn is a lease of the ledger, so that it holds between several servers, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from troth.errors import ConflictError
from troth.ledger import lease
from troth.work.project import Project

HELD_SECONDS = 120
"""What a server that was killed in the middle of a form leaves behind ends after this long."""
TRIES = 200
WAIT_SECONDS = 0.1


@contextmanager
def in_turn(project: Project, what: str) -> Iterator[None]:
    """Wait until no other form about `what` is being done; raises ConflictError where that takes too long."""
    name = f"form/{what}"
    for _ in range(TRIES):
        taken = lease.claim(project.ledger, name, HELD_SECONDS)
        if taken is not None:
            break
        time.sleep(WAIT_SECONDS)
    else:
        raise ConflictError(
            "Another form about this is being done at this moment. Wait a minute, and send yours again."
        )
    try:
        yield
    finally:
        lease.release(project.ledger, taken)
