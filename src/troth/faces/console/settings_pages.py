"""Settings: who of the staff may do what, what troth.toml says without its secrets, and whether all answers.

Whoever administers one entity changes nobody who has a role beyond it: with a link of theirs they would be them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from litestar import Response
from litestar.exceptions import PermissionDeniedException

from troth.errors import NotAllowedError
from troth.faces.console import saved
from troth.faces.console.desk import Desk, Visit
from troth.ledger import accounts, read
from troth.rules import staff as rules
from troth.rules.staff import FAMILY, ROLES, Grant, Role
from troth.work import admit, health
from troth.work.establishment import day_here
from troth.work.project import Project, Settings


def settings_pages(desk: Desk) -> None:
    """Register the pages of staff and settings."""
    _staff(desk)
    _moves(desk)

    @desk.page("/settings/configuration", "settings")
    def configuration(visit: Visit) -> Response[str]:
        """GET /console/settings/configuration: what troth.toml says."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for section, key, value in told(visit.project.settings):
            sections.setdefault(section, []).append((key, value))
        return visit.show(
            "settings_configuration.html", visit.words("settings.configuration"), sections=sections
        )

    @desk.page("/settings/health", "settings")
    def answering(visit: Visit) -> Response[str]:
        """GET /console/settings/health: whether ledger, worker, mail and stores answer."""
        project, heard = visit.project, visit.desk.heard.ask(visit.project, anew=True)
        return visit.show(
            "settings_health.html", visit.words("settings.health"), ledger=health.ledger(project),
            mail=heard.mail, inbox=heard.inbox, stores=heard.stores,
            manual=sorted(project.manual),
        )  # fmt: skip


def _staff(desk: Desk) -> None:
    @desk.page("/settings", "settings")
    def everybody(visit: Visit) -> Response[Any]:
        """GET /console/settings: the staff, with their roles."""
        entities = visit.staff.entities("settings")
        members = [
            one
            for one in admit.members(visit.project)
            if entities is None or _is_within(visit, one.state) or one.handle == visit.staff.handle
        ]
        if visit.asked("format") == "csv":
            heads = [visit.words(f"settings.csv.{one}") for one in ("handle", "status", "roles", "since")]
            rows = [
                (one.handle, one.state["status"], ", ".join(":".join(pair).rstrip(":") for pair in one.state["grants"]),
                 one.state["since"])
                for one in members
            ]  # fmt: skip
            return saved.csv_file("staff", heads, rows)
        today = day_here(visit.project)
        away = {one.handle for one in members if any(it.on(today) for it in rules.absences(one.state))}
        return visit.show(
            "settings.html", visit.words("settings.title"), members=members, names=_names(visit.project), away=away,
            derogation=_derogation(visit.project), group=visit.may("settings", ""),
            pairs=[(one, other, _why(one, other)) for one, other in rules.APART],
        )  # fmt: skip

    @desk.act("/settings/invite", "settings")
    def invite(visit: Visit) -> Response[str]:
        """POST /console/settings/invite: invite somebody; the link is shown once."""
        handle = visit.given("handle").lower()
        _refuse_beyond(visit, handle)
        link = admit.invite(
            visit.project, handle, visit.given("name"), visit.given("email"), visit.staff.handle
        )
        return _linked(visit, handle, link)

    @desk.page("/settings/staff/{handle:str}", "settings")
    def one_of_them(visit: Visit) -> Response[str]:
        """GET /console/settings/staff/HANDLE: somebody's roles, absences and account."""
        return show_member(visit, visit.path["handle"], own=False)

    @desk.act("/settings/derogation", "settings")
    def derogate(visit: Visit) -> Response[Any]:
        """POST /console/settings/derogation: record that one person does what two should, and why."""
        visit.must("settings", "")
        admit.derogate(visit.project, visit.given("reason"), visit.staff.handle)
        return visit.to("/settings", "told.settings.derogation")

    @desk.act("/settings/derogation/end", "settings")
    def end_derogation(visit: Visit) -> Response[Any]:
        """POST /console/settings/derogation/end: record that it is over."""
        visit.must("settings", "")
        admit.end_derogation(visit.project, visit.staff.handle)
        return visit.to("/settings", "told.settings.derogation_over")


def _moves(desk: Desk) -> None:
    """Register what is done to one of the staff: each is a form on their page."""

    def moved(visit: Visit, told: str) -> Response[Any]:
        return visit.to(f"/settings/staff/{visit.path['handle']}", told)

    @desk.act("/settings/staff/{handle:str}/grant", "settings")
    def grant(visit: Visit) -> Response[Any]:
        """POST …/grant: give a role for an entity, or for the group."""
        _refuse_beyond(visit, visit.path["handle"])
        entity = visit.given("entity")
        visit.must("settings", entity)
        admit.grant(visit.project, visit.path["handle"], visit.given("role"), entity, visit.staff.handle)
        return moved(visit, "told.settings.granted")

    @desk.act("/settings/staff/{handle:str}/withdraw", "settings")
    def withdraw(visit: Visit) -> Response[Any]:
        """POST …/withdraw: take a role."""
        entity = visit.given("entity")
        visit.must("settings", entity)
        admit.withdraw(visit.project, visit.path["handle"], visit.given("role"), entity, visit.staff.handle)
        return moved(visit, "told.settings.withdrawn")

    @desk.act("/settings/staff/{handle:str}/link", "settings")
    def link(visit: Visit) -> Response[str]:
        """POST …/link: let somebody begin anew; every session of theirs ends when they do."""
        handle = visit.path["handle"]
        _refuse_beyond(visit, handle)
        held = accounts.read(visit.project.ledger, handle)
        if held is None:
            raise NotAllowedError("Whoever left has no account. Invite somebody under another handle.")
        return _linked(
            visit, handle, admit.invite(visit.project, handle, held.name, held.email, visit.staff.handle)
        )

    @desk.act("/settings/staff/{handle:str}/away", "settings")
    def away(visit: Visit) -> Response[Any]:
        """POST …/away: record an absence, and who stands in."""
        _refuse_beyond(visit, visit.path["handle"])
        _refuse_beyond(visit, visit.given("deputy"))
        record_absence(visit, visit.path["handle"])
        return moved(visit, "told.settings.away")

    @desk.act("/settings/staff/{handle:str}/back", "settings")
    def back(visit: Visit) -> Response[Any]:
        """POST …/back: record that somebody is back."""
        _refuse_beyond(visit, visit.path["handle"])
        admit.back(visit.project, visit.path["handle"], visit.staff.handle)
        return moved(visit, "told.settings.back")

    @desk.act("/settings/staff/{handle:str}/close", "settings")
    def close(visit: Visit) -> Response[Any]:
        """POST …/close: close an account for good."""
        _refuse_beyond(visit, visit.path["handle"])
        admit.close(visit.project, visit.path["handle"], visit.staff.handle)
        return visit.to("/settings", "told.settings.closed")


def record_absence(visit: Visit, handle: str) -> None:
    """Record an absence that a form names."""
    begins, until = _day(visit.given("begins")), visit.given("until")
    admit.away(
        visit.project, handle, begins, _day(until) if until else None, visit.given("deputy"), visit.staff.handle
    )  # fmt: skip


def show_member(visit: Visit, handle: str, *, own: bool, **more: Any) -> Response[str]:
    """Draw the page of one of the staff: by whoever administers, or their own."""
    project = visit.project
    state = admit.known(project, handle)
    if not own and not _is_within(visit, state):
        raise PermissionDeniedException
    member = next(one for one in admit.members(project) if one.handle == handle)
    held = rules.grants(state)
    names = _names(project)
    entities = {key: name for key, name in names.items() if own or visit.may("settings", key)}
    return visit.show(
        "account.html" if own else "settings_member.html", member.name or handle, member=member, grants=held,
        absences=rules.absences(state), roles=ROLES, entities=entities, names=names,
        refused=list(_refused(project, held)),
        deputies=[
            (one["handle"], one["handle"]) for one in admit.every(project)
            if one["status"] == "active" and one["handle"] != handle and (own or _is_within(visit, one))
        ],
        moves=[] if own else list(reversed(read.stream(project.ledger, f"{FAMILY}/{handle}")))[:50],
        lent=visit.staff.lent if own else (), **more,
    )  # fmt: skip


def _linked(visit: Visit, handle: str, link: str) -> Response[str]:
    title = visit.words("settings.link.title", handle=handle)
    return visit.show("settings_link.html", title, link=link, handle=handle, hours=admit.INVITATION_HOURS)


def _is_within(visit: Visit, state: Mapping[str, Any]) -> bool:
    """Say whether whoever is signed in administers everything that somebody may do, now or as a deputy to come.

    Whoever may nothing yet is within for who invited them alone, and for who administers the group.
    """
    if visit.may("settings", ""):
        return True
    project, handle, today = visit.project, state["handle"], day_here(visit.project)
    held = list(rules.grants(state))
    for other in admit.every(project):
        absences = rules.absences(other)
        if any(one.deputy == handle and (one.until is None or one.until >= today) for one in absences):
            held += rules.grants(other)
    if held:
        return all(visit.may("settings", grant.entity) for grant in held)
    return read.stream(project.ledger, f"{FAMILY}/{handle}")[0].actor == visit.staff.handle


def _refuse_beyond(visit: Visit, handle: str) -> None:
    state = admit.state(visit.project, handle)
    if state is not None and not _is_within(visit, state):
        raise PermissionDeniedException


def _refused(project: Project, held: tuple[Grant, ...]) -> Iterator[tuple[Role, Role, str]]:
    """Yield the roles that somebody is not given for the group, with the one it must stay apart from, and why."""
    if admit.derogates(project):
        return
    for role in ROLES:
        for has in held:
            if (has.role, role) in rules.APART or (role, has.role) in rules.APART:
                yield role, has.role, _why(has.role, role)
                break


def _why(one: Role, other: Role) -> str:
    """Name the sentence that says why two roles stay apart."""
    named = {one, other}
    return "dpo" if "dpo" in named else "auditor" if "auditor" in named else "decide"


def _names(project: Project) -> dict[str, str]:
    """Return what a role may be for: the whole group first, then each entity, by key."""
    group = project.policy.group
    return {"": "", **({str(one.key): str(one.name) for one in group.entities} if group else {})}


def _derogation(project: Project) -> str | None:
    """Return since when a derogation is in force, or None."""
    if not admit.derogates(project):
        return None
    return read.stream(project.ledger, rules.DEROGATION)[-1].at.date().isoformat()


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError("A day is missing, or is none. Write it such as 2026-12-15.") from None


def told(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield what troth.toml says as (section, key, value): of a secret that it is set, of an address its place."""
    yield "project", "name", settings.name
    yield "ledger", "url", place(settings.ledger_url)
    yield "ledger", "keys", place(settings.keys_url)
    yield "ledger", "master_key", _kept(settings.master_key)
    yield "web", "public_url", settings.public_url
    yield "web", "host", f"{settings.web_host}:{settings.web_port}"
    yield "mail", "to", place(settings.mail_to)
    yield "mail", "from", settings.mail_from
    if settings.mail_inbox:
        yield "mail", "inbox", place(settings.mail_inbox)
        yield "mail", "inbox_login", settings.mail_inbox_login
        yield "mail", "inbox_secret", _kept(settings.mail_inbox_secret)
    if settings.sign_in is not None:
        one = settings.sign_in
        yield "sign_in", "issuer", one.issuer
        yield "sign_in", "client_id", one.client
        yield "sign_in", "client_secret", "…"
        yield "sign_in", "domains", ", ".join(one.domains)
        for group, (role, entity) in one.roles.items():
            yield "sign_in", f"roles.{group}", f"{role}{':' + entity if entity else ''}"
    for name, scan in settings.scans.items():
        yield f"scan.{name}", "url", place(scan.url)
        yield f"scan.{name}", "every", str(scan.every)
        yield f"scan.{name}", "pages", str(scan.pages)
    for name, key in settings.api.items():
        yield f"api.{name}", "scope", ", ".join(key.scope)
    for name, hook in settings.webhooks.items():
        yield f"webhook.{name}", "url", place(hook.url)
        yield f"webhook.{name}", "events", ", ".join(hook.events)
    for name, peer in settings.peers.items():
        yield f"recipient.{name}", "types", ", ".join(("erasure", *peer.types))
    for name, controller in settings.controllers.items():
        yield f"controller.{name}", "agreement", controller.agreement
        yield f"controller.{name}", "rows", controller.rows
    for name, tool in settings.suppressions.items():
        yield f"suppression.{name}", "table", tool.table
        yield f"suppression.{name}", "purpose", tool.purpose
    if settings.site is not None:
        yield "site", "host", settings.site.host
        yield "site", "gate", settings.site.gate
    if settings.brand.logo or settings.brand.accent:
        yield "look", "logo", settings.brand.logo
        yield "look", "accent", settings.brand.accent


def place(address: str) -> str:
    """Return an address without who opens it, and without a query: either may be a secret.

    >>> place("postgresql://troth:word@db.example/troth?sslmode=require")
    'postgresql://…@db.example/troth'
    >>> place("folder:outbox")
    'folder:outbox'
    """
    parts = urlsplit(address)
    if not parts.netloc:
        return address.partition("?")[0]
    who, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'…@' if who or at else ''}{host}{parts.path}"


def _kept(reference: str) -> str:
    """Say how a secret is kept, without what is kept or where."""
    kind = reference.partition(":")[0]
    return {"env": "env:…", "file": "file:…"}.get(kind, "…") if reference else ""
