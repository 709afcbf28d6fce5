"""A sweep whose process was killed, and the project that goes on with it."""

import os
import signal

from sqlalchemy import text

from shop_project import opened
from troth.work import sweep


def killed(folder, clock, point):
    """Let another process act, three rows at a time, and die at a point."""
    child = os.fork()
    if child == 0:

        def passed(name):
            if name == point:
                os.kill(os.getpid(), signal.SIGKILL)

        list(sweep.act(opened(folder, clock), batch_rows=3, stop_at=passed))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def after(folder, clock):
    """Open the project once the dead one's lease has run out."""
    again = opened(folder, clock)
    with again.ledger.writing() as connection:
        connection.execute(text("UPDATE leases SET until = 0"))
    return again
