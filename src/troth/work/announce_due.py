"""Write to people of a coming version when it is time, by the worker: on the day that was set for it.

The day is set once, at publishing or later, and by nobody else than staff; from then on the worker writes
until everybody was written to, as `announce_change` does: each address once, killed or not.

Law: GDPR Arts. 5(1)(a), 12(1), 13(3).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from troth.errors import NotAllowedError, TrothError
from troth.ledger import append, lease, read
from troth.rules import announcement
from troth.rules.event import Draft, Event
from troth.work import policy_as_of, send_letter
from troth.work.addresses import unreadable
from troth.work.announce_change import (
    LEASE_SECONDS,
    PER_MINUTE,
    WRITING,
    announceable,
    known_by,
    unread_stores,
    write_to_all,
)
from troth.work.establishment import day_here
from troth.work.project import Project

LOG = logging.getLogger("troth.announcements")
IDLE_SECONDS = 30.0
STEP_SECONDS = 0.5
WAIT_MAX = timedelta(hours=1)
"""How long a run that could not be ended waits at most, as the days left are few: our own default."""


class _EndingError(Exception):
    """The process ends: the letters that are left go out once another runs."""


@dataclass(slots=True)
class Waits:
    """Which scheduled announcements could not be ended, how often, and when each is tried again.

    Kept by the process: another that starts tries at once.
    """

    _tried: dict[tuple[str, ...], tuple[int, datetime]] = field(default_factory=dict)

    def over(self, one: Mapping[str, Any], now: datetime) -> bool:
        """Say whether an announcement may be tried; one that was scheduled anew may."""
        _, until = self._tried.get(_planned(one), (0, now))
        return now >= until

    def add(self, one: Mapping[str, Any], now: datetime) -> None:
        """Wait after a run that left somebody unwritten to: twice as long each time, up to `WAIT_MAX`."""
        times = self._tried.get(_planned(one), (0, now))[0] + 1
        self._tried[_planned(one)] = (times, min(send_letter.again_at(now, times), now + WAIT_MAX))


def _planned(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(one["version"]), str(one["due"]), str(one["per_minute"]), *one["left_out"])


def schedule(
    project: Project,
    on: date,
    version: str = "",
    *,
    staff: str,
    left_out: Collection[str] = (),
    per_minute: int = PER_MINUTE,
) -> Event:
    """Set the day from which the worker writes to people; said again, the later word counts.

    Raises NotAllowedError for a day that is past, or later than was promised, where e-mail was not promised, and
    where a store cannot be read whole whose people nobody said are reached otherwise, and where everybody was
    written to already.
    """
    found = announceable(project, version)
    promised = found.before.change
    last = announcement.last_day(promised, found.effective) or found.effective
    unread = unread_stores(project, left_out)
    wrong = []
    if promised is None or "email" not in promised.announced_by:
        wrong.append(
            f"Nobody was promised an e-mail about version {found.version}: the version before names other ways."
        )
    if (told := known_by(project, found).get("email")) is not None:
        wrong.append(
            f"Everybody was written to of version {found.version}: it stands in the record, of {told}."
        )
    if on < day_here(project):
        wrong.append(f"{on} is past.")
    if on > last:
        wrong.append(f"{on} is too late: by {last} people must know, as the version before promised.")
    if per_minute < 1:
        wrong.append("At least one letter a minute: --per-minute 60.")
    if unread:
        wrong.append(
            f"Nobody can look up whom {', '.join(unread)} names. Reach them otherwise, and say "
            "--left-out with the name of each."
        )
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    draft = Draft(
        "change_announced", announcement.stream(found.version),
        {"version": found.version, "way": "email", "on": on.isoformat(), "scheduled": True,
         "per_minute": per_minute, "left_out": sorted(set(left_out))},
        actor=staff, policy=found.version,
    )  # fmt: skip
    return append.append(project.ledger, [draft])[0]


def due(project: Project) -> Iterator[Mapping[str, Any]]:
    """Yield the announcements that are to be written now; none of a version that another has replaced."""
    today = day_here(project)
    states = [
        one.body
        for one in read.states(project.ledger, announcement.FAMILY, status="scheduled")
        if one.due is not None and one.due <= today.isoformat()
    ]
    if not states:
        return
    standing = {one.version for one in policy_as_of.versions(project) if not one.is_over(today)}
    yield from (one for one in states if one["version"] in standing)


def write_due(
    project: Project,
    *,
    wait: Callable[[float], object] = time.sleep,
    stop_at: Callable[[str], object] = lambda _: None,
    lease_seconds: float = LEASE_SECONDS,
    waits: Waits | None = None,
) -> int:
    """Write to whoever is to be written to now; return how many letters went out.

    The stores are those of the maps as they stand now, and of those left out at scheduling only what still cannot
    be read: whoever can be written to by now is.  What another run is writing is left to it; what was not ended
    is tried again once `waits` says so.
    """
    out, waits = 0, waits or Waits()
    for one in due(project):
        if not waits.over(one, project.clock()) or lease.goes_on(project.ledger, WRITING):
            continue
        ended = False
        try:
            with closing(project.with_maps_of_now()) as anew:
                blind = unreadable(anew)
                told = write_to_all(
                    anew, str(one["version"]), per_minute=int(one["per_minute"]), wait=wait, stop_at=stop_at,
                    left_out=[name for name in one["left_out"] if name in blind], lease_seconds=lease_seconds,
                )  # fmt: skip
        except TrothError as error:
            LOG.warning("%s", error)
        else:
            out, ended = out + told.sent, told.done
            if told.unread:
                LOG.warning(
                    "Version %s is not announced to everybody: nobody can look up whom %s names. Reach them "
                    "otherwise, and schedule it again with --left-out and the name of each.",
                    one["version"], ", ".join(told.unread),
                )  # fmt: skip
        if not ended:
            waits.add(one, project.clock())
    return out


def go_on(project: Project, going: Callable[[], bool]) -> None:
    """Write whenever it is time while `going` says so; what fails is logged without what was sent."""

    def wait(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not going():
                raise _EndingError
            time.sleep(min(STEP_SECONDS, left))

    waits = Waits()
    while going():
        try:
            write_due(project, wait=wait, waits=waits)
            wait(IDLE_SECONDS)
        except _EndingError:
            return
        except Exception as error:  # what failed must not end all that comes after it
            LOG.error(
                "Writing about a change failed: %s",
                error if isinstance(error, TrothError) else type(error).__name__,
            )
            time.sleep(STEP_SECONDS)
