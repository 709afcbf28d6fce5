"""Mend what breaks the promise about cookies and needs nobody's decision: periods over a limit, an idle gate.

A declared period is brought under its limit in the table, and the gate in front of the project's own
site is told to act.  What a site does behind neither is for its makers.

Law: ePrivacy Directive Art. 5(3); CNIL, délibération 2020-091 Art. 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.errors import NotAllowedError
from troth.policy.promise import Cookies
from troth.policy.rewriting import rewritten
from troth.rules import remedy
from troth.work.project import Project
from troth.work.write_whole import write_whole

ACTS = (("gate", "enforce"), ("unknown", "drop"))
"""How the gate keeps a site to its table: what came too soon, or is declared by nobody, does not pass."""


def mend_table(project: Project) -> tuple[str, str] | None:
    """Bring the first declared period that is over a limit under it; return its path and what it is now.

    One at a time: the policy must be read again before the next.  None where nothing is over a limit.
    """
    every = (one for one in project.written.promises.values() if isinstance(one, Cookies))
    promise = next((one for one in every if "table" in one.said), None)
    found = next(remedy.shortened(promise), None) if promise is not None else None
    if promise is None or found is None:
        return None
    file, text = rewritten(project.written, promise.id, *found)
    write_whole(project.settings.folder / file, text)
    return found


def mend_gate(project: Project) -> Iterator[str]:
    """Let the gate of the project's own site act, and yield each setting that changed."""
    site = project.settings.site
    if site is None:
        return
    file = project.settings.folder / "troth.toml"
    for name, value in ACTS:
        if getattr(site, name) != value:
            write_whole(file, _set(file.read_text(encoding="utf-8"), name, value))
            yield f'{name} = "{value}"'


def _set(text: str, name: str, value: str) -> str:
    before, section, rest = text.partition("[site]\n")
    if not section:
        raise NotAllowedError(
            f'Write {name} = "{value}" under [site] in troth.toml: it is not written as `[site]` there.'
        )
    inside, following, after = _until_next(rest)
    line = f'{name} = "{value}"'
    changed, times = re.subn(rf"(?m)^{name}\s*=.*$", line, inside)
    return before + section + (changed if times else f"{line}\n{inside}") + following + after


def _until_next(text: str) -> tuple[str, str, str]:
    """Split a text before the next section."""
    found = re.search(r"(?m)^\[", text)
    return (text, "", "") if found is None else (text[: found.start()], text[found.start() :], "")
