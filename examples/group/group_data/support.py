"""What is in `support`: tickets, newsletter, surveys and page views, joined by e-mail address alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import quote

from group_data.chance import TODAY, Chance
from group_data.crm import Crm
from group_data.people import ANSELME, ILSE, MAELLE, SEVERIN, Person, Population
from group_data.writing import Row, Tables, table

ONLY_HERE = 600
"""People whom only this database knows."""
LATE_VIEWS = 25
"""Page views older than thirteen months."""
LOGGED = 20
"""Lines of the log that name an e-mail address, which they should not."""
MAELLES_LOG_LINE, MAELLES_COMMENT, MAELLES_VIEW = 4, 2, 9
"""Where her address stands although no link leads there: the residue of the story."""

_SUBJECTS = ("Connexion impossible", "Export vide", "Question sur la licence", "Slow search", "Mot de passe oublié",
             "Accents perdus", "Invoice copy", "Demande d’évolution")  # fmt: skip
_BODIES = ("Bonjour, le problème est apparu ce matin.", "It fails since the last update.", "Voir la capture jointe.",
           "Pouvez-vous me rappeler ?", "Merci d’avance.")  # fmt: skip
_PATHS = (
    "/",
    "/produits/atlas",
    "/produits/fil",
    "/tarifs",
    "/en/pricing",
    "/evenements",
    "/forum",
    "/contact",
)
_LINES = (
    "cache warmed in 214 ms",
    "job newsletter finished",
    "queue length 3",
    "index rebuilt",
    "slow query 812 ms",
)


def make(population: Population, crm: Crm) -> Tables:
    """Make every row; of the contacts, those with an even number have an account here."""
    chance = Chance("support")
    known = [one for one in crm.contacts[::2] if one.email and one is not MAELLE]
    strangers = [population.person(0, f"ailleurs-{chance.below(400)}.example") for _ in range(ONLY_HERE)]
    people = [MAELLE, SEVERIN, ILSE, *known, *(one for one in strangers if one.email)]
    agents = [ANSELME, *(one for one in crm.employees[8:20] if one.email)]
    emails = [one.email or "" for one in people]
    tickets = list(_tickets(chance, emails, agents))
    return {
        "agent": table("id email name", [(n, one.email, one.full_name) for n, one in enumerate(agents, 1)]),
        "account": table("id email name phone created_on last_seen_on", _accounts(chance, people)),
        "article": table("id title", [(n, f"How to: {subject}") for n, subject in enumerate(_SUBJECTS, 1)]),
        "ticket": table(
            "id requester_email cc_email agent_id subject body status opened_at closed_on", tickets
        ),
        "ticket_comment": table(
            "id ticket_id author_email agent_id body written_at", _comments(chance, tickets)
        ),
        "attachment": table("id ticket_id file_name content", _attachments(chance, tickets)),
        "newsletter": table(
            "email first_name language subscribed_on last_sign_on ended_on", _newsletter(chance, people)
        ),
        "survey": table(
            "id title opened_on",
            [(n, f"Satisfaction {2025 + n // 4}, {n}", str(chance.day(30, 300))) for n in range(1, 7)],
        ),
        "survey_answer": table("id survey_id email score remark answered_on", _answers(chance, emails)),
        "page_view": table("id seen_at path payload", _views(chance, emails)),
        "app_log": table("id logged_at level message", _log(chance, emails)),
    }


def _accounts(chance: Chance, people: list[Person]) -> Iterator[Row]:
    for number, one in enumerate(people, 1):
        seen = chance.day(1, 600)
        created = seen - timedelta(days=chance.below(900))
        yield number, one.email, one.full_name, one.phone, str(created), str(seen)


# Tickets 1 to 3 are Maëlle's, 4 is Séverin's, 5 is Ilse's; Anselme answers them all.


def _tickets(chance: Chance, emails: list[str], agents: list[Person]) -> Iterator[Row]:
    for number in range(1, 3_501):
        who = (0, 0, 0, 1, 2)[number - 1] if number <= 5 else chance.below(len(emails))
        opened = chance.moment(3, 640)
        closed = None
        if chance.often(0.8):
            day = date.fromisoformat(opened[:10]) + timedelta(days=chance.below(60))
            closed = str(min(day, TODAY - timedelta(days=1)))
        carbon = chance.pick(emails) if chance.often(0.1) else None
        agent = 1 if number <= 5 else chance.below(len(agents)) + 1  # 1 is Anselme
        yield (number, emails[who], emails[0] if number == 4 else carbon, agent, chance.pick(_SUBJECTS),
               chance.pick(_BODIES), "closed" if closed else "open", opened, closed)  # fmt: skip


def _comments(chance: Chance, tickets: list[Row]) -> Iterator[Row]:
    order = [4, 4, *range(1, len(tickets) + 1)]  # the first two stand under Séverin's ticket
    while len(order) < 7_000:
        order.append(chance.below(len(tickets)) + 1)
    for number, ticket in enumerate(order, 1):
        row = tickets[ticket - 1]
        author, agent = (None, row[3]) if chance.often(0.55) else (row[1], None)
        body = chance.pick(_BODIES)
        if number == 1:
            author, agent = MAELLE.email, None
            body = "C’est la même chose chez moi, même adresse, même version."
        if number == MAELLES_COMMENT:
            author, agent = None, 1
            body = f"Merci. Je mets {MAELLE.email} en copie de la suite."
        yield number, ticket, author, agent, body, row[7]


def _attachments(chance: Chance, tickets: list[Row]) -> Iterator[Row]:
    for number in range(1, 701):
        ticket = number if number <= 4 else chance.below(len(tickets)) + 1
        sender = tickets[ticket - 1][1]
        text = f"De : {sender}\nObjet : {chance.pick(_SUBJECTS)}\n\n{chance.pick(_BODIES)}\n"
        yield number, ticket, chance.pick(("message.txt", "journal.txt", "capture.txt")), text


def _newsletter(chance: Chance, people: list[Person]) -> Iterator[Row]:
    for number, one in enumerate(people):
        if number not in (0, 2) and not chance.often(0.6):
            continue
        sign = chance.day(1, 680)
        started = sign - timedelta(days=chance.below(700))
        ended = None if number in (0, 2) or chance.often(0.9) else str(sign)
        yield one.email, one.first_name, chance.pick(("fr", "fr", "en")), str(started), str(sign), ended


def _answers(chance: Chance, emails: list[str]) -> Iterator[Row]:
    for number in range(1, 1_401):
        email: str | None = chance.pick(emails)
        if number in (1, 2):
            email = emails[0] if number == 1 else emails[2]
        elif chance.often(0.2):
            email = None
        remark = chance.pick(("Très bien", "Could be faster", "Rien à redire", None))
        yield number, chance.below(6) + 1, email, chance.below(11), remark, str(chance.day(2, 280))


def _views(chance: Chance, emails: list[str]) -> Iterator[Row]:
    for number in range(1, 5_001):
        seen = chance.moment(420, 700) if 100 <= number < 100 + LATE_VIEWS else chance.moment(1, 300)
        payload: dict[str, object] = {
            "width": chance.pick((1280, 1920, 390)),
            "language": chance.pick(("fr", "en")),
        }
        if number <= 8:
            payload["email"] = emails[0] if number <= 5 else emails[2]
        elif number == MAELLES_VIEW:  # in another place of the JSON, and as web addresses write it
            payload["referrer"] = f"https://www.vaubrelle.example/evenements?mail={quote(emails[0])}"
        elif chance.often(0.35):
            payload["email"] = chance.pick(emails)
        yield number, seen, chance.pick(_PATHS), json.dumps(payload, ensure_ascii=False)


def _log(chance: Chance, emails: list[str]) -> Iterator[Row]:
    named = {10 + 100 * n for n in range(LOGGED - 1)}
    for number in range(1, 2_501):
        level, message = "info", chance.pick(_LINES)
        if number == MAELLES_LOG_LINE:
            level, message = "warn", f"550 mailbox full, recipient <{emails[0]}>, will retry"
        elif number in named:
            level, message = "warn", f"550 mailbox full, recipient <{emails[3 + number // 10]}>, will retry"
        yield number, chance.moment(1, 300), level, message
