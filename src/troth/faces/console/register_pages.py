"""Registers: processing, recipients, processors, transfers, documents; as of a day, and what changed between two.

Law: GDPR Arts. 5(2), 28(3), 30, 44 to 49.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console import saved
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.document_pages import document_pages
from troth.faces.console.kept import kept
from troth.rules.register import NAMES, Line
from troth.work import action, draw_register, register_paper
from troth.work.adopt_policy import adopt, adopted
from troth.work.draw_register import Drawn
from troth.work.establishment import day_here
from troth.work.policy_as_of import versions

SHORT = {
    "processing": ("name", "legal_basis", "review_due", "lacks"),
    "processor": ("name", "served", "agreement", "review_due", "lacks"),
    "recipients": ("name", "role", "named", "transfers"),
    "processors": ("name", "agreement", "missing", "lacks"),
    "transfers": ("importer", "country", "mechanism", "assessed", "ends", "lacks"),
    "documents": ("name", "type", "until", "review_by", "lacks"),
}
"""What stands side by side; the rest of a line opens below it, and files have every column."""


def register_pages(desk: Desk) -> None:
    """Register the pages of the registers, of who adopted the policy, and of actions."""
    _actions(desk)
    document_pages(desk)

    @desk.page("/registers", "read_registers")
    def registers(visit: Visit) -> Response[str]:
        """GET /console/registers: every register, with how many entries lack something."""
        tallies = []
        for name in NAMES:
            drawn = draw_register.draw(visit.project, name, visit.words.language, _of_theirs(visit))
            tallies.append((name, len(drawn.register.lines), drawn.register.lacking))
        return visit.show("registers.html", visit.words("registers.title"), tallies=tallies)

    @desk.page("/registers/adoption", "read_registers")
    def adoption(visit: Visit) -> Response[str]:
        """GET /console/registers/adoption: which version binds which company, since when."""
        group = visit.project.policy.group
        entities = [(str(one.key), str(one.name)) for one in group.entities] if group else []
        return visit.show(
            "register_adoption.html", visit.words("registers.adoption"), entities=entities,
            versions=list(reversed(versions(visit.project))), adopted=adopted(visit.project),
            may=visit.companies("write_registers"),
        )  # fmt: skip

    @desk.act("/registers/adoption", "write_registers")
    def adopting(visit: Visit) -> Response[Any]:
        """POST /console/registers/adoption: record that a company adopted a version."""
        entity = visit.given("entity")
        visit.must("write_registers", entity)
        adopt(
            visit.project, entity, visit.given("by"), visit.given("version"), visit.given("note"), visit.staff.handle
        )  # fmt: skip
        return visit.to("/registers/adoption", "told.registers.adopted")

    @desk.page("/registers/{name:str}", "read_registers")
    def register(visit: Visit) -> Response[Any]:
        """GET /console/registers/NAME: one register, as of a day, or what changed between two."""
        name = visit.path["name"]
        entity = visit.asked("entity") or _of_theirs(visit)
        on, since = day_of(visit.asked("on")), day_of(visit.asked("since"))
        visit.must("read_registers", entity or None)
        if on == day_here(visit.project):
            on = None
        drawn = draw_register.draw(visit.project, name, visit.words.language, entity, on)
        shape = visit.asked("format")
        if shape:
            return _given(visit, drawn, shape, entity)
        changed = (
            draw_register.changes(visit.project, name, since, on, visit.words.language, entity)
            if since
            else ()
        )
        headings = dict(drawn.register.columns)
        kept = {"entity": entity, "on": visit.asked("on")}
        return visit.show(
            "register.html", register_paper.title(drawn).partition(" – ")[0], drawn=drawn, name=name, names=NAMES,
            short=SHORT[name], headings=headings, entity=entity, on=visit.asked("on"), since=visit.asked("since"),
            changed=changed, asked_since=since is not None,
            more=[code for code, _ in drawn.register.columns if code not in SHORT[name]],
            entities=visit.companies_or_all("read_registers") if visit.project.policy.group else [],
            query=urlencode({key: value for key, value in kept.items() if value}),
            called_line=_called,
            shapes=("csv", "xlsx", "pdf", "json", *(("jsonld",) if name == "processing" else ())),
        )  # fmt: skip


def _called(line: Line) -> str:
    """Say what people call a line of a register: by its name, or to whom a transfer goes; else by its reference."""
    return ", ".join(line.get("name") or line.get("importer") or line["reference"])


def _of_theirs(visit: Visit) -> str:
    """Return the entity a register is drawn for where nobody asks for another: empty for whoever reads the group's."""
    allowed = visit.staff.entities("read_registers")
    return "" if allowed is None else min(allowed)


def _given(visit: Visit, drawn: Drawn, shape: str, entity: str) -> Response[Any]:
    """Give a register away as a file."""
    import json

    name, rows = f"register-{drawn.register.name}", drawn.register.rows("\n")
    headings = [heading for _, heading in drawn.register.columns]
    match shape:
        case "csv":
            return saved.csv_file(name, headings, rows)
        case "xlsx":
            from troth.work.register_workbook import xlsx

            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return saved.document(name, "xlsx", kind, xlsx(drawn))
        case "pdf":
            return saved.document(name, "pdf", "application/pdf", register_paper.pdf(visit.project, drawn))
        case "json":
            told: object = draw_register.as_mapping(drawn)
        case "jsonld" if drawn.register.name == "processing":
            from troth.rules.register_dpv import json_ld

            told = json_ld(drawn.source, entity)
        case _:
            raise NotAllowedError("There is no such format of this register.")
    content = (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
    kind = "application/ld+json" if shape == "jsonld" else "application/json"
    return saved.document(name, shape, kind, content)


def _actions(desk: Desk) -> None:
    """Register the pages of actions: they are about promises of the whole group."""

    @desk.page("/registers/actions", "read_registers")
    def actions(visit: Visit) -> Response[Any]:
        """GET /console/registers/actions: what was found, who mends it by when."""
        visit.must("read_registers", "")
        from troth.rules.action import is_overdue

        today, every = day_here(visit.project), visit.asked("all") == "1"
        set_ = kept(visit, "actions")
        found = [
            {**one, "overdue": is_overdue(one, today)}
            for one in action.every(visit.project)
            if (every or one["status"] == "open")
            and set_.asked.get("owner", "").casefold() in str(one["owner"]).casefold()
            and ("overdue" not in set_.asked or is_overdue(one, today))
        ]
        if visit.asked("format") == "csv":
            heads: Sequence[str] = ("number", "about", "owner", "opened_on", "due_on", "status")
            return saved.csv_file("actions", heads, [[one[head] for head in heads] for one in found])
        return visit.show(
            "register_actions.html", visit.words("registers.actions"), actions=found, every=every, kept=set_
        )

    @desk.act("/registers/actions", "write_registers")
    def open_one(visit: Visit) -> Response[Any]:
        """POST /console/registers/actions: open one about a promise, an entry of a register, a question or a hold."""
        visit.must("write_registers", "")
        from troth.rules.action import about as about_

        given = [
            (one, name) for one in ("promise", "question", "hold", "entry") if (name := visit.given(one))
        ]
        if len(given) != 1:
            raise NotAllowedError(
                "An action is about one thing: a promise, an entry of a register, a question or a hold."
            )
        source, name = given[0]
        about = action.of_entry(visit.project, name) if source == "entry" else about_(f"{source}:{name}")
        made = action.open_action(
            visit.project, about, visit.given("owner"), needed_day(visit.given("due")), visit.staff.handle,
            why=visit.given("why"),
        )  # fmt: skip
        return visit.to(f"/registers/actions/{made.number}", "told.registers.opened")

    @desk.page("/registers/actions/{number:str}", "read_registers")
    def one_action(visit: Visit) -> Response[str]:
        """GET /console/registers/actions/NUMBER: one action, and what was said of it."""
        visit.must("read_registers", "")
        from troth.rules.action import is_overdue
        from troth.work.record_reading import record_reading

        number = visit.path["number"]
        found = action.load(visit.project, number)
        record_reading(visit.project, number, visit.staff.handle, "console/action")
        return visit.show(
            "register_action.html", number, action=found.state, said=list(action.words(visit.project, number)),
            overdue=is_overdue(found.state, day_here(visit.project)),
            documents=[(str(key), str(key)) for key in visit.project.policy.register_documents],
        )  # fmt: skip

    @desk.act("/registers/actions/{number:str}/reassign", "write_registers")
    def reassign(visit: Visit) -> Response[Any]:
        """POST …/reassign: give it to somebody else, or another day."""
        visit.must("write_registers", "")
        number, due = visit.path["number"], visit.given("due")
        action.reassign(
            visit.project, number, visit.given("owner"), visit.staff.handle,
            due=needed_day(due) if due else None, because=visit.given("because"),
        )  # fmt: skip
        return visit.to(f"/registers/actions/{number}", "told.registers.reassigned")

    @desk.act("/registers/actions/{number:str}/close", "write_registers")
    def close(visit: Visit) -> Response[Any]:
        """POST …/close: close it by its evidence; its control runs again, and must find nothing."""
        visit.must("write_registers", "")
        number, event = visit.path["number"], visit.given("event")
        shown = action.Evidence(
            [one for one in visit.every("document") if one], [], [event] if event else [], visit.given("text")
        )
        done = action.close(visit.project, number, shown, visit.staff.handle)
        told = "told.registers.closed" if done.closed else "told.bad.registers.still"
        return visit.to(f"/registers/actions/{number}", told)

    @desk.act("/registers/actions/{number:str}/reopen", "write_registers")
    def reopen(visit: Visit) -> Response[Any]:
        """POST …/reopen: take a closed one up again."""
        visit.must("write_registers", "")
        number = visit.path["number"]
        action.reopen(
            visit.project, number, visit.given("owner"), needed_day(visit.given("due")), visit.staff.handle,
            because=visit.given("because"),
        )  # fmt: skip
        return visit.to(f"/registers/actions/{number}", "told.registers.reopened")


def day_of(written: str) -> date | None:
    """Return a day that is asked for, or None where none is; raises NotAllowedError for what is no day."""
    return needed_day(written) if written else None


def needed_day(written: str) -> date:
    """Return a day; raises NotAllowedError for what is none."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError("A day is written such as 2026-12-15.") from None
