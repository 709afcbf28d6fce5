"""The office of the example: staff with their roles, and work in every state for the console to show.

    python office.py PROJECT ADDRESS    fill the project's ledger

It prints a link for each of the staff, as JSON, and is run after the story, in the story's environment.
Closed requests of the months before are taken over from a table, as an organisation would that had another
tool; what is open is made by the same work that commands and pages do.  Days count back from today.
"""

# ruff: noqa: T201  (it prints its result)

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import databases

from troth import wiring
from troth.ledger import accounts
from troth.ledger.accounts import Account
from troth.policy import clause_text
from troth.policy.promise import Purpose
from troth.rules.action import About
from troth.rules.consent_form import Form
from troth.rules.disclosure import Disclosure
from troth.work import (
    action,
    admit,
    decide,
    disclose,
    draft_policy,
    extend,
    hold,
    incident,
    inspection,
    open_request,
    plan_erasure,
    record_consent,
    record_form,
    record_objection,
    say_more,
    sign_in,
    sweep,
)
from troth.work.establishment import day_here
from troth.work.project import Project
from troth.work.record_consent import Asked, Choice

STAFF = (
    ("marie", "Marie Lantagrise", "handler"),
    ("paul", "Paul Vauclandre", "reviewer"),
    ("ines", "Inès Brissandre", "dpo"),
    ("basile", "Basile Kermalven", "counsel"),
    ("zoe", "Zoé Orgevalet", "intake"),
    ("remi", "Rémi Talandrier", "auditor"),
    ("odile", "Odile Hautebrie", "admin"),
)
"""Handle, name and role of each; nobody here exists."""
MINUTES = 24 * 60
CLAUSE = "7.2.1"
"""The clause that the draft changes."""
BEFORE = 90
"""How many closed requests of the months before are taken over."""

ASKED = (
    # days ago, right, language, channel, what was said
    (41, "access", "fr", "email", "Bonjour, je voudrais une copie de tout ce que vous avez sur moi."),
    (27, "erase", "en", "portal", "Please delete my account and whatever belongs to it."),
    (24, "rectify", "fr", "post", "Mon nom est mal écrit sur vos factures."),
    (19, "access", "en", "email", "Who did you give my data to?"),
    (16, "erase", "fr", "phone", "Je ne veux plus figurer dans vos fichiers."),
    (13, "port", "en", "portal", "I am moving to another tool and need my data."),
    (9, "erase", "fr", "portal", "Merci de supprimer mes données."),
    (6, "object", "en", "email", "I object to being profiled; I work alone and am easily recognised."),
    (4, "access", "fr", "portal", "Que savez-vous de moi ?"),
    (2, "restrict", "en", "desk", "Do not use my address until it is corrected."),
    (1, "access", "en", "portal", ""),
    (0, "erase", "fr", "email", "Effacez tout, s’il vous plaît."),
)
DISCLOSED = (
    # to whom, what, for which purpose, on what
    ("group-companies", ("contact", "work"), "relationship", {"agreement": "intra-group agreement of 2024"}),
    ("auditors", ("orders",), "contract", {"confidentiality": "engagement letter of 2026"}),
    ("authorities", ("orders", "payment"), "contract", {"legal_reference": "LPF art. L81"}),
)
REASONS = "The contracts of eleven years have to be gone through by hand."


def main(arguments: Sequence[str]) -> int:
    """Fill the ledger of the project in a folder; print the links."""
    folder, address = Path(arguments[0]), arguments[1]
    project = wiring.open_project(folder)
    try:
        fill(project)
        print(json.dumps([
            {"handle": handle, "name": name, "role": role,
             "link": sign_in.enter_link(project, handle, "tour", MINUTES, address)}
            for handle, name, role in STAFF
        ]))  # fmt: skip
    finally:
        project.close()
        project.ledger.close()
    return 0


def fill(project: Project) -> None:
    """Fill the ledger of the project: staff, and work in every state."""
    people = list(_people())
    _staff(project)
    _before(project, people[:BEFORE])
    _requests(project, people[BEFORE:])
    _incidents(project)
    _promises(project, people[-1])
    _policy(project)
    _choices(project, people[:60])
    _disclosures(project, people[:20])
    _inspection(project)


def _people() -> Iterator[tuple[str, str]]:
    """Yield name and address of contacts, each once."""
    columns, rows = databases.rows()["crm"]["contact"]
    at = {name: number for number, name in enumerate(columns)}
    seen: set[str] = set()
    for row in rows:
        email = str(row[at["email"]] or "")
        if email and email.isascii() and email.lower() not in seen:
            seen.add(email.lower())
            yield f"{row[at['first_name']] or ''} {row[at['last_name']]}".strip(), email


def _staff(project: Project) -> None:
    for handle, name, role in STAFF:
        accounts.write(project.ledger, handle, Account(name, f"{handle}@vaubrelle.example"))
        admit.record(project, handle, {"move": "invited"}, "tour")
        admit.joined(project, handle, "")
        admit.grant(project, handle, role, "", "tour")


def _before(project: Project, people: Sequence[tuple[str, str]]) -> None:
    """Take over the closed requests of the months before, as from another tool."""
    from troth.work import import_table

    today = day_here(project)
    rights = ("access", "erase", "access", "rectify", "object_marketing", "port")
    columns = ("Reference", "Received on", "Rights", "Status", "Name", "E-mail", "Language", "Channel", "Outcome",
               "Decided on", "Decided by", "Answered on", "Ended on")  # fmt: skip
    with tempfile.TemporaryDirectory() as kept:
        file = Path(kept) / "before.csv"
        with file.open("w", encoding="utf-8", newline="") as opened:
            written = csv.writer(opened)
            written.writerow(columns)
            for number, (name, email) in enumerate(people):
                came = today - timedelta(days=60 + number * 4)
                answered = came + timedelta(days=4 + (number * 7) % (31 if number % 17 else 40))
                written.writerow(
                    (f"OLD-{number + 1:03}", came, rights[number % len(rights)], "answered", name, email,
                     ("fr", "en", "fr")[number % 3], ("portal", "email", "post")[number % 3], "grant",
                     answered - timedelta(days=2), "marie", answered, answered)
                )  # fmt: skip
        map_ = import_table.column_map("", "requests")
        looked = import_table.look(project, file, map_)
        import_table.take(project, file, map_, looked, staff="marie", skip_faulty=True)


def _requests(project: Project, people: Sequence[tuple[str, str]]) -> None:
    """Open the requests that are not closed, and bring each so far."""
    now, numbers = project.clock(), []
    for (days, right, language, channel, wording), (name, email) in zip(ASKED, people, strict=False):
        opened = open_request.open_request(
            project, [right], email, name=name, wording=wording, language=language, channel=channel,
            received_at=now - timedelta(days=days, hours=3), because="accuracy" if right == "restrict" else "",
            read_back=True if channel in open_request.ORAL else None,
            purposes={"object": ["relationship"]} if right == "object" else None,
        )  # fmt: skip
        numbers.append(opened.number)
    late, erase, rectify, more, planned, port, advised = numbers[:7]
    extend.propose(project, rectify, "complexity", "marie", reasons=REASONS)
    decide.decide(project, erase, "c1", "grant", "marie", ground="a")
    decide.decide(project, planned, "c1", "grant", "marie", ground="a")
    decide.review(project, planned, "c1", "paul")
    plan_erasure.measure(project, planned, "c1", staff="marie")
    decide.decide(project, port, "c1", "grant", "marie")
    decide.advise(
        project, advised, "c1", "ines", "The invoices stay ten years; the answer should name the article."
    )
    say_more.say_more(project, more, "I mean the years since 2023.")
    decide.decide(project, late, "c1", "grant", "marie")


def _incidents(project: Project) -> None:
    now = project.clock()
    first = incident.report(
        project, "A laptop of the sales team was stolen from a car. Its disk is encrypted.", "zoe"
    )
    incident.dismiss(project, first.number, "The disk is encrypted, and the key was not in it.", "marie")
    incident.report(project, "A customer writes that somebody else reads the messages of her account.", "zoe",
                    channel="portal", contact="ask.again@example.org")  # fmt: skip
    sent = incident.report(
        project, "The price list of March went out with the customers' addresses in copy.", "marie"
    )
    incident.certain(project, sent.number, "Marie Lantagrise", now - timedelta(hours=21),
                     "61 addresses stood in the To line of one message.", "marie")  # fmt: skip
    incident.assess(project, sent.number, "risk", "Addresses of firms, some with names; no passwords.", "marie",
                    types=["confidentiality"], categories=["contact"], people=61, records=61)  # fmt: skip


def _promises(project: Project, person: tuple[str, str]) -> None:
    today = day_here(project)
    hold.place(project, "Dispute over a delivery in 2025", "The claim is not decided, and the messages are evidence.",
               today + timedelta(days=90), "basile", about=[("email", person[1])])  # fmt: skip
    record_objection.record_objection(project, [("email", person[1])], method="staff", channel="email")
    marked = sweep.look(project)
    if marked:
        sweep.mark(project, [marked[0].bound.name], staff="marie", confirmed=True)
    broken = next((one for one in _broken(project)), "")
    if broken:
        action.open_action(project, About("promise", broken), "marie", today + timedelta(days=21), "ines")


def _policy(project: Project) -> None:
    """Begin a draft in which one clause reads otherwise in English only, with a word of counsel and advice."""
    draft = draft_policy.begin(project, "marie", "spring")
    words = clause_text.prose(draft_policy.parsed(draft.files["policy.md"], "policy.md"), CLAUSE)
    more = f"{words.rstrip()}\n\nYou can also come and see us; tell us a day before.\n"
    draft = draft_policy.write_prose(project, draft, "policy.md", CLAUSE, more, "marie")
    draft_policy.comment(project, draft, CLAUSE, "Is there somebody at the desk every day?", "basile")
    draft = draft_policy.opened(project, draft.name)
    draft_policy.advise(
        project, draft, "asks_for_changes", "Say it in French too before it is approved.", "ines"
    )


def _choices(project: Project, people: Sequence[tuple[str, str]]) -> None:
    """Record what people chose about the purposes that ask."""
    purposes = [one for one in project.policy.purposes.values() if record_consent.takes_consent(one)]
    forms = {language: _form(project, purposes, language) for language in ("fr", "en")}
    for number, (_, email) in enumerate(people):
        purpose = purposes[number % len(purposes)]
        said = ("given", "given", "refused", "given", "withdrawn")[number % 5]
        language = ("fr", "en")[number % 2]
        asked = Asked("web", language, form=forms[language])
        for one in ("given", "withdrawn") if said == "withdrawn" else (said,):
            record_consent.record_consent(
                project, [("email", email)], [Choice(str(purpose.key), one)], asked,  # type: ignore[arg-type]
            )  # fmt: skip


def _form(project: Project, purposes: Sequence[Purpose], language: str) -> str:
    """Keep the form in which people were asked; return its hash."""
    texts = {str(one.key): one.does.said(language) for one in purposes}
    shown = "\n".join(f"<label><input type=checkbox> {text}</label>" for text in texts.values()).encode()
    digest = sha256(shown).hexdigest()
    hashes = {name: sha256(text.encode()).hexdigest() for name, text in texts.items()}
    record_form.record_form(project, Form("web", language, digest, hashes), shown)
    return digest


def _disclosures(project: Project, people: Sequence[tuple[str, str]]) -> None:
    """Record what went to others: to a company of the group, to an auditor, and to a tax office."""
    today = day_here(project)
    for number, (_, email) in enumerate(people):
        to, categories, purpose, proof = DISCLOSED[number % len(DISCLOSED)]
        made = Disclosure(to, categories, purpose, today - timedelta(days=3 * number), proof)
        disclose.disclose(project, [("email", email)], made, staff="marie")


def _inspection(project: Project) -> None:
    """Open a case for an authority that asks, with a document and an extract in it; one table was looked into."""
    opened = inspection.open_inspection(
        project, "CNIL", ["support.ticket"], "basile", reference="Contrôle 2026-114"
    )
    document = b"How a request is answered: it is taken in, identity is proved, two people decide.\n"
    why = "It says who decides, which was asked for."
    inspection.add_document(project, opened.number, "procedure.txt", document, why, "basile")
    inspection.add_extract(
        project, opened.number, "times", "basile", shape="csv", why="They asked how long an answer takes."
    )
    inspection.look(project, opened.number, "support", "ticket", "basile", rows=3)


def _broken(project: Project) -> Iterator[str]:
    from troth.ledger import read
    from troth.rules import promise_trend

    for one in read.states(project.ledger, promise_trend.FAMILY, status="broken"):
        yield str(one.body["promise"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
