"""The keys other systems show: `Authorization: Bearer KEY`, each with what it is good for.

Source: RFC 6750.
"""

from __future__ import annotations

import hmac

from troth.errors import NotAllowedError
from troth.work.project import Project

SECRET_MIN = 32


class Keys:
    """The keys that troth.toml sets; raises NotAllowedError for one that is too short."""

    def __init__(self, project: Project) -> None:
        self.known: list[tuple[str, bytes, frozenset[str]]] = []
        for name, key in project.settings.api.items():
            secret = key.secret().strip().encode()
            if len(secret) < SECRET_MIN:
                raise NotAllowedError(
                    f"The secret of [api.{name}] is shorter than {SECRET_MIN} characters. Draw a longer one, such as "
                    "with `openssl rand -hex 32`."
                )
            self.known.append((name, secret, frozenset(key.scope)))

    def of(self, header: bytes) -> tuple[str, frozenset[str]] | None:
        """Return the name of the key a header shows, and its scope."""
        kind, _, shown = header.partition(b" ")
        if kind.lower() != b"bearer":
            return None
        given = shown.strip()
        found = [one for one in self.known if hmac.compare_digest(one[1], given)]
        return (found[0][0], found[0][2]) if found else None
