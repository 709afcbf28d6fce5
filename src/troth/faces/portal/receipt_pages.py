"""What a person takes home from the page of their request: the receipt of each step, and each letter as it went.

Both are given to whoever entered the code, as the page is; an event that is no step of this very request is not there.

Law: GDPR Art. 5(2), Art. 12(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from troth.faces.attachment import attachment
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, opened
from troth.work import give_receipt, letter_paper
from troth.work.project import Project

KINDS: Mapping[str, str] = {".txt": "text/plain", ".pdf": "application/pdf"}
"""What a browser is told of a letter; of one that was imported as another file, only that it is one."""


def receipt_pages(project: Project, limit: Limit) -> list[Any]:
    """Return the routes by which receipts and letters of a request are taken; `limit` counts them by visitor."""

    @get("/follow/{token:str}/receipts/{event:str}", sync_to_thread=True)
    def receipt(request: Asked, token: FromPath[str], event: FromPath[str]) -> Response[bytes]:
        """GET /follow/TOKEN/receipts/EVENT: the receipt of a step, with its proof once it is sealed."""
        limited(request, limit)
        number = opened(request, project, token)
        written = give_receipt.give_receipt(project, number, event)
        return receipt_file(f"receipt-{number}-{event}", written)

    @get("/follow/{token:str}/letters/{event:str}", sync_to_thread=True)
    def letter(request: Asked, token: FromPath[str], event: FromPath[str]) -> Response[bytes]:
        """GET /follow/TOKEN/letters/EVENT: a letter as it went."""
        limited(request, limit)
        number = opened(request, project, token)
        ending, on, written = letter_paper.as_sent(project, number, event)
        kind = KINDS.get(ending, "application/octet-stream")
        return _saved(f"letter-{number}-{on.isoformat()}{ending}", kind, written)

    return [receipt, letter]


def receipt_file(name: str, written: bytes) -> Response[bytes]:
    """Return a receipt as a file that nobody on the way keeps."""
    return _saved(f"{name}.json", "application/json", written)


def _saved(name: str, kind: str, written: bytes) -> Response[bytes]:
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return Response(written, media_type=kind, headers=headers)
