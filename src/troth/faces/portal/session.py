"""Who may read the answers: the browser in which the code was entered, for a while.

The private address alone is not enough: it is shown to whoever typed somebody's e-mail
address.  A signed cookie says that the code was entered here; it is strictly necessary, is
set only then, and carries a request's number and a time.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta

from troth.ledger import keys
from troth.rules import representation
from troth.work import request_file
from troth.work.project import Project

NAME = "troth_answer"
MINUTES = 30


def issue(project: Project, number: str) -> str:
    """Return the cookie's value for a request whose code was just entered."""
    until = int((project.clock() + timedelta(minutes=MINUTES)).timestamp())
    return f"{number}.{until}.{_mac(project, number, until)}"


def holds(project: Project, number: str, cookie: str | None) -> bool:
    """Say whether a cookie opens the answers of this request now."""
    told, _, rest = (cookie or "").partition(".")
    written, _, mac = rest.partition(".")
    if told != number or not written.isdecimal() or len(written) > 12:
        return False
    until = int(written)
    good = hmac.compare_digest(mac.encode(), _mac(project, number, until).encode())
    return good and project.clock() < datetime.fromtimestamp(until, tz=project.clock().tzinfo)


def _mac(project: Project, number: str, until: int) -> str:
    _, secret = keys.own_key(project.ledger, "sessions")
    # Whoever asked for somebody else sees no more once the answer goes to that person.
    to = representation.to_the_subject(request_file.load(project, number).state)
    mac = hmac.digest(secret, f"{number}.{until}.{to}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac[:24]).decode()
