"""Which version of the notice holds on which day, for which company, and what is coming.

Law: GDPR Arts. 12(1), 13(3); Art. 5(2): anybody can see what was promised on any day.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.portal.notice_pages import Shown
from troth.faces.portal.pages import Asked
from troth.faces.web import Look
from troth.faces.words import Words
from troth.policy.difference import material
from troth.policy.policy import Policy
from troth.policy.rewording import rewordings
from troth.work import announce_change
from troth.work.adopt_policy import adopted
from troth.work.establishment import day_here
from troth.work.in_force import InForce, in_force, text_of
from troth.work.policy_as_of import versions
from troth.work.project import Project


def version_pages(project: Project, look: Look) -> list[Any]:
    """Return the routes about versions of the notice over one project."""
    read: dict[str, Policy] = {}
    shown = Shown(look)

    def known(version: str, language: str) -> Policy:
        if version not in read:
            read[version] = text_of(project, version)[1]
        if language not in read[version].documents:
            raise NotFoundException
        return read[version]

    @get("/notice/{language:str}/versions", sync_to_thread=True)
    def listed(request: Asked, language: FromPath[str]) -> Response[str]:
        """GET /notice/LANGUAGE/versions: every version, what is coming, and which one held on a day for a company."""
        if language not in project.policy.documents or language not in look.words:
            raise NotFoundException
        words = look.words[language]
        asked, wrong, held = _asked(request, words)
        return look.page(
            request, "versions.html", words("versions.title"), 422 if wrong else 200, spoken=language,
            path=f"/notice/{language}/versions", versions=list(_lines(project, words)),
            entities=_entities(project), asked=asked, wrong=wrong, held=held, day=words.day,
        )  # fmt: skip

    def _asked(request: Asked, words: Words) -> tuple[dict[str, str], str, InForce | None]:
        asked = {name: str(request.query_params.get(name, ""))[:60] for name in ("on", "entity")}
        if not asked["on"]:
            return asked, "", None
        try:
            on = date.fromisoformat(asked["on"])
        except ValueError:
            return asked, words("versions.wrong"), None
        try:
            return asked, "", in_force(project, on, asked["entity"], words.language)
        except (NotFoundError, NotAllowedError):
            return asked, words("versions.none", day=words.day(on)), None

    @get("/notice/{language:str}/version/{version:str}", sync_to_thread=True)
    def one(request: Asked, language: FromPath[str], version: FromPath[str]) -> Response[str]:
        """GET /notice/LANGUAGE/version/VERSION: the text of a version, as it was published."""
        policy = known(version, language)
        if language not in look.words:
            return shown.alone(policy, language)
        words, held = look.words[language], text_of(project, version)[0]
        until = words("versions.held.until", until=words.day(held.until)) if held.until else ""
        return shown.framed(
            request, policy, language, path=f"/notice/{language}/version/{version}",
            held=f"{words('versions.held.from', version=version, day=words.day(held.from_))} {until}".strip(),
        )  # fmt: skip

    @get("/notice/{language:str}/changes/{version:str}", sync_to_thread=True)
    def changed(request: Asked, language: FromPath[str], version: FromPath[str]) -> Response[str]:
        """GET /notice/LANGUAGE/changes/VERSION: what a version says otherwise than the one before it."""
        if language not in look.words:
            raise NotFoundException
        now = known(version, language)
        try:
            found = announce_change.coming(project, version)
        except NotAllowedError:  # the first version changes nothing
            raise NotFoundException from None
        words = look.words[language]
        return look.page(
            request, "changes.html", words("changes.title", version=version), spoken=language,
            path=f"/notice/{language}/changes/{version}", version=version, before=found.before.version,
            day=words.day(found.effective), told=list(announce_change.changes(found, language)),
            clauses=rewordings(found.before, now, language),
        )  # fmt: skip

    return [listed, one, changed]


def coming(project: Project) -> Any:
    """Return what pages say of a version that is coming, by language; it says None where nothing is.

    That it is shown is recorded the first time it is.
    """
    known: dict[str, announce_change.Coming] = {}

    def told(words: Words) -> dict[str, Any] | None:
        if project.policy is project.written:
            return None
        version = project.written.version
        found = known.get(version) or _coming(project, version)
        if found is None:  # asked again by the next page: it may be published by then
            return None
        if not material(found.differences):
            known[version] = found
            return None
        if version not in known:
            announce_change.shown(project, version)
            known[version] = found
        spoken = words.language if words.language in found.now.documents else project.policy.language
        return {
            "day": words.day(found.effective),
            "version": version,
            "changes": list(announce_change.changes(found, spoken)),
            "link": f"/notice/{spoken}/versions",
        }

    return told


def _coming(project: Project, version: str) -> announce_change.Coming | None:
    try:
        return announce_change.coming(project, version)
    except (NotFoundError, NotAllowedError):  # not published yet, or the first
        return None


def _lines(project: Project, words: Words) -> Any:
    """Yield every version, the newest first."""
    today, by_company = day_here(project), adopted(project)
    every = versions(project)
    for one in reversed(every):
        state = "coming" if one.from_ > today else "past" if one.until and one.until <= today else "now"
        yield {
            "version": one.version, "state": state, "changes": one is not every[0],
            "from": words.day(one.from_), "until": words.day(one.until),
            "languages": list(one.languages), "sha256": one.languages.get(words.language, ""),
            "adopted": sorted(name for name, said in by_company.items() if one.version in said),
        }  # fmt: skip


def _entities(project: Project) -> list[tuple[str, str]]:
    group = project.policy.group
    return [(str(one.key), one.name) for one in group.entities] if group else []
