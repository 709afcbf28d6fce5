"""Channels by which data comes in: who answers for each, which notice people meet there, and what shows it.

Law: GDPR Art. 5(2), Art. 13(1).
"""

from __future__ import annotations

from typing import Any

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.register_pages import needed_day
from troth.faces.console.saved import given_away
from troth.rules.package import file_name
from troth.work import review_channel
from troth.work.establishment import day_here
from troth.work.record_reading import record_reading

HERE = "/registers/channels"


def channel_pages(desk: Desk) -> None:
    """Register the page of channels: they are of the policy, which binds the whole group."""

    @desk.page(HERE, "read_registers")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/registers/channels: each with its last review."""
        visit.must("read_registers", "")
        project = visit.project
        record_reading(project, "channels", visit.staff.handle, "console/registers/channels")
        return visit.show(
            "channels.html", visit.words("channels.title"), rows=review_channel.every(project), day=visit.day,
            today=day_here(project).isoformat(), version=project.policy.version,
            writes=visit.may("write_registers", ""),
        )  # fmt: skip

    @desk.act(HERE, "write_registers", files=True)
    def review(visit: Visit) -> Response[Any]:
        """POST /console/registers/channels: record a review of one."""
        visit.must("write_registers", "")
        sent = visit.file("proof")
        if sent is None:
            raise NotAllowedError("Choose what shows the notice: a screenshot, a photograph, the form.")
        name, body = sent
        review_channel.record(
            visit.project, visit.given("channel"), owner=visit.given("owner"),
            notice=visit.given("notice") or visit.project.policy.version, name=name[-200:], body=body,
            on=needed_day(visit.given("on")), staff=visit.staff.handle,
        )  # fmt: skip
        return visit.to(HERE, "told.channel.reviewed")

    @desk.act(f"{HERE}/proof", "read_registers")
    def proof(visit: Visit) -> Response[Any]:
        """POST …/proof: what the last review of one was shown; that somebody took it is recorded first."""
        visit.must("read_registers", "")
        channel = visit.given("channel")
        name, chunks = review_channel.proof(visit.project, channel)
        record_reading(visit.project, "channels", visit.staff.handle, "console/registers/channels/proof")
        stem, dot, ending = name.rpartition(".")
        ending = ending if dot and ending.isascii() and ending.isalnum() else "bin"
        return given_away(f"{file_name(stem or channel)}.{ending}", "application/octet-stream", chunks)
