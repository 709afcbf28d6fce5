"""Scan the sites of the settings when their time has come, beside the worker's other work.

A scan takes minutes, so it runs in a thread of its own; a lease keeps two workers from scanning
the same site at once.  One that could not be made is tried again after an hour.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from troth.errors import NotFoundError, TrothError
from troth.ledger import lease
from troth.rules.event import Event
from troth.rules.scan import held_to
from troth.rules.trace import State
from troth.work.project import Project, Scan
from troth.work.record_scan import last_scans, record
from troth.work.scan_site import Wish, scan

LOG = logging.getLogger("troth.worker")
LEASE_SECONDS = 1200
AGAIN_AFTER = timedelta(hours=1)


class Scanner:
    """What a worker remembers of its scans: the thread that is at one, and when each last failed."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._tried: dict[str, datetime] = {}

    def look(self, project: Project) -> bool:
        """Begin the first scan that is due, unless one is going on; say whether one was begun."""
        if self._thread is not None and self._thread.is_alive():
            return False
        name = next((one for one in due(project) if self._may_try(one, project.clock())), None)
        if name is None:
            return False
        self._tried[name] = project.clock()
        self._thread = threading.Thread(target=_scan_one, args=(project, name), name="scans", daemon=True)
        self._thread.start()
        return True

    def _may_try(self, name: str, now: datetime) -> bool:
        return name not in self._tried or now >= self._tried[name] + AGAIN_AFTER

    def wait(self, seconds: float) -> None:
        """Wait until the scan that goes on has ended."""
        if self._thread is not None:
            self._thread.join(seconds)


def due(project: Project) -> list[str]:
    """Return the names of the scans whose time has come, in the order of the settings."""
    scans = project.settings.scans
    if not scans:
        return []
    now = project.clock()
    made = {name: event.at for name, event in last_scans(project, by="scan").items()}
    return [name for name, one in scans.items() if name not in made or one.every.after(made[name]) <= now]


def _scan_one(project: Project, name: str) -> None:
    taken = lease.claim(project.ledger, f"scan/{name}", LEASE_SECONDS)
    if taken is None:
        return
    try:
        scan_named(project, name, project.settings.scans[name])
    except TrothError as error:
        LOG.warning("scan %s: %s", name, error)
    except Exception as error:  # a scan that fails holds up nothing else
        LOG.error("scan %s: it could not be made (%s).", name, type(error).__name__)
    finally:
        lease.release(project.ledger, taken)


def scan_named(
    project: Project,
    name: str,
    wanted: Scan,
    *,
    staff: str = "troth",
    on_visit: Callable[[State, str], object] = lambda *_: None,
) -> Event:
    """Scan one site of the settings and record it; `on_visit` is told of each visit as it ends.

    Raises NotFoundError where the policy says nothing of cookies, and what a scan raises.
    """
    expected = held_to(project.policy, project.clock())
    if expected is None:
        raise NotFoundError("The policy says nothing of cookies: there is no table to hold a site to.")
    wish = Wish(wanted.url, pages=wanted.pages, private=wanted.allow_private, pictures=True)
    report = scan(wish, expected, clock=project.clock, on_visit=on_visit)
    return record(project, report, scan=name, staff=staff)
