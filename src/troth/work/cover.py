"""Where a claim was looked for and how that is known, in words and with what owners handed in.

Verified: Troth looked itself.  Attested: the owner of a manual store says so.  Silent: nobody
answered, and the answer says that it is not complete.

Law: GDPR Art. 12(1), Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from troth.errors import KeyDestroyedError
from troth.law.sentence import cite
from troth.ledger import read, vault
from troth.rules import exemption, task
from troth.rules.letter import phrase
from troth.work import request_file, send_letter
from troth.work.establishment import day_here
from troth.work.project import Project


def coverage(project: Project, claim: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return each store with how it is covered (verified, attested, silent), and since when."""
    if claim["right"] == "erase":
        verified = {name: 1 for name, told in claim["stores"].items() if told.get("verified") is not None}
    else:
        verified = dict.fromkeys(project.stores, 1) if claim["package"] or claim["done"] else {}
    return task.coverage(claim, verified)


def lines(project: Project, claim: Mapping[str, Any], language: str) -> list[str]:
    """Say it in sentences, where owners were asked; a claim without tasks says it by its rows."""
    if not task.tasks(claim):
        return []
    return [
        phrase(
            f"cover_{how}", language, store=called(project, store, language),
            on=send_letter.day(on, language) if on else "",
        )
        for store, how, on in coverage(project, claim)
    ]  # fmt: skip


def left_alone(project: Project, claim: Mapping[str, Any], language: str) -> list[str]:
    """Say what owners were told to leave alone, once each."""
    said = (line for store in task.tasks(claim) for line in left_in(project, claim, store, language))
    return list(dict.fromkeys(said))


def left_in(project: Project, claim: Mapping[str, Any], store: str, language: str) -> list[str]:
    """Say what a decision leaves alone in a store that only people reach, until when and by which law."""
    today, categories = day_here(project), project.policy.categories
    said = []
    for one in exemption.from_facts(claim.get("kept") or ()):
        if one.until is None or one.until <= today or (one.what != store and one.what not in categories):
            continue
        title = None if one.what == store else categories[one.what].title
        what = title.said(language) if title else called(project, one.what, language)
        until = send_letter.day(one.until.isoformat(), language)
        said.append(
            phrase(
                "left_alone",
                language,
                what=what,
                until=until,
                law=cite(exemption.law(one.letter, today), language),
            )
        )
    return said


def called(project: Project, store: str, language: str) -> str:
    """Return what a store is called to the person."""
    described = project.manual.get(store)
    return described.said(language) if described is not None else store


def attached(
    project: Project, found: request_file.RequestFile, claim: str
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield what owners handed in for a claim, each under its place in the answer."""
    tasks = task.tasks(found.claim(claim))
    if not any(told["files"] for told in tasks.values()):
        return
    events = {
        event.id: event
        for event in read.stream(project.ledger, found.stream)
        if event.kind == "task_answered"
    }
    for store, told in sorted(tasks.items()):
        if not told["files"]:
            continue
        try:
            names = vault.payload(project.ledger, events[told["event_id"]])["names"]
        except KeyDestroyedError:
            continue
        for (kept, _, _), name in zip(told["files"], names, strict=True):
            yield f"attached/{store}/{name}", vault.get_chunks(project.ledger, str(kept))
