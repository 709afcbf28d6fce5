"""What was said by and to the person of a request, and its files: each reading is recorded before anything is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Response

from troth.errors import KeyDestroyedError, NotFoundError
from troth.faces.console import request_shown as shown
from troth.faces.console.acts import Sight, flat
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.request_pages import seen
from troth.faces.console.saved import given_away
from troth.ledger import read, vault
from troth.rules.package import plain
from troth.work import build_package, dossier, letter_paper, look_at_rows, request_file, show_document

TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
WAY = {"letter_sent": "out", "request_received": "in", "said_more": "in", "ask_answered": "in"}


def request_file_pages(desk: Desk) -> None:
    """Register what shows the words of people, and what gives files away."""

    @desk.act("/requests/{number:str}/said", "read_requests")
    def said(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/said: what was said by and to the person, in order."""
        sight = seen(visit)
        request_file.record_reading(visit.project, sight.number, sight.staff, "words")
        return visit.show(
            "request_said.html", visit.words("said.title", number=sight.number), number=sight.number,
            messages=list(_messages(sight)), gone=bool(sight.state.get("file_destroyed")),
        )  # fmt: skip

    @desk.act("/requests/{number:str}/rows", "read_requests")
    def rows(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/rows: some rows of the person in a table, masked."""
        sight, store, table = seen(visit), visit.given("store"), visit.given("table")
        found = look_at_rows.look_at_rows(
            visit.project, sight.number, store, table, sight.staff, language=visit.words.language
        )
        columns = list(dict.fromkeys(name for row in found for name in row))
        return visit.show(
            "request_rows.html", f"{store}.{table}", number=sight.number, rows=found, columns=columns,
            most=look_at_rows.ROWS_MAX,
        )  # fmt: skip

    @desk.act("/requests/{number:str}/package", "handle")
    def package(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/package: the answer to a claim for a copy, to look it through."""
        sight, claim = seen(visit, "handle"), visit.given("claim")
        content = build_package.open_package(visit.project, sight.number, claim, sight.staff)
        return given_away(f"{sight.number}-{claim}.zip", "application/zip", content)

    @desk.act("/requests/{number:str}/document", "handle")
    def document(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/document: a document by which somebody shows who they are."""
        sight = seen(visit, "handle")
        kind, raw = show_document.look(visit.project, sight.number, sight.staff, visit.given("name"))
        return given_away(f"{sight.number}.{kind}", TYPES.get(kind, "application/octet-stream"), raw)

    @desk.act("/requests/{number:str}/dossier", "read_requests")
    def whole(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/dossier: the request whole, as PDF or as JSON that can be verified."""
        sight, redacted = seen(visit), visit.given("redacted") == "yes"
        told = dossier.dossier(
            visit.project, sight.number, sight.staff, redacted=redacted, language=visit.words.language
        )
        if visit.given("as") == "json":
            return given_away(f"{sight.number}.json", "application/json", dossier.as_json(told))
        return given_away(f"{sight.number}.pdf", "application/pdf", dossier.as_pdf(visit.project, told))

    @desk.act("/requests/{number:str}/letter", "read_requests")
    def letter(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/letter: a letter on paper."""
        sight, name = seen(visit), visit.given("name")
        project, number = visit.project, sight.number
        if name not in {str(one["letter"]) for one in sight.state["letters"]}:
            raise NotFoundError(f"Request {number} has no such letter.")
        request_file.record_reading(project, number, sight.staff, "letter")
        written, whom = letter_paper.find(project, number, name)
        receipt = letter_paper.is_receipt(project, number, name)
        drawn = letter_paper.pdf(project, number, written, whom, receipt=receipt)
        return given_away(f"{number}-{name}.pdf", "application/pdf", drawn)


def _messages(sight: Sight) -> Iterator[dict[str, Any]]:
    """Yield what stands locked in each event, in order; what was erased says so."""
    words = sight.words
    for event in read.stream(sight.project.ledger, sight.file.stream):
        if event.key is None:
            continue
        head = {"at": event.at, "actor": event.actor, "text": shown.sentence(event, words),
                "way": WAY.get(event.kind, "note")}  # fmt: skip
        try:
            told: Any = plain(vault.payload(sight.project.ledger, event))
        except (KeyDestroyedError, NotFoundError):
            yield {**head, "parts": [], "erased": True}
            continue
        parts = [
            (words(f"said.{name}") if words.has(f"said.{name}") else name, text)
            for name, text in flat(told, words)
            if name != "data"
        ]
        if parts:
            yield {**head, "parts": parts, "erased": False}
