"""Where controllers for whom we process tell us of requests, and ask how far they are.

A controller shows its token; what we answer is signed.  Nothing tells one controller what
another has asked.

Source: OpenDSR specification 1.0, sections 6 and 8.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.faces.api_keys import SECRET_MIN
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited
from troth.rules import instruction
from troth.work import take_instruction
from troth.work.project import Project

WHERE = "/opendsr/requests"


def controller_pages(project: Project, limit: Limit) -> list[Any]:
    """Return the routes of controllers; none where no controller is set.

    Raises NotAllowedError where what we answer could not be signed.
    """
    if not project.settings.controllers:
        return []
    certificate, key = project.settings.own_certificate(), project.settings.own_key()
    instruction.signed(b"", certificate, key)
    for name, one in project.settings.controllers.items():
        if len(one.token().strip()) < SECRET_MIN:
            raise NotAllowedError(
                f"The token of [controller.{name}] is shorter than {SECRET_MIN} characters. Draw a longer one, such as "
                "with `openssl rand -hex 32`, and give it to the controller."
            )
    address = f"{project.settings.public_url}/opendsr/certificate.pem"

    async def said(
        request: Asked, done: Callable[[take_instruction.Known], bytes], status: int
    ) -> Response[Any]:
        limited(request, limit)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            who = take_instruction.known(project, token if kind.casefold() == "bearer" else "")
        except NotAllowedError as error:
            return _refused(401, str(error))
        try:
            body = await asyncio.to_thread(done, who)
        except NotFoundError as error:
            return _refused(404, str(error))
        except ConflictError as error:
            return _refused(409, str(error))
        except NotAllowedError as error:
            return _refused(400, str(error))
        return _signed(body, status)

    def _signed(body: bytes, status: int) -> Response[Any]:
        headers = {**instruction.signed(body, certificate, key), "Cache-Control": "no-store"}
        return Response(body, status_code=status, media_type="application/json", headers=headers)

    def _refused(status: int, sentence: str) -> Response[Any]:
        return _signed(json.dumps({"error": {"code": status, "message": sentence}}).encode(), status)

    @post(WHERE, status_code=201)
    async def take(request: Asked) -> Response[Any]:
        """POST /opendsr/requests: take an instruction; 201 with what was taken, signed."""
        body = await request.body()
        return await said(request, lambda who: take_instruction.take(project, who, body), 201)

    @get(f"{WHERE}/{{message:str}}")
    async def status(request: Asked, message: FromPath[str]) -> Response[Any]:
        """GET /opendsr/requests/ID: how far it is."""
        return await said(request, lambda who: take_instruction.status(project, who, message), 200)

    @delete(f"{WHERE}/{{message:str}}", status_code=202)
    async def cancel(request: Asked, message: FromPath[str]) -> Response[Any]:
        """DELETE /opendsr/requests/ID: take it back, where nothing was done yet."""
        return await said(request, lambda who: take_instruction.cancel(project, who, message), 202)

    @get("/opendsr/discovery", sync_to_thread=False)
    def discovery() -> Response[Any]:
        """GET /opendsr/discovery: what can be asked of us."""
        return _signed(instruction.discovery(address), 200)

    @get("/opendsr/certificate.pem", sync_to_thread=False)
    def our_certificate() -> Response[Any]:
        """GET /opendsr/certificate.pem: by what our answers are proven."""
        return Response(certificate, media_type="application/x-pem-file")

    return [take, status, cancel, discovery, our_certificate]
