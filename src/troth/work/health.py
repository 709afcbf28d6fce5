"""Whether what Troth stands on answers: the ledger and its worker, the mail, and each store.

Nothing is changed, and no row of anybody is read: of a store its catalogue is asked for.

Law: GDPR Art. 32(1)(b).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from troth.errors import TrothError
from troth.ledger import read
from troth.rules.catalogue import sha256
from troth.work.project import Project

SECONDS_MAX = 3.0
"""How long a store or a mail server may take before it counts as one that does not answer."""
WAITS_SECONDS = 60.0
"""An event that is sealed by nobody for so long waits for a worker that does not come: it seals each second."""
State = Literal["answers", "late", "away", "unset"]


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Whether a store answers, how fast, and whether its catalogue is the one its map was reviewed against."""

    name: str
    kind: str
    state: State
    milliseconds: int
    tables: int
    drifted: bool | None  # None where nobody reviewed the map, or the store does not answer


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """How many events there are, how many wait to be sealed and for how long, and when the last checkpoint was."""

    events: int
    unsealed: int
    unsealed_seconds: float
    checkpoint: int
    checkpoint_at: datetime | None

    @property
    def worker_comes(self) -> bool:
        """Say whether a worker seals: none does while an event waits for a minute."""
        return self.unsealed_seconds < WAITS_SECONDS


def ledger(project: Project) -> LedgerHealth:
    """Look at the ledger, without going through it."""
    found = read.sealing(project.ledger)
    return LedgerHealth(
        found.events, found.unsealed, found.oldest_seconds, found.checkpoint, found.checkpoint_at
    )


def stores(project: Project, seconds: float = SECONDS_MAX) -> tuple[StoreHealth, ...]:
    """Ask every store for its catalogue, all at once; whoever does not answer in time is said to be away."""
    names = sorted(project.maps)
    if not names:
        return ()
    pool = ThreadPoolExecutor(max_workers=min(8, len(names)), thread_name_prefix="health")
    asked: Mapping[str, Future[StoreHealth]] = {name: pool.submit(_store, project, name) for name in names}
    wait(asked.values(), timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return tuple(
        found.result() if found.done() and not found.cancelled() else _away(project, name)
        for name, found in asked.items()
    )


def _store(project: Project, name: str) -> StoreHealth:
    mapped, began = project.maps[name], time.monotonic()
    try:
        catalogue = project.stores[name].catalogue()
    except TrothError:
        return _away(project, name)
    except Exception:  # a driver's own error: its text may name what nobody should read
        return _away(project, name)
    took = int((time.monotonic() - began) * 1000)
    drifted = None
    if mapped.reviewed is not None and mapped.reviewed.catalogue_sha256:
        written = mapped.reviewed.catalogue_sha256.removeprefix("sha256:")
        drifted = not sha256(catalogue).startswith(written)
    state: State = "late" if took > 1000 else "answers"
    return StoreHealth(name, mapped.kind, state, took, len(catalogue.tables), drifted)


def _away(project: Project, name: str) -> StoreHealth:
    return StoreHealth(name, project.maps[name].kind, "away", 0, 0, None)


def mail(project: Project) -> State:
    """Say whether letters can leave: the folder can be written to, or the server listens."""
    return _listens(project, project.settings.mail_to)


def inbox(project: Project) -> State:
    """Say whether mail can be fetched: the folder is there, or the server listens."""
    return _listens(project, project.settings.mail_inbox) if project.settings.mail_inbox else "unset"


def _listens(project: Project, address: str) -> State:
    if address.startswith("folder:"):
        folder = project.settings.folder / Path(address.removeprefix("folder:"))
        nearest = next((one for one in (folder, *folder.parents) if one.exists()), folder)
        return "answers" if nearest.is_dir() else "away"
    parts = urlsplit(address)
    port = parts.port or {"smtp": 25, "smtps": 465, "imaps": 993}.get(parts.scheme, 25)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=SECONDS_MAX):
            return "answers"
    except OSError:
        return "away"
