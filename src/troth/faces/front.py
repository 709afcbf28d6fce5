"""What stands in front of a server's pages: the hot routes, where a key is set for them.

The writer is made when a key may report choices, the gate's copy when one may ask `may`: who
uses neither needs neither.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from troth.errors import ConflictError, NotAllowedError, TrothError, UnreachableError
from troth.faces.api_keys import Keys
from troth.faces.portal.application import application
from troth.faces.portal.limits import Pace
from troth.work.project import Project

if TYPE_CHECKING:
    from troth.faces.hot import Message, Receive, Send
    from troth.ledger.ingest import Ingest
    from troth.work.gate import Gate

LOG = logging.getLogger("troth.hot")
COPIES_MAX = 64
AGAIN_SECONDS = 5.0


class Front:
    """The application of one server process; close it when the server has ended."""

    def __init__(self, project: Project, rest: Any) -> None:
        self._project, self._app = project, rest
        keys = Keys(project)
        scopes = frozenset(one for *_, scope in keys.known for one in scope)
        self._gate: Gate | None = None
        self._ingest: Ingest | None = None
        self._closing = threading.Event()
        self._making: threading.Thread | None = None
        if scopes & {"choices", "may"}:
            from troth.faces.hot import Hot
            from troth.ledger.ingest import Ingest
            from troth.work.take_choices import Taking

            self._ingest = Ingest(project.ledger) if "choices" in scopes else None
            taking = Taking(project, self._ingest) if self._ingest else None
            pace = Pace({name: key.per_minute for name, key in project.settings.api.items()})
            self._app = Hot(keys, rest, taking, self.gate, pace)
        if "may" in scopes:
            from troth.ledger.replica import libraries

            libraries()
            self._making = threading.Thread(target=self._make, name="first look", daemon=True)
            self._making.start()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a message."""
        await self._app(scope, receive, send)

    def gate(self) -> Gate:
        """Return the gate of this process; raises UnreachableError while its copy is being made."""
        if self._gate is None:
            raise UnreachableError("The copy that answers is still being made. Ask again in a moment.")
        return self._gate

    def wait(self, seconds: float) -> None:
        """Wait until the copy is there, at most so long."""
        if self._making is not None:
            self._making.join(seconds)

    def _make(self) -> None:
        """Make the copy, again and again while the ledger does not answer."""
        while not self._closing.is_set():
            try:
                self._gate = _first_free(self._project)
            except TrothError as error:
                LOG.error("The copy that answers could not be made: %s", error)
            except Exception as error:  # whatever it is, the next try may go well
                LOG.error("The copy that answers could not be made: %s", type(error).__name__)
            else:
                return
            self._closing.wait(AGAIN_SECONDS)

    def close(self) -> None:
        """Write what was handed in, and let go of the copy."""
        self._closing.set()
        if self._ingest is not None:
            self._ingest.close()
        self.wait(10)
        if self._gate is not None:
            self._gate.close()


def front(project: Project) -> Front:
    """Build the application of a server."""
    return Front(project, application(project))


def _first_free(project: Project) -> Gate:
    """Open the gate on the first copy that no other process of this machine writes to."""
    from troth.work.gate import Gate

    folder = project.settings.folder / ".troth" / "gates"
    for number in range(1, COPIES_MAX + 1):
        try:
            return Gate(project, folder / str(number))
        except ConflictError:
            continue
    raise NotAllowedError(f"{COPIES_MAX} processes follow the ledger here already.")
