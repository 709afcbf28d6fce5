"""Write a draft of the policy clause by clause: every change is an event, and its text lies in the vault.

The file stays the truth: nothing here writes it (`accept_draft` does).  A draft that was cut short anywhere
is as it was after its last change.

Law: GDPR Arts. 5(2), 24(2), 38(3), 39(1).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from troth.errors import ConflictError, NotAllowedError, NotFoundError, Problem, WrongFileError
from troth.ledger import append, read, vault
from troth.policy import clause_text, form
from troth.policy.called import Called
from troth.policy.check import Finding, check
from troth.policy.document import Document, parse
from troth.policy.loading import load
from troth.policy.merging import Side, Sides, merged, sides
from troth.policy.policy import Policy
from troth.policy.schema import Schema, schema
from troth.rules import policy_draft as rules
from troth.rules.event import Draft, Event, Fact
from troth.rules.policy_draft import FAMILY
from troth.work.establishment import day_here
from troth.work.project import Project

TEXT_MAX = 20_000


Texts: TypeAlias = "tuple[tuple[str, str], ...]"
"""Files by name, in the order of their names: what is read of the same texts is read once."""


@lru_cache(maxsize=16)
def parsed(text: str, file: str) -> Document:
    """Read one document, once for the same text."""
    return parse(text, file)


def _loaded(
    documents: Mapping[str, str], register: Mapping[str, str]
) -> tuple[Policy | None, tuple[Problem, ...]]:
    return load(dict(sorted({**documents, **register}.items())))


@lru_cache(maxsize=12)
def _check(file: str, files: Texts, register: Texts, today: date) -> tuple[Finding, ...]:
    policy = _loaded(dict(files), dict(register))[0]
    return tuple(check(dict(files)[file], file, today=today, policy=policy, language="en"))


@lru_cache(maxsize=1)
def _schema() -> Schema:
    return schema()


@dataclass(frozen=True)
class PolicyDraft:
    """A draft as it stands: its state, the texts it began from, its own, and the register beside them."""

    stream: str
    version: int
    state: Mapping[str, Any]
    base: Mapping[str, str]
    files: Mapping[str, str]
    register: Mapping[str, str]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.state["name"])

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The documents by file, the one that carries the promises first."""
        names = sorted(self.files, key=lambda name: (name.count("."), name))
        return {name: parsed(self.files[name], name) for name in names}

    @property
    def main(self) -> Document:
        """The document that carries the promises."""
        return next(iter(self.documents.values()))

    @cached_property
    def loaded(self) -> tuple[Policy | None, tuple[Problem, ...]]:
        """The policy as the draft would make it, or every problem of it."""
        return _loaded(self.files, self.register)

    @cached_property
    def loaded_base(self) -> Policy | None:
        """The policy that the draft began from, if it is one without mistakes."""
        return _loaded(self.base, self.register)[0]

    @property
    def policy(self) -> Policy:
        """The policy as the draft would make it; raises WrongFileError while it has mistakes."""
        policy, problems = self.loaded
        if policy is None:
            raise WrongFileError(problems)
        return policy

    @cached_property
    def changed(self) -> tuple[Sides, ...]:
        """The clauses that the draft writes otherwise than the texts it began from."""
        return sides(self.base, self.base, self.files)


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with a clause of a draft, or could be better; the empty clause is the top of the file."""

    file: str
    clause: str
    line: int
    severity: str
    rule: str
    says: str
    remedy: str


def begin(project: Project, staff: str, name: str = "") -> PolicyDraft:
    """Begin a draft from the files as they stand; raises WrongFileError where they are not in order."""
    files = written_files(project)
    _, problems = load({**files, **_register(project)})
    if problems:
        raise WrongFileError(problems)
    called = name.strip() or f"d{secrets.token_hex(3)}"
    if not called.replace("-", "").isalnum() or len(called) > 40 or not called.isascii():
        raise NotAllowedError(
            "A draft is called with at most 40 letters, digits and dashes, such as spring-review."
        )
    if read.state(project.ledger, f"{FAMILY}/{called}") is not None:
        raise NotAllowedError(f"There is a draft {called!r} already. Choose another name.")
    stream = f"{FAMILY}/{called}"
    facts: dict[str, Fact] = {"move": "begun", "draft": called, "sha256": rules.digest(files)}
    draft = Draft("draft_moved", stream, facts, actor=staff, payload={"files": files})
    append.append(project.ledger, [draft], expect={stream: 0})
    return opened(project, called)


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return the state of every draft, those that are open first, the latest moved first."""
    found = [one.body for one in read.states(project.ledger, FAMILY)]
    found.sort(key=lambda one: str(one["moved_on"]), reverse=True)
    return tuple(sorted(found, key=lambda one: one["status"] != "open"))


def opened(project: Project, name: str) -> PolicyDraft:
    """Read a draft; raises NotFoundError where there is none of that name."""
    found = read.state(project.ledger, f"{FAMILY}/{name}")
    if found is None:
        raise NotFoundError(f"There is no draft {name[:40]!r}. `troth policy draft list` shows them.")
    events = {one.id: one for one in read.stream(project.ledger, found.stream)}
    base = dict(vault.payload(project.ledger, events[found.body["base"]])["files"])
    files = {**base}
    for file, event in found.body["files"].items():
        files[file] = vault.payload(project.ledger, events[event])["text"]
    return PolicyDraft(found.stream, found.version, found.body, base, files, _register(project))


def write_prose(project: Project, draft: PolicyDraft, file: str, clause: str, words: str, staff: str,
                proposal: str = "", title: str = "") -> PolicyDraft:  # fmt: skip
    """Write the prose of a clause otherwise, in one language, and its title where one is given.

    The same words again change nothing.
    """
    text = with_text(draft, file, clause, words, title).files[file]
    return _changed(project, draft, file, text, staff, clause=clause, proposal=proposal)


def with_text(draft: PolicyDraft, file: str, clause: str, words: str, title: str = "") -> PolicyDraft:
    """Return the draft as it would be with these words in a clause; nothing is kept."""
    text = _text(draft, file)
    there = draft.documents[file].by_number.get(clause)
    if title and there is not None and " ".join(title.split()) != there.title:
        text = clause_text.with_title(text, file, clause, title)
    return replace(draft, files={**draft.files, file: clause_text.with_prose(text, file, clause, words)})


def write_title(
    project: Project, draft: PolicyDraft, file: str, clause: str, title: str, staff: str
) -> PolicyDraft:
    """Write the title of a clause otherwise."""
    text = clause_text.with_title(_text(draft, file), file, clause, title)
    return _changed(project, draft, file, text, staff, clause=clause)


def write_promise(
    project: Project,
    draft: PolicyDraft,
    clause: str,
    kind: str,
    name: str,
    value: Mapping[str, Any] | None,
    staff: str,
    proposal: str = "",
) -> PolicyDraft:
    """Write a promise of a clause otherwise, add it, or remove it (None); `value` is as a form gives it."""
    file = draft.main.file
    text = _promise_written(draft, clause, kind, name, value)
    promise = f"{kind}.{name}" if name else kind
    return _changed(project, draft, file, text, staff, clause=clause, promise=promise, proposal=proposal)


def with_promise(
    draft: PolicyDraft, clause: str, kind: str, name: str, value: Mapping[str, Any] | None
) -> PolicyDraft:
    """Return the draft as it would be with a promise so; nothing is kept."""
    text = _promise_written(draft, clause, kind, name, value)
    return replace(draft, files={**draft.files, draft.main.file: text})


def _promise_written(
    draft: PolicyDraft, clause: str, kind: str, name: str, value: Mapping[str, Any] | None
) -> str:
    file = draft.main.file
    fields = promise_form(draft, clause, kind, name, draft.main.language)
    return clause_text.with_promise(draft.files[file], file, clause, kind, name, fields, value)


def promise_form(
    draft: PolicyDraft, clause: str, kind: str, name: str, language: str
) -> tuple[form.Field, ...]:
    """Describe the form of a promise of a clause, with what its references may name.

    Raises NotFoundError for a kind there is not.
    """
    described = _schema()
    if kind not in described["properties"]:
        raise NotFoundError(f"There is no kind of promise called {kind[:40]!r}.")
    languages = dict.fromkeys(one.language for one in draft.documents.values())
    policy = draft.loaded[0] or _loaded(draft.base, draft.register)[0]
    elsewhere: set[str] = set()
    for number in draft.main.by_number:
        if number != clause and not name:
            elsewhere |= set(clause_text.promise_value(draft.main, number, kind, "") or ())
    return form.fields(
        described,
        kind,
        language,
        tuple(languages),
        _names(policy, language),
        frozenset(elsewhere - {"id"}),
        name,
    )


def described(policy: Policy, kind: str, name: str, language: str) -> tuple[form.Field, ...]:
    """Describe what a promise of a policy says, field by field, as its form would."""
    return form.fields(
        _schema(), kind, language, tuple(policy.documents), _names(policy, language), frozenset(), name
    )


def _names(policy: Policy | None, language: str) -> dict[str, list[tuple[str, str]]]:
    if policy is None:
        return {}
    names = {
        "purpose": tuple(policy.purposes),
        "recipient": tuple(policy.recipients),
        "retention": tuple(policy.retention),
        "transfer": tuple(policy.transfers),
        "category": tuple(policy.categories),
        "document": tuple(policy.register_documents),
        "entity": tuple(str(one.key) for one in policy.group.entities) if policy.group else (),
    }
    return Called(policy, language).choices(names)


def set_date(project: Project, draft: PolicyDraft, version: str, effective: date, staff: str) -> PolicyDraft:
    """Give the draft its version and the day from which it is to be in force, wherever the files say them.

    Raises NotAllowedError where they say neither, or the day is past; WrongFileError while the draft has mistakes.
    """
    if effective < day_here(project):
        raise NotAllowedError("The day from which it is in force is not past: name today, or a later day.")
    policy, day = draft.policy, effective.isoformat()
    told = {name for one in policy.promises.values() if one.kind == "change" for name in one.said}
    in_front = "effective" not in told and "updated" not in told
    files = dict(draft.files)
    for file in files:
        files[file] = clause_text.with_front(files[file], file, "version", f'"{version}"')
        if in_front:
            files[file] = clause_text.with_front(files[file], file, "date", day)
    main = draft.main.file
    for one in [one for one in policy.promises.values() if one.kind == "change"]:
        document = parse(files[main], main)
        value = clause_text.promise_value(document, one.clause, "change", "") or {}
        fields = promise_form(draft, one.clause, "change", "", draft.main.language)
        new, _ = form.read(fields, form.filled(fields, value), "en")
        new |= {"version": version} if "version" in value else {}
        new |= {"effective": day} if "effective" in value else {"updated": day} if "updated" in value else {}
        files[main] = clause_text.with_promise(files[main], main, one.clause, "change", "", fields, new)
    made = load({**files, **draft.register})[0]
    if made is None or (made.version, made.effective) != (version, effective):
        raise NotAllowedError(
            "The policy says its version or its day nowhere. Write `version` and `date` at the top of its file first."
        )
    more: dict[str, Fact] = {"version": version, "effective": day}
    drafts = [
        _draft(draft, "dated", staff, {"file": file, "sha256": rules.digest(files), **more}, {"text": text})
        for file, text in files.items()
        if text != draft.files[file] or file == main
    ]
    append.append(project.ledger, drafts, expect={draft.stream: draft.version})
    return opened(project, draft.name)


def comment(
    project: Project, draft: PolicyDraft, clause: str, text: str, staff: str, about: str = ""
) -> Event:
    """Comment on a clause (the empty one is the whole), or answer a comment by its event."""
    words = _worded(text, "Write what you have to say.")
    facts: dict[str, Fact] = {"clause": clause, **({"about": about} if about else {})}
    return record(project, draft, "commented", staff, facts, {"text": words})


def settle(project: Project, draft: PolicyDraft, about: str, staff: str) -> Event:
    """Record that a comment is settled; raises NotFoundError where there is no such comment."""
    if about not in {one["event"] for one in draft.state["comments"]}:
        raise NotFoundError("There is no such comment in this draft.")
    return record(project, draft, "settled", staff, {"about": about})


def advise(project: Project, draft: PolicyDraft, outcome: str, text: str, staff: str) -> Event:
    """Record what the data protection officer advises on the text as it stands.

    Raises NotAllowedError where who advises approved it.
    """
    if wrong := list(rules.no_advice(draft.state, staff)):
        raise NotAllowedError(" ".join(wrong))
    if outcome not in rules.OUTCOMES:
        raise NotAllowedError(f"The officer advises one of: {', '.join(rules.OUTCOMES)}.")
    facts: dict[str, Fact] = {"outcome": outcome, "sha256": draft.state["sha256"]}
    return record(project, draft, "advised", staff, facts, {"text": _worded(text, "Write the advice.")})


def approve(project: Project, draft: PolicyDraft, staff: str, sha256: str = "") -> PolicyDraft:
    """Record that counsel approves the text as it stands; `sha256` is that of what was looked at.

    Raises NotAllowedError where who approves advised on it, or it has mistakes.
    """
    if sha256 and sha256 != draft.state["sha256"]:
        raise ConflictError("The draft changed since you opened it. Look at it again, then approve.")
    wrong = list(rules.refusals(draft.state, staff))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    errors = [one for one in findings(project, draft) if one.severity == "error"]
    if errors:
        one = errors[0]
        raise NotAllowedError(
            f"{len(errors)} mistakes are left in the draft; the first: "
            f"{one.file}, line {one.line}: {one.says} {one.remedy}"
        )
    record(project, draft, "approved", staff, {"sha256": draft.state["sha256"]})
    return opened(project, draft.name)


def drop(project: Project, draft: PolicyDraft, staff: str) -> Event:
    """End a draft whose text is not wanted; what it said stays on record."""
    return record(project, draft, "dropped", staff, {})


def three_ways(project: Project, draft: PolicyDraft) -> tuple[Sides, ...]:
    """Return the clauses of which the file, the draft or both say something else than when the draft began."""
    return sides(draft.base, written_files(project), draft.files)


def renew(
    project: Project, draft: PolicyDraft, keep: Mapping[tuple[str, str], Side], staff: str
) -> PolicyDraft:
    """Let the draft begin from the files as they stand now, with its own changes on top.

    Raises ConflictError while a clause that both changed is left about which `keep` says nothing.
    """
    now = written_files(project)
    files = merged(draft.base, now, draft.files, keep)
    drafts = [_draft(draft, "renewed", staff, {"sha256": rules.digest(now)}, {"files": now})]
    drafts += [
        _draft(draft, "changed", staff, {"file": file, "sha256": rules.digest(files)}, {"text": text})
        for file, text in files.items()
        if text != now.get(file)
    ]
    append.append(project.ledger, drafts, expect={draft.stream: draft.version})
    return opened(project, draft.name)


def findings(project: Project, draft: PolicyDraft) -> tuple[Found, ...]:
    """Return what is wrong with a draft and what `check` finds in it, in English, in the order of its files."""
    return _findings(draft, day_here(project))


def _findings(draft: PolicyDraft, today: date) -> tuple[Found, ...]:
    problems = draft.loaded[1]
    found = [
        Found(one.file, _clause_at(draft, one.file, one.line), one.line, "error", "", one.what, one.remedy)
        for one in problems
    ]
    register = tuple(sorted(draft.register.items()))
    for document in draft.documents.values():
        for one in _check(document.file, tuple(sorted(draft.files.items())), register, today):
            clause = _clause_at(draft, document.file, one.line)
            found.append(
                Found(document.file, clause, one.line, one.severity, one.rule, one.message, one.remedy)
            )
    return tuple(sorted(found, key=lambda one: (list(draft.documents).index(one.file)
                                                if one.file in draft.documents else 99, one.line)))  # fmt: skip


def stale_clauses(draft: PolicyDraft) -> dict[str, tuple[str, ...]]:
    """Return, by clause, the files that say it as before while another language says it otherwise."""
    before = {file: parsed(text, file) for file, text in draft.base.items()}
    found = {}
    for number in draft.main.by_number:
        there = {
            file: document.by_number[number].sha256 == before[file].by_number[number].sha256
            for file, document in draft.documents.items()
            if file in before and number in document.by_number and number in before[file].by_number
        }
        left = tuple(file for file, same in there.items() if same)
        if left and len(left) < len(there):
            found[number] = left
    return found


def written_files(project: Project) -> dict[str, str]:
    """Return the documents of the policy as they stand, every byte as text.

    Raises NotFoundError where there are none, NotAllowedError where one is not UTF-8 text.
    """
    found = {}
    for path in sorted(project.settings.folder.glob("policy*.md")):
        try:
            found[path.name] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise NotAllowedError(f"{path.name} is not UTF-8 text. Save it as UTF-8 first.") from None
    if not found:
        raise NotFoundError("The project has no policy.md yet. `troth init` or `troth import` writes one.")
    return found


def texts(project: Project, draft: PolicyDraft, found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the words of comments and advice, by event."""
    wanted = {one["event"] for one in found}
    return {
        one.id: str(vault.payload(project.ledger, one).get("text", ""))
        for one in read.stream(project.ledger, draft.stream)
        if one.id in wanted
    }


def _register(project: Project) -> dict[str, str]:
    folder = project.settings.folder
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8-sig")
        for path in sorted(folder.glob("register/*.yaml"))
    }


def _text(draft: PolicyDraft, file: str) -> str:
    if file not in draft.files:
        raise NotFoundError(f"The draft has no file {file[:60]!r}. It has: {', '.join(draft.files)}.")
    return draft.files[file]


def _clause_at(draft: PolicyDraft, file: str, line: int) -> str:
    document = draft.documents.get(file)
    clauses = document.clauses if document else ()
    return next((one.number for one in reversed(clauses) if one.line <= line), "")


def _changed(
    project: Project,
    draft: PolicyDraft,
    file: str,
    text: str,
    staff: str,
    *,
    clause: str,
    promise: str = "",
    proposal: str = "",
) -> PolicyDraft:
    if text == draft.files[file] and not proposal:
        return draft
    facts: dict[str, Fact] = {
        "file": file, "clause": clause, "sha256": rules.digest({**draft.files, file: text}),
    }  # fmt: skip
    facts |= {"promise": promise} if promise else {}
    facts |= {"proposal": proposal} if proposal else {}
    record(project, draft, "changed", staff, facts, {"text": text})
    return opened(project, draft.name)


def record(
    project: Project,
    draft: PolicyDraft,
    move: str,
    staff: str,
    facts: Mapping[str, Fact],
    payload: Mapping[str, Fact] | None = None,
) -> Event:
    """Record a move of a draft; raises NotAllowedError where it is over, ConflictError where it moved meanwhile."""
    written = _draft(draft, move, staff, facts, payload)
    return append.append(project.ledger, [written], expect={draft.stream: draft.version})[0]


def _draft(
    draft: PolicyDraft,
    move: str,
    staff: str,
    facts: Mapping[str, Fact],
    payload: Mapping[str, Fact] | None = None,
) -> Draft:
    must = "accepted" if move in ("undone", "published") else "open"
    if draft.state["status"] != must:
        raise NotAllowedError(
            f"The draft {draft.name} is {draft.state['status']}: nothing more is written to it."
        )
    return Draft(
        "draft_moved",
        draft.stream,
        {"move": move, "draft": draft.name, **facts},
        actor=staff,
        payload=payload,
    )


def _worded(text: str, missing: str) -> str:
    words = text.strip()
    if not words:
        raise NotAllowedError(missing)
    if len(words) > TEXT_MAX:
        raise NotAllowedError(f"At most {TEXT_MAX:,} characters are taken here.")
    return words
