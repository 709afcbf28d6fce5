"""Version control by plain `git`, called as a program: hooks run, and what it says when it fails is told.

It carries and decides nothing: which files are committed, by whom and with which words is said by whoever calls.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from troth.errors import NotAllowedError

SECONDS = 120


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


def commit(folder: Path, names: Sequence[str], message: str, author: str) -> str:
    """Commit these files and nothing else; return the id of the commit.

    `author` is `Name <address>`.  Where there is nothing to commit, the last commit of the files is returned.
    Raises NotAllowedError with what git said.
    """
    _told(folder, ["add", "--", *names])
    if not _told(folder, ["diff", "--cached", "--name-only", "--", *names]).strip():
        return _told(folder, ["log", "-1", "--format=%H", "--", *names]).strip()
    try:
        _told(folder, ["commit", "--quiet", "--message", message, "--author", author, "--", *names], author)
    except NotAllowedError:
        _git(folder, ["reset", "--quiet", "--", *names])
        raise
    return _told(folder, ["rev-parse", "HEAD"]).strip()


def _told(folder: Path, arguments: Sequence[str], author: str = "") -> str:
    try:
        done = _git(folder, arguments, author)
    except FileNotFoundError:
        raise NotAllowedError("The folder is kept in git, and there is no program `git` here.") from None
    except subprocess.TimeoutExpired:
        raise NotAllowedError(f"git did not end within {SECONDS} seconds; nothing was committed.") from None
    if done.returncode:
        said = next(
            (line for line in [*done.stderr.splitlines(), *done.stdout.splitlines()] if line.strip()),
            "nothing",
        )
        raise NotAllowedError(
            f"git {arguments[0]} was refused, and nothing was committed. It said: {said.strip()[:300]}"
        )
    return done.stdout


def _git(folder: Path, arguments: Sequence[str], author: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    if author and not _configured(folder):
        name, _, address = author.partition("<")
        environment |= {"GIT_COMMITTER_NAME": name.strip(), "GIT_COMMITTER_EMAIL": address.rstrip(">")}
    return subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, env=environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _configured(folder: Path) -> bool:
    return bool(_git(folder, ["config", "user.email"]).stdout.strip())
