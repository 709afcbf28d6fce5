"""Accept a draft: its text becomes the files of the policy, as a commit or a numbered version; publish it; undo it.

Danger: this writes policy.md.  What cannot be lost: the text before (in git, or beside as a numbered version)
and the draft (in the ledger).  A file that says neither what the draft began from nor what it says is never
written over.  Whoever resumes after a crash finds the files written, commits what is left, and records it once.

Law: GDPR Arts. 5(2), 24(2).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from troth.errors import ConflictError, NotAllowedError, WrongFileError
from troth.ledger import lease
from troth.outside import git
from troth.policy import publishing
from troth.policy.loading import load
from troth.policy.publishing import LOCK, write_lock
from troth.rules import policy_draft as rules
from troth.rules.event import Fact
from troth.rules.policy_draft import Approved
from troth.work import admit, draft_policy
from troth.work.draft_policy import PolicyDraft, written_files
from troth.work.establishment import day_here
from troth.work.project import Project
from troth.work.publish_policy import Published, publish_policy, refuse_wrong
from troth.work.record_register import record_register
from troth.work.write_whole import write_whole

VERSIONS = "policy.versions"
LEASE_SECONDS = 300
_PLAIN = re.compile(r"[<>\n]")
_AUTHOR = re.compile(r"[^<>\n]{1,200} <[^<>\s]{0,250}>")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an acceptance wrote: the files, and the commit or the numbered version that holds them."""

    files: tuple[str, ...]
    commit: str = ""
    number: int = 0


def accept(project: Project, draft: PolicyDraft, staff: str, author: str = "") -> Accepted:
    """Write the text of an approved draft into the files; `author` is `Name <address>` of who accepts, for git.

    Raises NotAllowedError where it is not approved or git refuses, WrongFileError where it has mistakes or could not
    be published (its version is published, a clause is stale in a language), ConflictError where the files or the
    draft changed meanwhile, or somebody writes the files now.
    """
    with _alone(project):
        return _accept(project, _as_looked_at(project, draft), staff, author)


def _accept(project: Project, draft: PolicyDraft, staff: str, author: str) -> Accepted:
    if draft.state["status"] != "open":
        raise NotAllowedError(f"The draft {draft.name} is {draft.state['status']} already.")
    is_approved = approved(project, draft)
    if is_approved.lacks:
        raise NotAllowedError(is_approved.lacks)
    problems = draft.loaded[1]
    if problems:
        raise WrongFileError(problems)
    changed = tuple(file for file in draft.documents if draft.files[file] != draft.base.get(file))
    if not changed:
        raise NotAllowedError("The draft changes nothing: there is nothing to accept.")
    _refuse_stale(project, draft)
    last, policy = project.last_published(), draft.loaded[0]
    if (
        last is not None and policy is not None
    ):  # what cannot be published would hold, and nobody could say since when
        refuse_wrong(project.ledger, policy, last, day_here(project))
    folder = project.settings.folder
    kept = git.is_work_tree(folder)
    if kept and written_files(project) == dict(draft.base) and (dirty := git.uncommitted(folder, changed)):
        raise NotAllowedError(
            f"{', '.join(dirty)} has changes that were never committed. Commit them, or take them back, first."
        )
    if kept:
        texts = {file: draft.files[file] for file in changed}
        _put(folder, changed, texts)
        try:
            commit = git.commit(
                folder, texts, _message(draft, staff, is_approved.by), written_by(author, staff)
            )
        except NotAllowedError:
            _put(folder, changed, draft.base)
            raise
        done = Accepted(changed, commit=commit)
    else:
        done = Accepted(changed, number=_number(folder, draft.base, draft.files))
        _put(folder, changed, draft.files)
    facts: dict[str, Fact] = {"sha256": draft.state["sha256"], "count": len(changed)}
    facts |= {"commit": done.commit} if done.commit else {"number": done.number}
    draft_policy.record(project, draft, "accepted", staff, facts)
    project.reread()
    return done


def approved(project: Project, draft: PolicyDraft) -> Approved:
    """Say whether a draft is approved as it stands; an office that recorded a derogation needs one person."""
    return rules.approved(draft.state, alone=admit.derogates(project))


def undo(project: Project, draft: PolicyDraft, staff: str) -> int:
    """Put the text before an accepted draft back, as a numbered version of its own; return its number.

    Raises NotAllowedError where git keeps the files (`git revert` undoes there) or they are published,
    ConflictError where the files changed since, or somebody writes them now.
    """
    with _alone(project):
        return _undo(project, _as_looked_at(project, draft), staff)


def _undo(project: Project, draft: PolicyDraft, staff: str) -> int:
    number = draft.state["number"]
    if draft.state["status"] != "accepted" or not number:
        raise NotAllowedError(
            "Only a draft that was accepted as a numbered version, and not published, is undone here. "
            "Where git keeps the files, `git revert` undoes its commit."
        )
    folder = project.settings.folder
    now, before = _version(folder, number), _version(folder, number - 1)
    files = written_files(project)
    if any(files.get(name) not in (now.get(name), before.get(name)) for name in {*files, *now, *before}):
        raise ConflictError(
            "The files changed since the draft was accepted. Begin a draft that takes its changes back."
        )
    last, policy = project.last_published(), load({**now, **draft.register})[0]
    if last is not None and policy is not None and publishing.lock(policy).sha256 == last.sha256:
        raise NotAllowedError(
            f"The text of this draft is published, as version {last.version}. "
            "Begin a draft that takes its changes back, and publish that."
        )
    again = _number(folder, now, before)
    _put(folder, {**now, **before}, before)
    facts: dict[str, Fact] = {"number": again}
    draft_policy.record(project, draft, "undone", staff, facts)
    project.reread()
    return again


def publish(project: Project, draft: PolicyDraft, staff: str, author: str = "") -> Published:
    """Publish an accepted draft: in force from its day.

    Raises WrongFileError with every reason why not.  Where git does not take `policy.lock`, the draft is
    published all the same, and NotAllowedError or ConflictError says so.
    """
    with _alone(project):
        return _publish(project, _as_looked_at(project, draft), staff, author)


def _publish(project: Project, draft: PolicyDraft, staff: str, author: str) -> Published:
    if draft.state["status"] != "accepted":
        raise NotAllowedError(
            f"The draft {draft.name} is {draft.state['status']}: it is accepted before it is published."
        )
    if written_files(project) != dict(draft.files):
        raise ConflictError(
            "The files changed since the draft was accepted: look at them, and publish with `troth publish`."
        )
    by, folder = written_by(author, staff), project.settings.folder
    published = _put_in_force(project, staff)
    facts: dict[str, Fact] = {"version": published.lock.version, "effective": published.lock.effective}
    draft_policy.record(project, draft, "published", staff, facts)
    if git.is_work_tree(folder):
        words = f"Publish version {published.lock.version} of the policy\n\nDraft: {draft.name}\n"
        try:
            git.commit(folder, {LOCK: write_lock(published.lock)}, words, by)
        except (NotAllowedError, ConflictError) as error:
            raise type(error)(
                f"Version {published.lock.version} is published, in force from {published.lock.effective}. "
                f"Only {LOCK} is not in git yet; commit it yourself. {error}"
            ) from None
    return published


def put_in_force(project: Project, staff: str = "troth") -> Published:
    """Publish the files as they stand, write `policy.lock` and record the register; said again it changes nothing.

    Raises ConflictError while somebody else writes the files.
    """
    with _alone(project):
        return _put_in_force(project, staff)


def _put_in_force(project: Project, staff: str) -> Published:
    last = project.last_published()
    published = publish_policy(project.ledger, project.written, last, day_here(project), staff)
    write_whole(project.settings.folder / LOCK, write_lock(published.lock))
    project.reread()
    record_register(project)
    return published


def refuse_unpublishable(project: Project) -> None:
    """Raise WrongFileError with every reason why the files cannot be published as they stand."""
    refuse_wrong(project.ledger, project.written, project.last_published(), day_here(project))


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Let nobody else write the files of the policy meanwhile, from whatever process."""
    taken = lease.claim(project.ledger, "policy files", LEASE_SECONDS)
    if taken is None:
        raise ConflictError(
            "Somebody accepts, undoes or publishes a text of the policy right now. Look again in a moment. "
            f"Where that was cut short, it is free again after {LEASE_SECONDS // 60} minutes."
        )
    try:
        yield
    finally:
        lease.release(project.ledger, taken)


def _as_looked_at(project: Project, draft: PolicyDraft) -> PolicyDraft:
    """Open a draft anew; raises ConflictError where its text is not the one that was looked at."""
    now = draft_policy.opened(project, draft.name)
    if now.state["sha256"] != draft.state["sha256"]:
        raise ConflictError("The draft changed since you opened it. Look at it again first.")
    project.reread()
    return now


def _refuse_stale(project: Project, draft: PolicyDraft) -> None:
    """Raise ConflictError where a file says neither what the draft began from nor what it says."""
    now = written_files(project)
    names = sorted({*now, *draft.files})
    if all(now.get(name) in (draft.base.get(name), draft.files.get(name)) for name in names):
        return
    moved = [one for one in draft_policy.three_ways(project, draft) if one.moved]
    named = ", ".join(f"{one.clause or 'the top'} of {one.file}" for one in moved[:10])
    raise ConflictError(
        f"The policy changed since the draft began: clause {named}. Look at both texts, then renew the draft: "
        f"`troth policy draft conflicts {draft.name}`, `troth policy draft renew {draft.name}`."
    )


def _message(draft: PolicyDraft, staff: str, approved_by: tuple[str, ...]) -> str:
    clauses = list(dict.fromkeys(one.clause for one in draft.changed if one.clause))
    what = f"clause{'' if len(clauses) == 1 else 's'} {', '.join(clauses[:8])}" if clauses else "its top"
    more = f" and {len(clauses) - 8} more" if len(clauses) > 8 else ""
    version = (
        f"Version: {draft.state['version']}, in force from {draft.state['effective']}\n"
        if draft.state["version"]
        else ""
    )
    lines = [
        f"Change {what}{more} of the policy", "",
        *(f"- {one.file}, {one.clause or 'top'}: {one.title}" for one in draft.changed), "",
    ]  # fmt: skip
    return "\n".join(lines) + (
        f"\n{version}Draft: {draft.name}\nWritten by: {', '.join(draft.state['writers'])}\n"
        f"Approved by: {', '.join(approved_by)}\nAccepted by: {staff}\n"
    )


def written_by(author: str, staff: str) -> str:
    """Return who makes a commit as git names them; raises NotAllowedError where `author` is no `Name <address>`."""
    if author and not _AUTHOR.fullmatch(author):
        raise NotAllowedError("The author of a commit is written Name <address>.")
    return author or f"{_PLAIN.sub('', staff) or 'troth'} <>"


def _number(folder: Path, base: Mapping[str, str], files: Mapping[str, str]) -> int:
    """Keep the files as the next numbered version, and what was before as the first where there is none."""
    there = sorted(int(path.name) for path in (folder / VERSIONS).glob("[0-9]*") if path.name.isdigit())
    if there and (_version(folder, there[-1] - 1), _version(folder, there[-1])) == (dict(base), dict(files)):
        return there[-1]  # cut short before, behind it
    if not there or _version(folder, there[-1]) != dict(base):
        there.append(_keep(folder, (there[-1] if there else 0) + 1, base))
    return _keep(folder, there[-1] + 1, files)


def _keep(folder: Path, number: int, files: Mapping[str, str]) -> int:
    made = folder / VERSIONS / f".{number:04d}.new"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for file, text in files.items():
        write_whole(made / file, text)
    made.rename(folder / VERSIONS / f"{number:04d}")
    return number


def _version(folder: Path, number: int) -> dict[str, str]:
    return {
        path.name: path.read_bytes().decode("utf-8")
        for path in sorted((folder / VERSIONS / f"{number:04d}").glob("policy*.md"))
    }


def _put(folder: Path, names: Iterable[str], texts: Mapping[str, str]) -> None:
    """Write files as these texts say them; one that they have not is taken away."""
    for name in names:
        if name in texts:
            write_whole(folder / name, texts[name])
        else:
            (folder / name).unlink(missing_ok=True)
