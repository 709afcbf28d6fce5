"""The ledger as a checkpoint covered it, or as it is now: the same reading for both.

What a checkpoint covers is fixed by its signature; whoever asks again gets the same events,
whatever was written since.

Law: GDPR Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text

from troth.errors import KeyDestroyedError, NotFoundError
from troth.ledger import read, schema, vault
from troth.ledger.schema import Ledger
from troth.rules.event import Event, decode
from troth.rules.fold import fold

PAGE = 1000
_UNSEALED = text("SELECT count(*) FROM unsealed")
_COVERED = "JOIN leaves l ON l.id = e.id AND l.number < :size"


@dataclass(frozen=True, slots=True)
class Past:
    """A ledger up to `size` sealed events; without it, all that is there."""

    ledger: Ledger
    size: int | None = None

    def events(self, *kinds: str) -> Iterator[Event]:
        """Yield the events of these kinds in the order they were written, in bounded memory."""
        yield from self._paged("e.kind IN :kinds", {"kinds": list(kinds)}, "kinds")

    def stream(self, name: str) -> tuple[Event, ...]:
        """Return the events of a stream, in order."""
        return tuple(self._paged("e.stream = :stream", {"stream": name}))

    def states(self, family: str) -> Mapping[str, Mapping[str, Any]]:
        """Return what the streams of a family say, by the name of the stream after its family."""
        if self.size is None:
            return {found.stream.partition("/")[2]: found.body for found in read.states(self.ledger, family)}
        folded: dict[str, Any] = {}
        of_family = schema.of_family(self.ledger, "e.stream")
        for event in self._paged(of_family, schema.family_bounds(family)):
            name = event.stream.partition("/")[2]
            folded[name] = fold(folded.get(name), event)
        return folded

    def said(self, event: Event) -> Mapping[str, Any]:
        """Return what an event says in words; nothing where it says none or its key is destroyed."""
        try:
            return vault.payload(self.ledger, event)
        except (KeyDestroyedError, NotFoundError):
            return {}

    def unsealed(self) -> int:
        """Return how many events wait for their seal; none below a checkpoint."""
        if self.size is not None:
            return 0
        with self.ledger.looking() as connection:
            return int(connection.execute(_UNSEALED).scalar_one())

    def _paged(self, condition: str, bound: Mapping[str, object], expanding: str = "") -> Iterator[Event]:
        covered = _COVERED if self.size is not None else ""
        statement = text(
            f"SELECT e.seq, e.body FROM events e {covered} WHERE {condition} AND e.seq > :after "  # noqa: S608
            "ORDER BY e.seq LIMIT :page"
        )
        if expanding:
            statement = statement.bindparams(bindparam(expanding, expanding=True))
        more = {"size": self.size} if self.size is not None else {}
        after = 0
        while True:
            values = {**bound, **more, "after": after, "page": PAGE}
            with self.ledger.looking() as connection:
                page = connection.execute(statement, values).all()
            for row in page:
                yield decode(bytes(row.body))
            if len(page) < PAGE:
                return
            after = page[-1].seq
