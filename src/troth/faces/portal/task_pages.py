"""The page of a task: who is looked for, what was found, files, and the owner's word. No account is needed.

Its address works until it was answered once, and that somebody read it is recorded before it
is shown.  Nothing of a body is read before the address was found good, and what is handed in is
never written to a disk in clear.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.params import FromPath

from troth.errors import NotAllowedError
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.sent_once import sent_once
from troth.faces.web import Look, carried
from troth.work import request_file, send_letter, task
from troth.work.project import Project
from troth.work.task import Upload

BODY_BYTES_MAX = task.BYTES_MAX + 256 * 1024
_BOUNDARY = re.compile(r'multipart/form-data;.*?boundary="?([^";,]{1,70})"?', re.I | re.S)
_NAME = re.compile(r'; *name="([^"]*)"')
_FILE = re.compile(r'; *filename="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Sent:
    """A form with files, as a browser sends it."""

    fields: Mapping[str, str] = field(repr=False)
    files: tuple[Upload, ...] = field(repr=False)


def task_pages(project: Project, look: Look, limit: Limit) -> list[Any]:
    """Return the routes of the tasks over one project."""

    @get("/task/{token:str}")
    async def asked(request: Asked, token: FromPath[str]) -> Response[str]:
        """GET /task/TOKEN: what is asked of an owner."""
        limited(request, limit)
        one = await asyncio.to_thread(task.by_token, project, token)
        return await asyncio.to_thread(form, request, token, one, "")

    def form(
        request: Asked, token: str, one: task.Task, wrong: str, given: Mapping[str, str] | None = None
    ) -> Response[str]:
        words = look.words_for(request)
        request_file.record_reading(project, one.number, task.OWNER, f"task/{one.store}")
        store = task.described(project, one)
        return look.page(
            request, "task.html", words("task.title", store=store.said(words.language)), 422 if wrong else 200,
            path=f"/task/{token}", link=token, wrong=wrong, given=given or {}, number=one.number,
            store=store.said(words.language), right=task.right_said(one.right, words.language),
            due=send_letter.day(str(one.told["due"]), words.language),
            kept=task.kept(project, one, words.language), who=task.who(project, one),
            mebibytes=task.BYTES_MAX // 2**20, files_max=task.FILES_MAX, once=secrets.token_urlsafe(18),
        )  # fmt: skip

    @post("/task/{token:str}", request_max_body_size=BODY_BYTES_MAX, status_code=200, page="/task/{token}")
    async def answered(request: Asked, token: FromPath[str]) -> Response[str]:
        """POST /task/TOKEN: what the owner attests; it works once, and the same form sent twice is thanked twice."""
        same_site(request, project)
        limited(request, limit)
        await asyncio.to_thread(task.given_out, project, token)
        sent = read_form(request.headers.get("content-type", ""), await request.body())
        return await asyncio.to_thread(take, request, token, sent)

    def take(request: Asked, token: str, sent: Sent) -> Response[str]:
        words = look.words_for(request)
        refused: list[Response[str]] = []

        def answer() -> str:
            again = taken(request, token, sent)
            if again is None:
                return "thanks"
            refused.append(again)
            return ""

        sent_once(project, f"task {task.given_out(project, token)}", sent.fields.get("once", ""), answer)
        return refused[0] if refused else look.page(
            request, "said.html", words("task.thanks.title"), 200, heading=words("task.thanks.title"),
            lines=[words("task.thanks.text")], back=f"/{carried(request)}", path="/",
        )  # fmt: skip

    def taken(request: Asked, token: str, sent: Sent) -> Response[str] | None:
        """Take what an owner attests; return the form again where something is wrong with it."""
        words, one = look.words_for(request), task.by_token(project, token)
        outcome, by = sent.fields.get("outcome", ""), sent.fields.get("by", "").strip()
        if outcome not in {"done", "not_found"} or not by:
            return form(request, token, one, words("task.wrong.missing"), sent.fields)
        try:
            task.answer(project, one, outcome, by, note=sent.fields.get("note", ""), files=sent.files)
        except NotAllowedError:
            return form(request, token, one, words("task.wrong.much"), sent.fields)
        return None

    return [asked, answered]


def read_form(kind: str, body: bytes) -> Sent:
    """Read a form with files (RFC 7578); raises ClientException when it is not one."""
    match = _BOUNDARY.match(kind.strip())
    if match is None:
        raise ClientException
    parts = (b"\r\n" + body).split(b"\r\n--" + match[1].encode("latin-1", "replace"))
    fields: dict[str, str] = {}
    files: list[Upload] = []
    for part in parts[1:-1]:
        head, gap, content = part.partition(b"\r\n\r\n")
        told = head.decode("utf-8", "replace")
        name, file = _NAME.search(told), _FILE.search(told)
        if not gap or name is None:
            raise ClientException
        if file is None:
            fields[name[1]] = content.decode("utf-8", "replace")[: task.NOTE_MAX + 1]
        elif file[1] or content:  # a browser sends an empty one where nothing was chosen
            files.append(Upload(file[1], content))
    return Sent(fields, tuple(files))
