"""Addresses to which something is not sent any more, as keyed hashes that name nobody.

They have a key of their own, carry no subject and survive an erasure.  Each row says for
which company, purpose and channel, since when, and by which event; a row is never changed: a
later one opens a purpose again, when the person says yes to it.  What stops is found by the
wide form (other case, other tags, dots), so that no other spelling is written to.

Law: GDPR Art. 21(3), Art. 4(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from troth.ledger import keys
from troth.ledger.schema import Ledger
from troth.ledger.subjects import fingerprint

DOMAIN: Literal["suppression"] = "suppression"
EVERY = "*"
_ADD = text(
    "INSERT INTO suppressions (kind, form, key_version, mac, controller, purpose, channel, state, at, event) "
    "VALUES (:kind, :form, :version, :mac, :controller, :purpose, :channel, :state, :at, :event)"
)
_FIND = text(
    "SELECT controller, purpose, channel, at, event FROM suppressions WHERE kind = :kind AND form = :form "
    "AND key_version = :version AND mac = :mac AND state = :state ORDER BY number"
)
_PAGE = text(
    "SELECT number, kind, form, key_version, mac, controller, purpose, channel, state, at, event FROM suppressions "
    "WHERE number > :after ORDER BY number LIMIT :page"
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """What is not sent to an address: by which company, for which purpose and channel, since when.

    `resumed` is what a later yes of the person opens again, for its own purpose and channel alone.
    """

    controller: str
    purpose: str
    channel: str
    at: str
    event: str
    resumed: bool = False

    def covers(self, purposes: Sequence[str], controller: str, channel: str | None) -> bool:
        """Say whether it is about one of these purposes, this company and this channel; `*` is about all."""
        return (
            self.purpose in {*purposes, EVERY}
            and self.controller in {controller, EVERY}
            and (channel is None or self.channel in {channel, EVERY})
        )


def since(
    known: Iterable[Suppression], purposes: Sequence[str], controller: str, channel: str | None
) -> Suppression | None:
    """Return what stops the first of these purposes (those after it are broader), the latest; None if nothing does."""
    about = [one for one in known if one.covers(purposes, controller, channel)]
    stop = max((one for one in about if not one.resumed), key=lambda one: one.at, default=None)
    if stop is None:
        return None
    again = any(
        one.resumed
        and one.at > stop.at
        and one.purpose == purposes[0]
        and (channel is not None or one.channel == EVERY)
        for one in about
    )
    return None if again else stop


def rows(ledger: Ledger, kind: str, value: str, told: Suppression) -> list[dict[str, object]]:
    """Make the rows of one address: its exact form and, where something stops, its wide one."""
    made: list[dict[str, object]] = []
    for form in ("exact",) if told.resumed else ("exact", "wide"):
        version, mac = fingerprint(ledger, DOMAIN, kind, value, wide=form == "wide")
        made.append({
            "kind": kind, "form": form, "version": version, "mac": mac, "controller": told.controller,
            "purpose": told.purpose, "channel": told.channel, "state": "resumed" if told.resumed else "stopped",
            "at": told.at, "event": told.event,
        })  # fmt: skip
    return made


def add(connection: Connection, made: Sequence[dict[str, object]]) -> None:
    """Write rows inside a transaction that is already open, such as that of the event they belong to."""
    if made:
        connection.execute(_ADD, list(made))


def suppress(ledger: Ledger, kind: str, value: str, told: Suppression) -> None:
    """Let nothing of this be sent to an address any more; saying it again does no more.

    What was opened since for one purpose, company or channel, an objection that is later closes again.
    """
    known = of(ledger, kind, value)
    same = [
        one for one in known if not one.resumed and one.covers([told.purpose], told.controller, told.channel)
    ]
    last = max((one.at for one in same), default="")
    opened = any(one.resumed and one.at > last for one in known)
    if told.resumed or not same or (opened and told.at > last):
        with ledger.writing() as connection:
            add(connection, rows(ledger, kind, value, told))


def of(ledger: Ledger, kind: str, value: str) -> tuple[Suppression, ...]:
    """Return what is known of an address: what stops it in any spelling, what it alone opened again."""
    found: list[Suppression] = []
    for version, _ in keys.versions(ledger, f"fingerprint/{DOMAIN}"):
        for form, state in (("wide", "stopped"), ("exact", "resumed")):
            _, mac = fingerprint(ledger, DOMAIN, kind, value, wide=form == "wide", version=version)
            bound = {"kind": kind, "form": form, "version": version, "mac": mac, "state": state}
            with ledger.looking() as connection:
                told = connection.execute(_FIND, bound).all()
            found += [
                Suppression(row.controller, row.purpose, row.channel, row.at, row.event, state == "resumed")
                for row in told
            ]
    return tuple(found)


def is_suppressed(ledger: Ledger, kind: str, value: str) -> bool:
    """Say whether anything is not sent to an address any more."""
    return any(not one.resumed for one in of(ledger, kind, value))


def pages(ledger: Ledger, after: int = 0, page: int = 5000) -> Iterator[list[tuple[object, ...]]]:
    """Yield every row after a number, in pages, in the order they were written."""
    while True:
        with ledger.looking() as connection:
            found = [tuple(row) for row in connection.execute(_PAGE, {"after": after, "page": page})]
        if found:
            yield found
            after = int(str(found[-1][0]))
        if len(found) < page:
            return
