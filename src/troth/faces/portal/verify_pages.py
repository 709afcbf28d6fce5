"""Where anybody checks a receipt: whether it is ours and unchanged, and what it proves.

The file is verified as `troth verify` does and forgotten: nothing of it is stored, and nothing is looked up by it.

Law: GDPR Arts. 5(2), 7(1).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

from litestar import Response, get, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from troth.errors import NotAllowedError, TamperedError
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.portal.task_pages import read_form
from troth.faces.web import Look
from troth.ledger import seal
from troth.ledger.receipt import Received
from troth.rules.package import plain
from troth.work.project import Project
from troth.work.verify_proof import Dossier, verify_proof

FILE_BYTES_MAX = 2 * 2**20
BODY_BYTES_MAX = FILE_BYTES_MAX + 64 * 1024
FACTS_MAX = 20_000
"""So many characters of a record are shown: a page stays under 150 KB."""
Verdict = Literal["genuine", "foreign", "changed", "no", "big", "none"]
STATUS = {"genuine": 200, "foreign": 200, "changed": 200, "big": 413}


def verify_pages(project: Project, look: Look, limit: Limit) -> list[Any]:
    """Return the routes by which receipts are checked; `limit` counts the files of a visitor."""

    @get("/verify", sync_to_thread=False)
    def form(request: Asked) -> Response[str]:
        """GET /verify: the form."""
        return shown(request, "")

    @post("/verify", request_max_body_size=BODY_BYTES_MAX, status_code=200)
    async def checked(request: Asked) -> Response[str]:
        """POST /verify: what a receipt or a dossier proves."""
        same_site(request, project)
        limited(request, limit)
        try:
            body = await request.body()
        except RequestEntityTooLarge:
            return shown(request, "big")
        sent = read_form(request.headers.get("content-type", ""), body)
        written = sent.files[0].data if sent.files else b""
        verdict, found = await asyncio.to_thread(judged, written)
        return shown(request, verdict, found)

    def judged(written: bytes) -> tuple[Verdict, Received | Dossier | None]:
        if not written:
            return "none", None
        if len(written) > FILE_BYTES_MAX:
            return "big", None
        try:
            return "genuine", verify_proof(written, *seal.verifiers(project.ledger))
        except NotAllowedError:
            return "no", None
        except TamperedError:
            pass
        try:
            return "foreign", verify_proof(written)
        except (TamperedError, NotAllowedError):
            return "changed", None

    def shown(request: Asked, verdict: str, found: Received | Dossier | None = None) -> Response[str]:
        words = look.words_for(request)
        title = words(f"verify.{verdict}") if verdict else words("verify.title")
        status = STATUS.get(verdict, 422) if verdict else 200
        facts: list[tuple[str, str]] = []
        record = ""
        match found:
            case Received():
                event = found.event
                kind = f"proof.{event.kind}"
                facts = [
                    (words("verify.what"), words(kind) if words.has(kind) else words("proof.other", kind=event.kind)),
                    (words("verify.when"), f"{words.day(event.at)}, {event.at:%H:%M:%S} UTC"),
                    (words("verify.place"), words("verify.sealed", size=found.size) if found.sealed
                     else words("verify.promised")),
                    (words("verify.number"), event.id),
                    (words("verify.by"), found.signer),
                ]  # fmt: skip
                record = json.dumps(plain(event.facts), ensure_ascii=False, indent=2)[:FACTS_MAX]
            case Dossier():
                told = words("verify.dossier", events=found.events, sealed=found.sealed)
                facts = [(words("verify.request"), found.request), (words("verify.events"), told)]
        return look.page(
            request, "verify.html", title, status, path="/verify", verdict=verdict, facts=facts, record=record,
            mebibytes=FILE_BYTES_MAX // 2**20,
        )  # fmt: skip

    return [form, checked]
