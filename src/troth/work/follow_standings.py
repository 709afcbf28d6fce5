"""Keep a local copy of how subjects stand up to date with the ledger.

Each look reads what was written since the last, and writes for every subject it touches how
they stand now, from their state: being told twice changes nothing.

Law: GDPR Art. 7(3), Art. 21(3): a no takes effect at once, everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, text

from troth.ledger.follow import Follower
from troth.ledger.replica import Replica
from troth.rules import consent
from troth.work import may
from troth.work.project import Project

KINDS = (
    "consent_recorded", "objection_recorded", "restriction_moved", "act_ended", "claim_decided", "request_moved",
    "letter_sent", "subject_forgotten", "purpose_stated", "refusals_known",
)  # fmt: skip
STATES_AT_ONCE = 500
_STATES = text("SELECT stream, body FROM state WHERE stream IN :streams").bindparams(
    bindparam("streams", expanding=True)
)
_EMPTY: dict[str, Any] = {"consents": {}, "objections": {}}


class Following:
    """A copy and how it is brought up to date."""

    def __init__(self, project: Project, replica: Replica) -> None:
        self.project, self.replica = project, replica
        self._follower = Follower(project.ledger, KINDS, replica.settled)
        self.known = may.known(project)

    def look(self) -> int:
        """Take in what is new; return how many rows that was."""
        stated = False

        def happened(rows: Sequence[Any]) -> None:
            nonlocal stated
            stated = stated or any(kind in {"purpose_stated", "refusals_known"} for _, kind, _, _ in rows)
            self._take(rows)

        count = self._follower.look(self.replica.name_subjects, self.replica.close_addresses, happened)
        if stated or self.known.policy is not self.project.policy:  # a version's day may have come
            self.known = may.known(self.project)
        return count

    def save(self, *, closed: bool = False) -> None:
        """Write down how far it was followed."""
        self.replica.save(self._follower.settled, closed=closed)

    def _take(self, rows: Sequence[Any]) -> None:
        start = f"{consent.FAMILY}/"
        chosen = {stream.removeprefix(start) for _, _, stream, _ in rows if stream.startswith(start)}
        moved = {subject for _, kind, stream, subject in rows if subject and not stream.startswith(start)
                 and kind != "subject_forgotten"}  # fmt: skip
        forgotten = {subject for _, kind, _, subject in rows if kind == "subject_forgotten"}
        ordered = sorted((chosen | moved) - {""})
        for at in range(0, len(ordered), STATES_AT_ONCE):
            self._write(ordered[at : at + STATES_AT_ONCE], moved)
        for subject in forgotten:
            self.replica.forget(subject)

    def _write(self, subjects: Sequence[str], moved: set[str]) -> None:
        with self.project.ledger.looking() as connection:
            bound = {"streams": [consent.stream(one) for one in subjects]}
            found = {stream: msgspec.json.decode(body) for stream, body in connection.execute(_STATES, bound)}
        for subject in subjects:
            state = found.get(consent.stream(subject), _EMPTY)
            special = self._special(subject, look=subject in moved)
            self.replica.put(subject, self.replica.written(state, special))

    def _special(self, subject: str, *, look: bool) -> dict[str, Any]:
        """Return what stops a subject's data altogether, looked up where something moved or stood there before."""
        if look or self.replica.is_special(subject):
            return consent.special(*may.stopping(self.project, subject))
        return {}
