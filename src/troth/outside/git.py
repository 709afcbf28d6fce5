"""Version control by plain `git`, called as a program: hooks run, and what it says when it fails is told.

It carries and decides nothing: which files are committed, by whom and with which words is said by whoever calls.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from troth.errors import ConflictError, NotAllowedError

SECONDS = 120
ENDING_SECONDS = 5


def is_work_tree(folder: Path) -> bool:
    """Say whether a folder is in a git work tree; False where there is no git."""
    try:
        return _git(folder, ["rev-parse", "--is-inside-work-tree"]).stdout.strip() == "true"
    except (OSError, subprocess.TimeoutExpired):
        return False


def uncommitted(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return which of these files say something that was never committed."""
    found = _told(folder, ["status", "--porcelain", "--untracked-files=all", "-z", "--", *names])
    return tuple(Path(entry[3:]).name for entry in found.split("\0") if len(entry) > 3)


def commit(folder: Path, texts: Mapping[str, str], message: str, author: str) -> str:
    """Commit these files, which say these texts already, and nothing else; return the id of the commit.

    `author` is `Name <address>`.  Where there is nothing to commit, the last commit of the files is returned.
    A commit stands where it holds these texts, whatever became of git afterwards; one with other texts is taken
    back.  Raises NotAllowedError with what git said where nothing is committed, ConflictError where something is,
    or may be, and somebody has to look.
    """
    names = [*texts]
    before = _head(folder)
    refused: NotAllowedError | None = None
    try:
        _told(folder, ["add", "--", *names])
        if _told(folder, ["diff", "--cached", "--name-only", "--", *names]).strip():
            _told(
                folder, ["commit", "--quiet", "--message", message, "--author", author, "--", *names], author
            )
    except NotAllowedError as error:
        refused = error
    try:
        made = _head(folder)
        otherwise = [name for name in names if not _holds(folder, made, name, texts[name])]
        if not otherwise:
            return _told(folder, ["log", "-1", "--format=%H", "--", *names]).strip()
    except NotAllowedError as error:
        raise ConflictError(
            f"It cannot be said what git committed: {error} The files were left as they are. "
            "Look at `git status` and `git log`, then try again."
        ) from None
    if made != before:
        _take_back(folder, made, before, message if refused else "")
    _quietly(folder, ["reset", "--quiet", "--", *names])
    if made == before and refused is not None:
        raise NotAllowedError(f"{refused} Nothing is committed.")
    raise NotAllowedError(
        f"What git would keep of {', '.join(otherwise)} is not the text that was to be committed: a hook or a "
        "setting of git writes it otherwise. Nothing is committed. Let the hook say no instead of writing."
    )


def _take_back(folder: Path, made: str, before: str, message: str) -> None:
    """Take the commit just made back; raises ConflictError where it is somebody else's, or others follow it.

    `message` is how ours is known where git did not say that it made it.
    """
    told = _quietly(folder, ["log", "-1", "--format=%P%n%s", made]).splitlines()
    if told[:1] == [before] and (not message or told[1:] == [message.partition("\n")[0]]):
        try:
            _told(folder, ["update-ref", "HEAD", before, made])
        except NotAllowedError:
            pass  # somebody committed on top of it
        else:
            return
    raise ConflictError(
        f"The commit {made[:12]} holds another text than was to be committed, and is not taken back by itself. "
        "Look at `git log`, then try again."
    )


def _holds(folder: Path, commit_: str, name: str, text: str) -> bool:
    """Say whether a commit holds this text of a file, as git would write it."""
    if not commit_:
        return False
    ours = _told(folder, ["hash-object", f"--path={name}", "--stdin"], given=text).strip()
    return _told(folder, ["ls-tree", commit_, "--", name]).split()[2:3] == [ours]


def _head(folder: Path) -> str:
    """Return the commit that the files stand on; empty before the first."""
    if _told(folder, ["rev-list", "--all", "--max-count=1"]).strip():
        return _told(folder, ["rev-parse", "HEAD"]).strip()
    return ""


def _quietly(folder: Path, arguments: Sequence[str]) -> str:
    """Return what git says, and nothing where it does not end or says no."""
    try:
        return _git(folder, arguments).stdout.strip()
    except subprocess.TimeoutExpired:
        return ""


def _told(folder: Path, arguments: Sequence[str], author: str = "", given: str = "") -> str:
    try:
        done = _git(folder, arguments, author, given)
    except FileNotFoundError:
        raise NotAllowedError("The folder is kept in git, and there is no program `git` here.") from None
    except subprocess.TimeoutExpired:
        raise NotAllowedError(f"git {arguments[0]} did not end within {SECONDS} seconds.") from None
    if done.returncode:
        said = next(
            (line for line in [*done.stderr.splitlines(), *done.stdout.splitlines()] if line.strip()),
            "nothing",
        )
        raise NotAllowedError(f"git {arguments[0]} was refused. It said: {said.strip()[:300]}")
    return done.stdout


def _git(
    folder: Path, arguments: Sequence[str], author: str = "", given: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    if author and not _configured(folder):
        name, _, address = author.partition("<")
        environment |= {"GIT_COMMITTER_NAME": name.strip(), "GIT_COMMITTER_EMAIL": address.rstrip(">")}
    with subprocess.Popen(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=True,
    ) as running:  # fmt: skip
        try:
            said, wrong = running.communicate(given.encode("utf-8"), timeout=SECONDS)
        except BaseException:
            _end(running)
            raise
    return subprocess.CompletedProcess(
        arguments, running.returncode, said.decode("utf-8", "replace"), wrong.decode("utf-8", "replace")
    )


def _end(running: subprocess.Popen[bytes]) -> None:
    """End git and its hooks, so that it takes its locks away: first asked, then made to."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(running.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            running.wait(ENDING_SECONDS)
            return


def _configured(folder: Path) -> bool:
    return bool(_git(folder, ["config", "user.email"]).stdout.strip())
