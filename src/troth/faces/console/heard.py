"""What stores and mail servers answered last: asked anew when a page asks for it, or beside a page when that is old."""

from __future__ import annotations

import logging
import threading
import time

from troth.work import health
from troth.work.concerns import Answers
from troth.work.project import Project

LOG = logging.getLogger("troth.console")
ASKED_AGAIN_SECONDS = 60.0
"""Stores are asked whether they answer this often at most: a page is looked at more often than a store fails."""


class Heard:
    """The last answers of one server's stores and mail; while one asks, the answers before stand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found = Answers()
        self._at = 0.0

    def ask(self, project: Project, *, anew: bool) -> Answers:
        """Return the answers, asked now where they are old or `anew` is asked for; this may take seconds."""
        if self._lock.acquire(blocking=not self._at):  # while another asks, the last answer is shown
            try:
                if anew or self._is_old():
                    self._found = Answers(health.stores(project), health.mail(project), health.inbox(project))
                    self._at = time.monotonic()
            finally:
                self._lock.release()
        return self._found

    def last(self, project: Project) -> Answers:
        """Return the last answers at once; where they are old, whoever looks next is told newer ones."""
        if self._is_old() and not self._lock.locked():
            threading.Thread(target=self._ask_beside, args=(project,), name="health", daemon=True).start()
        return self._found

    def _ask_beside(self, project: Project) -> None:
        try:
            self.ask(project, anew=False)
        except Exception as error:  # such as while the server ends: the next page asks again
            LOG.warning("health: stores and mail could not be asked (%s).", type(error).__name__)

    def _is_old(self) -> bool:
        return not self._at or time.monotonic() - self._at > ASKED_AGAIN_SECONDS
