"""`troth worker`: carry requests on, as one of many processes."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import out
from troth.faces.cli.context import project


def worker(
    once: bool = typer.Option(False, "--once", help="Do one round and end."),
) -> None:
    """Carry requests on and seal the ledger, until stopped; on PostgreSQL as many at once as you like.

    On SQLite `troth serve` has its own worker, and only --once works beside it.

    Example: troth worker --once
    """
    from troth.work import announce_due, send_webhooks, tell_of_choices
    from troth.work.carry_on import one_round, work

    opened = project()
    if once:
        done = one_round(opened)
        send_webhooks.one_round(opened)
        choices = tell_of_choices.one_round(opened)
        announce_due.write_due(opened)
        out().print(
            f"Requests carried on: {done.carried}; could not be: {done.failed}; events sealed so far: {done.sealed}."
        )
        if choices.told or choices.failed or choices.staff:
            out().print(
                f"Recipients told of choices: {choices.told}; could not be: {choices.failed}; left to staff: "
                f"{choices.staff}."
            )
        return
    if opened.ledger.dialect == "sqlite":
        raise NotAllowedError(
            "This ledger is a SQLite file, which has one worker: the one inside `troth serve`. "
            "Start that, or use `troth worker --once`; for several workers move the ledger to PostgreSQL."
        )
    going = [True]

    def stop(_: int, __: FrameType | None) -> None:
        going[0] = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    out().print("Working; Ctrl-C ends it after the step in hand.")
    args = (opened, lambda: going[0])  # each apart, so that a receiver that hangs holds up no request
    threading.Thread(target=tell_of_choices.go_on, args=args, name="recipients", daemon=True).start()
    threading.Thread(target=announce_due.go_on, args=args, name="announcements", daemon=True).start()
    if opened.settings.webhooks:
        threading.Thread(target=send_webhooks.go_on, args=args, name="webhooks", daemon=True).start()
    work(opened, lambda: going[0])
