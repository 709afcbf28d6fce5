"""Filters that somebody of the staff keeps under a name, for every list of the console that has filters.

A list names what of its address is a filter; what a form sends besides is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from troth.faces.console.desk import Desk, Visit
from troth.ledger import filters
from troth.rules.staff import Duty


@dataclass(frozen=True, slots=True)
class Filtered:
    """A list that has filters: where it stands, who reads it, and what of its address is a filter."""

    address: str
    duty: Duty
    names: tuple[str, ...]


LISTS: Mapping[str, Filtered] = {
    "requests": Filtered(
        "/requests", "read_requests", ("status", "right", "entity", "due", "number", "waits", "order")
    ),
    "incidents": Filtered("/incidents", "read_incidents", ("status", "risk", "entity", "all")),
    "disclosures": Filtered("/recipients/disclosures", "read_recipients", ("recipient",)),
    "consents": Filtered("/consents", "read_consents", ("purpose", "company", "channel")),
    "actions": Filtered("/registers/actions", "read_registers", ("owner", "overdue", "all")),
    "audit": Filtered("/audit", "read_audit", ("verdict",)),
    "events": Filtered("/ledger/events", "read_ledger", ("kind", "stream", "since", "until")),
    "readings": Filtered("/ledger/readings", "read_ledger", ("since", "until")),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The filters of one list: which are set now, and those that somebody keeps, by name."""

    address: str
    asked: Mapping[str, str]
    found: Mapping[str, str] = field(repr=False)

    @property
    def query(self) -> str:
        """What is set now, as it stands in an address."""
        return urlencode(self.asked)


def kept(visit: Visit, of: str) -> Kept:
    """Return the filters of a list, as they are set and as they are kept."""
    listed = LISTS[of]
    asked = {name: value for name in listed.names if (value := visit.asked(name))}
    return Kept(listed.address, asked, filters.kept_by(visit.project.ledger, visit.staff.handle, of))


def kept_pages(desk: Desk) -> None:
    """Register, for each list, the form that keeps filters and lets them go."""
    for of, listed in LISTS.items():
        _keeping(desk, of, listed)


def _keeping(desk: Desk, of: str, listed: Filtered) -> None:
    def keep(visit: Visit) -> Response[Any]:
        """POST …/filters: keep the filters that are set on a list, or let some go."""
        ledger, handle = visit.project.ledger, visit.staff.handle
        if gone := visit.given("gone"):
            filters.let_go(ledger, handle, of, gone)
            return visit.to(listed.address, "told.filter_gone")
        asked = {name: value for name in listed.names if (value := visit.given(f"filter-{name}")[:200])}
        filters.keep(ledger, handle, of, visit.given("name"), urlencode(asked))
        return visit.to(listed.address, "told.filter_kept", **asked)

    keep.__name__ = f"keep_{of}"
    desk.act(f"{listed.address}/filters", listed.duty)(keep)
