"""Write to the person of a request in words of one's own: a letter beside those that the course of a request sends.

It decides nothing and stops no clock; what is asked for, so that the clock stands still, is asked by `ask`.
The same words are sent once.

Law: GDPR Art. 12(1), (2).
"""

from __future__ import annotations

from hashlib import sha256

from troth.rules import request_move_guard
from troth.rules.event import Event
from troth.rules.letter import Written
from troth.work import request_file, send_letter
from troth.work.project import Project

KIND = "message"


def written(project: Project, number: str, about: str, words: str) -> Written:
    """Write the letter as it would be sent, and send nothing; raises NotAllowedError with every reason why not."""
    found = request_file.load(project, number)
    request_file.refuse_unless(request_move_guard.why_not_write(found.state, about, words))
    return send_letter.write(project, number, KIND, _fields(about, words))


def write_to(project: Project, number: str, about: str, words: str, staff: str, *, posted: str = "") -> Event:
    """Send a letter to the person; returns its event, whose outcome is `to_post` where no e-mail address is known.

    `posted` is the proof that it went by post.  Raises NotAllowedError with every reason why not.
    """
    found = request_file.load(project, number)
    request_file.refuse_unless(request_move_guard.why_not_write(found.state, about, words))
    fields = _fields(about, words)
    said = sha256("\0".join(fields.values()).encode()).hexdigest()[:12]
    return send_letter.send_letter(
        project, number, KIND, fields, letter_id=f"{KIND}-{said}", posted=posted, staff=staff
    )


def _fields(about: str, words: str) -> dict[str, str]:
    return {"about": " ".join(about.split()), "words": words.strip()}
