"""Take what a person adds to their request: more words, a narrower wish, an answer.

Law: GDPR Art. 12(2).
"""

from __future__ import annotations

from hashlib import sha256

from troth.errors import NotAllowedError
from troth.ledger import append
from troth.rules import request
from troth.rules.event import Draft
from troth.work import request_file
from troth.work.project import Project

TEXT_MAX = 10_000
TIMES_MAX = 100


def say_more(
    project: Project, number: str, text: str, *, channel: str = "portal", after: int | None = None
) -> None:
    """Record what a person adds; raises NotAllowedError when it is nothing, too long, or too late.

    `after` says how often they had added something when they wrote: the same words sent twice are added once.
    """
    found = request_file.load(project, number)
    if not request.is_open(found.state):
        raise NotAllowedError("The request has ended. Make a new one.")
    if not text.strip() or len(text) > TEXT_MAX or found.state.get("said_more", 0) >= TIMES_MAX:
        raise NotAllowedError(f"Say something, in at most {TEXT_MAX} characters.")
    draft = Draft(
        "said_more", found.stream, {"channel": channel}, **request_file.about(found), actor="requester",
        payload={"text": text.strip()},
    )  # fmt: skip
    said = sha256(text.strip().encode("utf-8", "replace")).hexdigest()[:16]
    append.append(project.ledger, [draft], once=None if after is None else f"said {number} {after} {said}")
