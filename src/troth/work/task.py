"""Ask the owners of manual stores, remind them, and record what they attest.

An owner answers by the private page of their task, whose address works once, or through
staff.  What they upload goes encrypted into the vault and into the answer to the person.

Law: GDPR Art. 12(3), Art. 5(2).
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from troth.errors import NotFoundError
from troth.ledger import append, keys, read, vault
from troth.ledger.lease import Lease
from troth.outside.mail import Letter
from troth.rules import letter, request, task
from troth.rules.claim import WAYS
from troth.rules.event import Draft, Fact
from troth.rules.letter import has_phrase, phrase
from troth.rules.task import Manual
from troth.work import build_package, cover, request_file, send_letter
from troth.work.project import Project

FILES_MAX = 10
BYTES_MAX = 20 * 1024 * 1024
NOTE_MAX = 10_000
NAME_MAX = 200
CHUNK_BYTES = 1 << 20
LINK_BYTES = 15
OWNER = "owner"
"""How whoever holds the link of a task stands in the record: nobody of the staff has this handle."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an owner hands in, under the name it had with them."""

    name: str = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it stands: for which claim of which request, in which store."""

    id: str
    number: str
    claim: str
    right: str
    store: str
    told: Mapping[str, Any]


def give(project: Project, number: str, claim: str, *, lease: Lease | None = None) -> int:
    """Open the tasks of a granted claim, one for each manual store its right concerns; return how many are new."""
    found = request_file.load(project, number)
    told, today = found.claim(claim), request_file.today(project, found)
    new = 0
    if found.state.get("instruction"):
        return 0  # what only people reach is our own
    for store, described in sorted(project.manual.items()):
        if told["right"] not in described.rights or store in task.tasks(told) or told["done"]:
            continue
        safe = found.state["safe_due"] or found.state["received"]
        due = task.due_on(date.fromisoformat(safe), described.before_days, today)
        ident = f"{number}.{claim}.{store}"
        facts: dict[str, Fact] = {"task": ident, "claim": claim, "store": store, "right": str(told["right"]),
                                  "due": due.isoformat()}  # fmt: skip
        draft = Draft("task_opened", found.stream, facts, **request_file.about(found))
        append.append(project.ledger, [draft], once=f"task {ident}", lease=lease)
        new += 1
    return new


def open_in(project: Project, number: str, claim: str) -> bool:
    """Tell whether a task of a claim is open still."""
    return bool(task.waiting(request_file.load(project, number).claim(claim)))


def tasks(project: Project, *, every: bool = False) -> Iterator[Task]:
    """Yield the open tasks (or every one) of requests that have not closed, the most urgent request first."""
    for found in read.states(project.ledger, "request", other_than="closed"):
        for claim, told in found.body["claims"].items():
            for store, one in task.tasks(told).items():
                if every or one["state"] == "open":
                    number = found.stream.partition("/")[2]
                    yield Task(str(one["task"]), number, claim, str(told["right"]), store, one)


def by_id(project: Project, ident: str) -> Task:
    """Return a task; raises NotFoundError where there is none of that name."""
    number, _, rest = ident.partition(".")
    claim, _, store = rest.partition(".")
    missing = NotFoundError(f"There is no task {ident[:60]!r}. `troth task list` shows them.")
    try:
        found = request_file.load(project, number)
        told = found.state["claims"][claim]
        return Task(ident, number, claim, str(told["right"]), store, task.tasks(told)[store])
    except (NotFoundError, KeyError):
        raise missing from None


# The link


def token(project: Project, ident: str) -> str:
    """Return the part of a task's address that nobody can guess."""
    _, secret = keys.own_key(project.ledger, "links")
    mac = hmac.digest(secret, f"task {ident}".encode(), "sha256")[:LINK_BYTES]
    return f"{ident}~{base64.b32encode(mac).decode().lower()}"


def given_out(project: Project, given: str) -> str:
    """Return the id of the task whose address was given to its owner; raises NotFoundError for another address."""
    ident, _, _ = given.rpartition("~")
    if not ident or not hmac.compare_digest(token(project, ident).encode(), given.encode()):
        raise NotFoundError("There is no such page.")
    return ident


def by_token(project: Project, given: str) -> Task:
    """Return the open task an address is for; raises NotFoundError once it was answered."""
    found = by_id(project, given_out(project, given))
    if found.told["state"] != "open" or not request.is_open(request_file.load(project, found.number).state):
        raise NotFoundError("This task was answered already, or its request has ended.")
    return found


def who(project: Project, one: Task) -> Sequence[str]:
    """Return what the person goes by, for the owner who looks for them."""
    asked = request_file.requester(project, one.number)
    named = request_file.who(project, request_file.load(project, one.number)).identifiers
    values = [str((asked.get("for") or asked).get("name") or ""), *(value for _, value in named)]
    return tuple(dict.fromkeys(value for value in values if value))


def described(project: Project, one: Task) -> Manual:
    """Return the store of a task as its map describes it."""
    try:
        return project.manual[one.store]
    except KeyError:
        raise NotFoundError(
            f"The manual store `{one.store}` has no map any more. Put stores/{one.store}.yaml back, or record the "
            "answer with `troth task done`."
        ) from None


# Letters


def write_letters(project: Project, number: str, *, lease: Lease | None = None) -> int:
    """Send the letters that the open tasks of a request are due today; return how many went out."""
    found, out = request_file.load(project, number), 0
    today = request_file.today(project, found)
    if not request.is_open(found.state):
        return 0
    for claim, told in found.state["claims"].items():
        if told["outcome"] not in {"grant", "part"}:
            continue
        for store, one in sorted(task.tasks(told).items()):
            kind = task.next_letter(one, today)
            if kind is None or store not in project.manual:
                continue
            given = Task(str(one["task"]), number, claim, str(told["right"]), store, one)
            out += _send(project, given, kind, lease)
    return out


def _send(project: Project, one: Task, kind: str, lease: Lease | None) -> bool:
    store = described(project, one)
    dpo = project.policy.group.dpo if project.policy.group else None
    escalating = kind == "task_escalation"
    language = project.policy.language if escalating else store.owner.language
    to = (dpo.email if dpo and dpo.email else project.settings.mail_from) if escalating else store.owner.email
    fields: dict[str, object] = {
        "number": one.number,
        "store": store.said(language),
        "right": right_said(one.right, language),
        "due": send_letter.day(str(one.told["due"]), language),
        "link": f"{project.settings.public_url}/task/{token(project, one.id)}?lang={language}",
        "owner": store.owner.name,
        "organisation": send_letter.organisation(project, language),
        "kept": kept(project, one, language),
    }
    written = letter.write(kind, language, fields, _own(project, kind, language))
    attempt = len(one.told["letters"]) + 1
    sent = project.mailer.send(Letter(to, written.subject, written.text, language))
    facts: dict[str, Fact] = {"task": one.id, "claim": one.claim, "store": one.store, "state": kind,
                              "outcome": sent.outcome, "attempt": attempt}  # fmt: skip
    found = request_file.load(project, one.number)
    draft = Draft(
        "task_moved", found.stream, facts, **request_file.about(found), payload={"proof": sent.proof}
    )
    append.append(project.ledger, [draft], once=f"letter {one.id} {attempt}", lease=lease)
    return sent.outcome == "sent"


def kept(project: Project, one: Task, language: str) -> list[str]:
    """Say what the owner leaves alone, because a decision exempts it."""
    return cover.left_in(
        project, request_file.load(project, one.number).claim(one.claim), one.store, language
    )


def _own(project: Project, kind: str, language: str) -> str | None:
    file = project.settings.folder / "templates" / "letters" / f"{kind}.{language}.txt"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def right_said(right: str, language: str) -> str:
    """Say a right in the words of letters."""
    return phrase(right, language) if has_phrase(right) else right


# Answers


def answer(
    project: Project,
    one: Task,
    outcome: str,
    by: str,
    *,
    note: str = "",
    files: Sequence[Upload] = (),
    channel: str = "link",
    staff: str | None = None,
) -> None:
    """Record what an owner attests, `done` or `not_found`, with what they hand in.

    Raises NotAllowedError with what is missing or too much, ConflictError when the task was
    answered at the same moment.
    """
    found = request_file.load(project, one.number)
    request_file.refuse_unless(_why_not(found.state, one, outcome, by, note, files))
    owner, file = str(found.state["subject"]), f"request/{one.number}"
    kept: list[Fact] = []
    names = list(file_names([each.name for each in files]))
    for each in files:
        row = vault.put_chunks(project.ledger, owner, file, "upload", _chunks(each.data))
        kept.append([row, sha256(each.data).hexdigest(), len(each.data)])
    facts: dict[str, Fact] = {"task": one.id, "claim": one.claim, "store": one.store, "outcome": outcome,
                              "channel": channel, "files": kept}  # fmt: skip
    if staff is not None:
        facts["staff"] = staff
    payload: dict[str, Fact] = {
        "by": by.strip(),
        "note": note.strip(),
        "names": [str(name) for name in names],
    }
    draft = Draft("task_answered", found.stream, facts, **request_file.about(found), actor=staff or OWNER,
                  payload=payload)  # fmt: skip
    append.append(project.ledger, [draft], expect={found.stream: found.version})
    told = request_file.load(project, one.number).claim(one.claim)
    if WAYS[one.right] == "copy" and told["package"] and not told["done"]:
        build_package.build_package(project, one.number, one.claim)  # what came must be in it


def _why_not(
    state: Mapping[str, Any], one: Task, outcome: str, by: str, note: str, files: Sequence[Upload]
) -> Iterator[str]:
    if one.told["state"] != "open":
        yield f"The task {one.id} was answered already."
    if not request.is_open(state):
        yield "The request has ended."
    if outcome not in {"done", "not_found"}:
        yield "The answer to a task is done or not_found."
    if not by.strip() or len(by) > NAME_MAX:
        yield "Give the name of whoever attests it: an attestation without a name proves nothing."
    if len(note) > NOTE_MAX:
        yield f"The note is too long: {NOTE_MAX} characters at most."
    if len(files) > FILES_MAX or sum(len(each.data) for each in files) > BYTES_MAX:
        yield f"That is too much: {FILES_MAX} files and {BYTES_MAX // 2**20} MiB at most."
    if outcome == "not_found" and files:
        yield "Nothing was found, and yet files came with it. Say done, or leave them out."


def go_on_without(project: Project, one: Task, staff: str, reason: str) -> None:
    """Let a claim go on although an owner is silent; the reason is kept, and the answer says it is not complete."""
    found = request_file.load(project, one.number)
    wrong = [] if one.told["state"] == "open" else [f"The task {one.id} was answered already."]
    if not reason.strip():
        wrong.append("Say why the answer goes out without it.")
    if request_file.today(project, found) < date.fromisoformat(str(one.told["due"])):
        wrong.append(
            f"Its owner has until {one.told['due']} to answer. Nobody is called silent before that day."
        )
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {"task": one.id, "claim": one.claim, "store": one.store, "state": "silent",
                              "staff": staff}  # fmt: skip
    draft = Draft("task_moved", found.stream, facts, **request_file.about(found), actor=staff,
                  payload={"reason": reason.strip()})  # fmt: skip
    append.append(project.ledger, [draft], expect={found.stream: found.version})


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]')


def file_names(given: Iterable[str]) -> Iterator[str]:
    r"""Yield names that are safe in any file system and differ from one another, in the same order.

    >>> list(file_names(["../../etc/passwd", "C:\\Mail.msg", "mail.MSG", "..."]))
    ['passwd', 'Mail.msg', 'mail-2.MSG', 'file']
    """
    taken: set[str] = set()
    for name in given:
        last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
        bare = _UNSAFE.sub("_", last).strip(" ._")[-100:].lstrip(" ._") or "file"
        stem, dot, ending = bare.rpartition(".")
        if not dot:
            stem, ending = bare, ""
        number, chosen = 1, bare
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{stem}-{number}{dot}{ending}"
        taken.add(chosen.casefold())
        yield chosen
