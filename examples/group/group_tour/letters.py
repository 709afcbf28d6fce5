"""The letters of the tour: files in a folder, read as the person would read them."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

LINE_BROKEN_FROM = 70
"""From how many characters on a line is one that goes on in the next."""

CODE = re.compile(r"\b\d{8}\b")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A letter that arrived."""

    to: str
    subject: str
    lines: tuple[str, ...]


def arrived(folder: Path) -> list[Arrived]:
    """Read every letter in the folder, the oldest first."""
    found = []
    for file in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        found.append(Arrived(str(message["To"]), str(message["Subject"]), tuple(_flowing(text))))
    return found


def _flowing(text: str) -> list[str]:
    """Join the lines of a sentence, which letters break for those who read them as they are."""
    lines: list[str] = []
    for line in text.splitlines():
        if lines and len(lines[-1]) > LINE_BROKEN_FROM and line and not line.startswith(" "):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return lines


def last_code(folder: Path, to: str) -> str:
    """Return the one-time code in the last letter to this address that has one."""
    codes = [
        code
        for letter in arrived(folder)
        if letter.to == to
        for code in CODE.findall("\n".join(letter.lines))
    ]
    return codes[-1]
