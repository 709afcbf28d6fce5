"""What a worker does now and then beside the requests: audit, remind, fetch mail, scan, destroy what is over.

Each is done when its time has come and is safe to say twice; what one of them meets holds up no other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from troth.errors import TrothError
from troth.work import audit_trend, destroy_proof, destroy_records, remind, sign_in, take_mail
from troth.work.project import Project
from troth.work.scan_due import Scanner

LOG = logging.getLogger("troth.worker")
REMIND_SECONDS = 300.0
LOOK_SECONDS = 60.0
DESTROY_SECONDS = 6 * 3600.0
DAY_SECONDS = 24 * 3600.0


class KeepTime:
    """Remembers when each was done last in this process."""

    def __init__(self, project: Project) -> None:
        scanner = Scanner()
        self._every: dict[float, tuple[Callable[[], object], ...]] = {
            LOOK_SECONDS: (lambda: take_mail.fetch(project), lambda: scanner.look(project)),
            REMIND_SECONDS: (lambda: audit_trend.nightly(project), lambda: remind.remind(project)),
            DESTROY_SECONDS: (
                lambda: destroy_proof.destroy_due(project),
                lambda: destroy_records.destroy_due(project),
            ),
            DAY_SECONDS: (lambda: sign_in.forget_old(project),),
        }
        self._done: dict[float, float] = {}

    def look(self) -> None:
        """Do whatever it is time for."""
        for seconds, works in self._every.items():
            if time.monotonic() - self._done.get(seconds, float("-inf")) <= seconds:
                continue
            self._done[seconds] = time.monotonic()
            for work in works:
                try:
                    work()
                except TrothError as error:
                    LOG.error("%s", error)
