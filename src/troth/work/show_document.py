"""Take a document by which somebody shows who they are, let staff look at it, and let it go.

Danger: an identity document is worth stealing.  Each lies encrypted under a key of its own, which
is destroyed as soon as somebody has said what they saw, when the request ends, and after 72
hours at the latest (our own default); what stays is that one was shown, its kind and size.

Law: GDPR Art. 5(1)(c) and (e), Art. 12(6); law.md section 11, point 10.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from troth.errors import NotFoundError
from troth.ledger import append, destroy, keys, vault
from troth.rules import request, request_move_guard
from troth.rules.event import Draft, Fact
from troth.work import request_file
from troth.work.project import Project

KEPT_FOR = timedelta(hours=72)
BYTES_MAX = 10 * 2**20
WAITING_MAX = 5
TYPES = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))
"""By which bytes a file of a kind begins: what is called otherwise is not believed."""
CHUNK_BYTES = 1 << 20


def awaited(project: Project, number: str) -> bool:
    """Say whether something is awaited that a document can show."""
    state = request_file.load(project, number).state
    return request.is_open(state) and bool(request_move_guard.unanswered(state))


def take(project: Project, number: str, raw: bytes) -> str:
    """Take a document in; return its name here.  Raises NotAllowedError when it is none, or nobody asked."""
    found = request_file.load(project, number)
    ask = request_move_guard.unanswered(found.state) if request.is_open(found.state) else ""
    kind = next((name for begins, name in TYPES if raw.startswith(begins)), "")
    waiting = [one for one in (found.state.get("documents") or {}).values() if not one["gone"]]
    wrong = [] if ask else ["Nothing is awaited that a document could show."]
    if not kind or len(raw) > BYTES_MAX:
        wrong.append(f"A document is a PDF, a JPEG or a PNG of at most {BYTES_MAX >> 20} MB.")
    if len(waiting) >= WAITING_MAX:
        wrong.append(f"{WAITING_MAX} documents wait to be looked at already.")
    request_file.refuse_unless(wrong)
    name = f"d{secrets.token_hex(4)}"
    kept = vault.put_chunks(
        project.ledger, str(found.state["subject"]), _file(number, name), "document", _chunks(raw)
    )
    facts: dict[str, Fact] = {
        "document": name, "ask": ask, "type": kind, "bytes": len(raw), "kept_under": kept,
        "until": (project.clock() + KEPT_FOR).isoformat(),
    }  # fmt: skip
    draft = Draft("document_shown", found.stream, facts, **request_file.about(found), actor="requester")
    try:
        append.append(project.ledger, [draft], expect={found.stream: found.version})
    except BaseException:  # what no event names would lie there for ever
        destroy.destroy(
            project.ledger, str(found.state["subject"]), _file(number, name), "document: not taken"
        )
        vault.drop(project.ledger, kept)
        raise
    return name


def look(project: Project, number: str, staff: str, name: str = "") -> tuple[str, bytes]:
    """Give a document (the last one where none is named) to a member of staff; that they looked is recorded first.

    Returns its type and its bytes.
    """
    found = request_file.load(project, number)
    waiting = {key: one for key, one in (found.state.get("documents") or {}).items() if not one["gone"]}
    if not waiting or (name and name not in waiting):
        known = ", ".join(waiting) or "none"
        raise NotFoundError(f"No document {name[:20]!r} is there in {number}. There are: {known}.")
    told = waiting[name or list(waiting)[-1]]
    request_file.record_reading(project, number, staff, "document")
    return str(told["type"]), b"".join(vault.get_chunks(project.ledger, str(told["kept_under"])))


def let_go(project: Project, number: str, because: str = "") -> None:
    """Destroy the documents of a request that are no longer needed, or all of them `because` they were checked."""
    found = request_file.load(project, number)
    if not request.is_open(found.state):  # while it is open, somebody may be handing one in at this moment
        _sweep_up(project, number, found.state)
    for name, told in (found.state.get("documents") or {}).items():
        if told["gone"]:
            continue
        why = because
        if not request.is_open(found.state):
            why = why or "ended"
        elif found.state["asks"][told["ask"]]["answered"]:
            why = why or "checked"
        elif project.clock() >= datetime.fromisoformat(told["until"]):
            why = why or "time"
        if not why:
            continue
        destroy.destroy(project.ledger, str(found.state["subject"]), _file(number, name), f"document: {why}")
        vault.drop(project.ledger, str(told["kept_under"]))
        draft = Draft(
            "document_gone", found.stream, {"document": name, "because": why}, **request_file.about(found)
        )
        append.append(project.ledger, [draft], once=f"document {number} {name} gone")


def _sweep_up(project: Project, number: str, state: Mapping[str, Any]) -> None:
    """Destroy documents that no event names: whoever took them in was stopped before saying so."""
    named = {_file(number, name) for name in state.get("documents") or {}}
    for file in keys.files_of(project.ledger, str(state["subject"]), f"document/{number}/"):
        if file not in named:
            destroy.destroy(project.ledger, str(state["subject"]), file, "document: not taken")
            vault.drop_file(project.ledger, str(state["subject"]), file)


def _file(number: str, name: str) -> str:
    return f"document/{number}/{name}"


def _chunks(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), CHUNK_BYTES):
        yield raw[start : start + CHUNK_BYTES]
