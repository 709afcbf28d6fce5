"""Which certificates are trusted on the way out: those that this machine trusts, read once in a process."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """Return what an encrypted connection is opened with; to read the certificates anew takes 30 ms each time."""
    return ssl.create_default_context()
