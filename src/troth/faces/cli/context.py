"""What a command may ask for: the project it was started in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from troth.errors import NotFoundError
from troth.work.project import Project

Open = Callable[[Path | None], Project]

_open: ContextVar[Open | None] = ContextVar("open_project", default=None)
_folder: ContextVar[Path | None] = ContextVar("project_folder", default=None)


def set_up(open_project: Open) -> None:
    """Tell the commands how a project is opened (done once, by the wiring)."""
    _open.set(open_project)


def look_in(folder: Path | None) -> None:
    """Use the project in this folder rather than one found from the current folder up."""
    _folder.set(folder)


def project() -> Project:
    """Open the project of this command; raises NotFoundError where there is none."""
    opening = _open.get()
    if opening is None:
        raise NotFoundError("No project can be opened here: the command was started without its wiring.")
    return opening(_folder.get())
