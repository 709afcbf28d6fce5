"""Publishing one version of a project after another, by its files."""

import re

from shop_project import opened
from troth.policy import publishing
from troth.work.establishment import day_here
from troth.work.publish_policy import publish_policy
from troth.work.record_register import record_register

SHORTER = (
    "policy.md",
    'period: 3 years\n    trigger: {en: "your last sign',
    'period: 1 year\n    trigger: {en: "your last sign',
)
"""The newsletter's retention, from three years to one."""


def write_next(folder, version, effective, *changes):
    """Write the next version into the files: its number, its day, and (file, before, after) as told."""
    for name in ("policy.md", "policy.fr.md"):
        path = folder / name
        text = path.read_text("utf-8")
        text, times = re.subn(
            r"version: [\d.]+\ndate: [\d-]+", f"version: {version}\ndate: {effective}", text, count=1
        )
        assert times == 1 or name != "policy.md"
        for file, before, after in changes:
            if file == name:
                assert before in text, before
                text = text.replace(before, after)
        path.write_text(text, "utf-8")


def publish(made):
    """Publish the files of a project as they stand, as `troth publish` does."""
    path = made.settings.folder / publishing.LOCK
    last = publishing.read_lock(path.read_text("utf-8"))[0] if path.exists() else None
    published = publish_policy(made.ledger, made.written, last, day_here(made))
    path.write_text(publishing.write_lock(published.lock), "utf-8")
    record_register(made)
    return published.event


def pending(folder, clock, *changes):
    """Publish the files as they stand, and a version of 5 January with these changes; return the project of both."""
    publish(opened(folder, clock))
    write_next(folder, "0.2.0", "2027-01-05", *changes)
    made = opened(folder, clock)
    publish(made)
    return made
