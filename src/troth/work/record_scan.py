"""Record a scan: its report as a file of evidence, its counts and the hash of that file in the ledger.

The file is there before the event, under the hash that the event names, so a scan that was cut
short leaves at most a file that nothing refers to.

Law: GDPR Art. 5(2), accountability.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from troth.errors import NotFoundError
from troth.ledger import append, read
from troth.rules.event import Draft, Event
from troth.rules.scan import counts
from troth.rules.scan_report import Report, of_states, written
from troth.rules.trace import host_of
from troth.work.project import Project

FOLDER = Path(".troth") / "scans"
SMALL = "small"
"""Where the thumbnails of the pictures of a scan lie, beside them."""


def record(project: Project, report: Report, *, scan: str = "", staff: str = "troth") -> Event:
    """Write the evidence, and one event about the site; `scan` is its name in the settings, if it has one."""
    evidence, site = written(report), host_of(report.pages[0]) if report.pages else report.site
    digest = sha256(evidence).hexdigest()
    folder = project.settings.folder / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(folder / f"{digest}.json", evidence)
    shown = {trace.picture for one in report.findings for trace in one.evidence}
    shown |= set(of_states(report).values())
    for beside, kept in ((folder / digest, report.pictures), (folder / digest / SMALL, report.thumbnails)):
        for name in sorted(one for one in shown & kept.keys() if kept[one]):
            beside.mkdir(mode=0o700, parents=True, exist_ok=True)
            _put(beside / name, kept[name])
    draft = Draft(
        "site_scanned",
        f"site/{site}",
        {
            "site": site,
            "table_sha256": report.table_sha256,
            "verdicts": counts(report.findings),
            "evidence_sha256": digest,
            "complete": report.complete,
            "pages": len(report.pages),
            "scan": scan or None,
        },
        actor=staff,
        policy=project.policy.version or None,
    )
    return append.append(project.ledger, [draft])[0]


def _put(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = file.with_suffix(f".{os.getpid()}.new")
    beside.write_bytes(content)
    beside.replace(file)


def evidence_of(project: Project, event: Event) -> dict[str, Any] | None:
    """Return the report that an event names; None where it is gone or is not what it was."""
    digest = str(event.facts["evidence_sha256"])
    file = project.settings.folder / FOLDER / f"{digest}.json"
    if not file.is_file():
        return None
    found = file.read_bytes()
    if sha256(found).hexdigest() != digest:
        return None
    report: dict[str, Any] = json.loads(found)
    return report


def picture(project: Project, event: Event, name: str, *, small: bool = False) -> bytes | None:
    """Return a picture that the evidence of a scan names; None for any other name, or where it is gone.

    A small one is the picture itself where the scan made no thumbnail of it.
    """
    report = evidence_of(project, event)
    named = {
        trace["picture"] for one in (report["findings"] if report else ()) for trace in one["evidence"]
    } - {""}
    named |= set(report.get("pictures", {}).values()) if report else set()
    if name not in named:
        return None
    folder = project.settings.folder / FOLDER / str(event.facts["evidence_sha256"])
    files = [folder / SMALL / name, folder / name] if small else [folder / name]
    return next((file.read_bytes() for file in files if file.is_file()), None)


def scan(project: Project, event_id: str) -> Event:
    """Return the event of a scan; raises NotFoundError where there is none of that id."""
    event = read.event(project.ledger, event_id)
    if event.kind != "site_scanned":
        raise NotFoundError(f"The event {event_id[:40]!r} is no scan.")
    return event


def every(project: Project) -> tuple[Event, ...]:
    """Return every scan that was made, the last first."""
    return tuple(reversed(tuple(read.events(project.ledger, kind="site_scanned"))))


def before(project: Project, event: Event) -> Event | None:
    """Return the scan of the same site before one; None for the first."""
    return next(
        (one for one in reversed(read.stream(project.ledger, event.stream)) if one.version < event.version),
        None,
    )


def last_scans(project: Project, by: str = "site") -> dict[str, Event]:
    """Return the last scan of each site, or of each `scan` of the settings."""
    events = sorted(read.events(project.ledger, kind="site_scanned"), key=lambda one: one.at)
    return {str(event.facts[by]): event for event in events if event.facts.get(by)}
