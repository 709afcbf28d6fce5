"""What every route for other systems shares: the key and its scope, limits, bodies in JSON, and problems.

Source: RFC 9457 (problem details), RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from litestar import Response
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
)

from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError
from troth.faces.api_keys import Keys
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked
from troth.work.project import Project

LOG = logging.getLogger("troth.portal")
ONCE = re.compile(r"[\x21-\x7e]{8,128}")
STATUS: Mapping[type[Exception], int] = {NotFoundError: 404, ConflictError: 409, NotAllowedError: 422}
ADVICE: Mapping[int, str] = {
    400: "This was not understood. GET /api/openapi.json says what every address takes.",
    404: "There is nothing at this address. GET /api/openapi.json lists every address there is.",
    405: "This address is asked by another method: see `Allow`, and GET /api/openapi.json.",
    413: "The body is too large. Send less at once.",
    415: "The body is not of a kind that is read here. Send JSON, and say `Content-Type: application/json`.",
    500: "An error of ours. Send it again under the same key; then tell who runs this.",
}
"""What to do about what the web refuses by its name alone."""
Given = TypeVar("Given")


class Guard:
    """Lets the systems in whose keys troth.toml sets, each within its scope and so often an hour."""

    def __init__(self, project: Project, limit: Limit) -> None:
        self._keys, self._limit = Keys(project), limit

    @property
    def known(self) -> bool:
        """Say whether any key is set."""
        return bool(self._keys.known)

    def allowed(self, request: Asked, scope: str) -> str:
        """Return the name of the key that was shown, where it may do this."""
        found = self._keys.of(request.headers.get("authorization", "").encode("latin-1"))
        if found is None:
            raise NotAuthorizedException("No key that is known was shown. Send `Authorization: Bearer KEY`.")
        if not self._limit.allows(found[0]):
            raise TooManyRequestsException(
                "This key was used too often. Try again later.",
                headers={"Retry-After": str(int(self._limit.seconds))},
            )
        if scope not in found[1]:
            raise PermissionDeniedException(f"This key has no scope {scope!r}. It is set in troth.toml.")
        return found[0]


async def body_of(request: Asked, kind: type[Given], what: str) -> Given:
    """Read the body as JSON of a kind; raises NotAllowedError that names fields and kinds, and no value."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise NotAllowedError(f"The body is not {what} in JSON: {error}.") from None
    except UnicodeDecodeError:
        raise NotAllowedError(f"The body is not {what} in JSON: it is not UTF-8.") from None


def answer(
    value: Mapping[str, Any], status: int = 200, kind: str = "application/json", **more: str
) -> Response[Any]:
    """Answer in JSON that nobody on the way keeps."""
    return Response(
        json.dumps(value, ensure_ascii=False).encode(), status_code=status, media_type=kind,
        headers={"Cache-Control": "no-store", **more},
    )  # fmt: skip


def problem(status: int, title: str, detail: str, **more: str) -> Response[Any]:
    """Answer with a problem."""
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return answer(said, status, "application/problem+json", **more)


def refused(_: Asked, error: HTTPException) -> Response[Any]:
    """Answer what the web refuses as a problem, which says what to do also where the web only names it."""
    more = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else dict(error.headers or {})
    named = str(error.detail) == HTTPStatus(error.status_code).phrase
    advice = ADVICE.get(error.status_code, ADVICE[400 if error.status_code < 500 else 500]) if named else ""
    return problem(error.status_code, "Refused", advice or str(error.detail), **more)


def _ours(request: Asked, error: TrothError) -> Response[Any]:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 503)
    if status == 503:
        LOG.error("%s at %s", type(error).__name__, request.scope.get("path_template", "?"))
        return problem(503, "Not now", "The request was not taken in. Send it again under the same key.")
    title = {404: "Not found", 409: "Already used"}.get(status, "Not taken in")
    return problem(status, title, str(error))


def _unforeseen(request: Asked, error: Exception) -> Response[Any]:
    LOG.error("%s at %s", type(error).__name__, request.scope.get("path_template", "?"))
    return problem(500, "An error of ours", "Send it again under the same key; then tell who runs this.")


ERRORS: dict[Any, Any] = {TrothError: _ours, HTTPException: refused, Exception: _unforeseen}
