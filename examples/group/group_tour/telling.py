"""How the tour speaks: headings, sentences, each command as one would type it, and what it says."""

# ruff: noqa: S603  (our own programs, and never a shell)

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECONDS_MAX = 120
WIDTH_MAX = 110
INDENT = "    "
NAME_WIDTH = 17
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class StoppedError(Exception):
    """A command did not do what the story needs; the message says which."""


@dataclass(slots=True)
class Teller:
    """Says the story, and runs its commands in one folder with one environment."""

    folder: Path
    environment: Mapping[str, str]
    started: float = field(default_factory=time.monotonic)
    chapter_number: int = 0
    commands: int = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.chapter_number += 1
        seconds = f"{self.seconds():.0f} s"
        line = f" {self.chapter_number}. {title} "
        self.line()
        self.line(
            _styled(f"──{line}{'─' * max(2, width() - len(line) - len(seconds) - 5)} {seconds} ─", "1;36")
        )

    def say(self, text: str) -> None:
        """Say a paragraph, wrapped."""
        self.line()
        for line in textwrap.wrap(" ".join(text.split()), width(), break_on_hyphens=False):
            self.line(line)

    def line(self, text: str = "") -> None:
        """Write one line as it is."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def say_indented(self, name: str, text: str) -> None:
        """Say what is told of a name beside it, wrapped."""
        beside = " " * (len(INDENT) + NAME_WIDTH)
        lines = textwrap.wrap(text, width() - len(beside), break_on_hyphens=False)
        for at, line in enumerate(lines):
            self.line((f"{INDENT}{name:<{NAME_WIDTH}}" if at == 0 else beside) + line)

    def seconds(self) -> float:
        """Return how long the story has lasted."""
        return time.monotonic() - self.started

    def troth(
        self,
        *arguments: str,
        codes: Sequence[int] = (0,),
        show: Callable[[str], str] | None = None,
        into: str = "",
    ) -> str:
        """Run a `troth` command, print it and what it says, and return that without colours.

        `show` chooses what is printed of it, `into` is a file of the folder that gets it instead.
        Raises StoppedError when it ends with another code than `codes`.
        """
        typed = shlex.join(["troth", *arguments])
        self.line()
        self.line(_styled(f"$ {typed}" + (f" > {into}" if into else ""), "1"))
        plain = bool(into) or show is not None
        code, said = self._run(arguments, colours=not plain and in_colour())
        self.commands += 1
        if code not in codes:
            self._print(said)
            raise StoppedError(f"`{typed}` ended with {code} and should not have. What it says stands above.")
        if into:
            (self.folder / into).write_text(said, encoding="utf-8")
        else:
            self._print(show(said) if show else said)
        return _COLOUR.sub("", said)

    def _run(self, arguments: Sequence[str], *, colours: bool) -> tuple[int, str]:
        wide = {"COLUMNS": str(width() - len(INDENT))}
        coloured = {"FORCE_COLOR": "1"} if colours else {"NO_COLOR": "1"}
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "troth", *arguments], cwd=self.folder, check=False,
                env={**self.environment, **wide, **coloured}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StoppedError(f"`troth {arguments[0]}` did not end within {SECONDS_MAX} seconds.") from None
        return ran.returncode, ran.stdout.decode("utf-8", "replace")

    def _print(self, said: str) -> None:
        for line in said.splitlines():
            if _COLOUR.sub("", line).strip():
                self.line(INDENT + line.rstrip())

    def quote(self, lines: Sequence[str]) -> None:
        """Print lines of a letter, set off by a bar."""
        self.line()
        for line in lines:
            whole = {"break_on_hyphens": False, "break_long_words": False}
            for part in textwrap.wrap(line, width() - len(INDENT) - 2, subsequent_indent="    ", **whole) or [
                ""
            ]:
                self.line(INDENT + _styled("│ ", "36") + part)


def width() -> int:
    """Return how wide a line may be: the terminal's width, within reason."""
    return max(60, min(WIDTH_MAX, shutil.get_terminal_size((100, 24)).columns))


def in_colour() -> bool:
    """Say whether colours are wanted."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _styled(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if in_colour() else text
