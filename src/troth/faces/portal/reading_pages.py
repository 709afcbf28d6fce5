"""What anybody may look up without asking: recipients, cookies, and the authority to complain to.

Each is drawn from the promises of the policy in force, so that it cannot say otherwise than the notice.

Law: GDPR Arts. 12(1), 13(1)(e), 13(1)(f), 13(2)(d), 77; Directive 2002/58/EC Art. 5(3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from markupsafe import Markup

from troth.errors import NotFoundError
from troth.faces.portal.pages import Asked
from troth.faces.web import Look, carried
from troth.faces.words import Words
from troth.law import authority as law
from troth.policy import tables
from troth.policy.notice_page import inline
from troth.policy.policy import Policy
from troth.policy.words import words as policy_words
from troth.work import open_request, safeguard_copy
from troth.work.establishment import day_here
from troth.work.project import Project

Fact = tuple[str, Markup]


def reading_pages(project: Project, look: Look) -> list[Any]:
    """Return the routes of what can be looked up over one project."""

    @get("/recipients", sync_to_thread=True)
    def recipients(request: Asked) -> Response[str]:
        """GET /recipients: who receives personal data, by kind and by name."""
        words = look.words_for(request)
        may_ask = "list_recipients" in open_request.rights(project)
        return look.page(
            request, "recipients.html", words("recipients.title"), may_ask=may_ask,
            recipients=list(_recipients(project.policy, words)), told=project.policy.notify_recipients is not None,
            safeguards=list(_safeguards(project, words)),
        )  # fmt: skip

    @get("/safeguards/{name:str}", sync_to_thread=True)
    def safeguard(request: Asked, name: FromPath[str]) -> Response[Any]:
        """GET /safeguards/NAME: a copy of what a transfer outside the EEA stands on, as a PDF."""
        try:
            made = safeguard_copy.copy_of(project, name.removesuffix(".pdf"))
        except NotFoundError:
            words = look.words_for(request)
            said, lines = words("recipients.no_copy"), [words("recipients.no_copy.text")]
            return look.page(
                request, "said.html", said, 404, heading=said, lines=lines, back=f"/recipients{carried(request)}",
                path="/recipients",
            )  # fmt: skip
        return Response(made, media_type="application/pdf", headers={"X-Content-Type-Options": "nosniff"})

    @get("/cookies", sync_to_thread=True)
    def cookies(request: Asked) -> Response[str]:
        """GET /cookies: every cookie, and where a choice about them is changed."""
        words, policy = look.words_for(request), project.policy
        return look.page(
            request, "cookies.html", words("cookies.title"), choice=cookie_choice(policy, request),
            groups=list(cookie_groups(policy, words.language)),
        )  # fmt: skip

    @get("/complain", sync_to_thread=True)
    def complain(request: Asked) -> Response[str]:
        """GET /complain: whom to complain to; ?country=FR chooses."""
        words = look.words_for(request)
        group = project.policy.group
        ours = (group.lead_authority or group.main_entity.country) if group else ""
        asked = str(request.query_params.get("country", ""))[:8].upper()
        known = _authorities(project, words)
        chosen, wrong = asked or ours, ""
        try:
            found: law.Authority | None = law.authority(chosen, day_here(project)) if chosen else None
        except NotFoundError:
            found, wrong = None, words("complain.wrong") if asked else ""
        country = words.country(chosen) if found else ""
        lead = (
            policy_words(words.language).country(group.lead_authority)
            if group and group.lead_authority
            else ""
        )
        return look.page(
            request, "complain.html", words("complain.title"), 422 if wrong else 200, path="/complain", wrong=wrong,
            known=known, chosen=ours if wrong else chosen, found=found, country=country, lead=lead,
            note=found.note(words.language) if found else "", rights=open_request.rights(project),
        )  # fmt: skip

    return [recipients, safeguard, cookies, complain]


def _recipients(policy: Policy, words: Words) -> Iterator[dict[str, Any]]:
    """Yield each kind of recipient: its title, what is said of it, and those who have a notice of their own."""
    said = policy_words(words.language)
    promised = [one for one in policy.recipients.values() if one.public]
    for one, row in zip(promised, tables.rows("recipients", policy, said), strict=True):
        yield {
            "title": Markup(inline(_capital(row["recipient"]), words.language)),  # noqa: S704  (escaped there)
            "facts": list(
                _facts(row, ("who", "role", "what_for", "when", "data", "transfer"), words.language)
            ),
            "sites": [(party.name, party.website) for party in one.named if party.website],
        }


def _safeguards(project: Project, words: Words) -> Iterator[dict[str, str]]:
    """Yield each transfer that stands on a safeguard: who, where and on what, and how its copy is had."""
    said = policy_words(words.language)
    for one in safeguard_copy.safeguarded(project):
        recipient = project.policy.recipients.get(str(one.recipient)) if one.recipient else None
        who = one.importer or (recipient.title.said(words.language) if recipient else "")
        yield {
            "who": ", ".join(part for part in (_capital(who), said.country(str(one.country))) if part),
            "what": said.word(one.mechanism),
            "href": f"/safeguards/{one.key}.pdf" if safeguard_copy.has_copy(project, one) else "",
            "otherwise": one.copy_from.said(words.language) if one.copy_from else "",
        }


@dataclass(frozen=True, slots=True)
class CookieChoice:
    """That cookies are chosen by a banner: here, and at the addresses of the other sites."""

    sites: tuple[str, ...]


def cookie_choice(policy: Policy, request: Asked) -> CookieChoice | None:
    """Return where a choice about cookies is changed by one click; None where nothing asks for one."""
    if policy.cookies is None or policy.cookies.asked_by != "banner" or not policy.cookies.table:
        return None
    here = request.headers.get("host", "").partition(":")[0].lower()
    return CookieChoice(tuple(one for one in policy.cookies.sites if one.lower() != here))


def cookie_groups(policy: Policy, language: str) -> Iterator[dict[str, Any]]:
    """Yield the cookies by kind, those that need consent first; `heads` are the columns that say something."""
    said = policy_words(language)
    if policy.cookies is None or not policy.cookies.table:
        return
    exempt = {"necessary", *policy.cookies.before_consent}
    listed = list(zip(policy.cookies.table, tables.rows("cookies", policy, said), strict=True))
    kinds = dict.fromkeys(one.category for one, _ in listed)
    for kind in sorted(kinds, key=lambda one: one in exempt):
        rows = [row for one, row in listed if one.category == kind]
        heads = [
            name for name in rows[0] if name not in {"cookie", "kind"} and any(row[name] for row in rows)
        ]
        yield {
            "kind": kind,
            "title": _capital(said.word(kind)),
            "exempt": kind in exempt,
            "heads": [said.heading("cookie"), *(said.heading(name) for name in heads)],
            "rows": [
                (row["cookie"].replace("\\", ""), [_cell(row, name, language) for name in heads])
                for row in rows
            ],
        }  # fmt: skip


def _cell(row: Mapping[str, str], name: str, language: str) -> Markup:
    """Show one value of a table, begun with a capital where it is no name."""
    said = row[name] if name in tables.AS_WRITTEN else _capital(row[name])
    return Markup(inline(said, language))  # noqa: S704  (escaped there)


def _facts(row: Mapping[str, str], names: tuple[str, ...], language: str) -> Iterator[Fact]:
    said = policy_words(language)
    for name in names:
        if row[name]:
            yield said.heading(name), _cell(row, name, language)


def _authorities(project: Project, words: Words) -> list[tuple[str, str, law.Authority]]:
    """Return every authority with the code and the name of its country, as the language sorts them."""
    found = [(one.country, words.country(one.country), one) for one in law.authorities(day_here(project))]
    return sorted(found, key=lambda one: one[1].replace("É", "E"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
