"""What is in `crm`: contacts, prospects, what was said to them, their forum and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from group_data.chance import TODAY, Chance
from group_data.people import ANSELME, MAELLE, SEVERIN, Person, Population
from group_data.writing import Row, Tables, table

CONTACTS = 1_700
LEADS = 700
EMPLOYEES = 48
LATE_LEADS = 40
"""Prospects who have not been heard of for more than three years: the sweep should have taken them."""
LATE_CONTACTS = 12
"""Contacts of customers who left more than three years ago."""
TWICE = 25
"""People who are there twice, the second time with the address in capitals."""

CONTRACTS, ENDED = 36, 14
"""Contracts in use, and those of them that have ended: they wait to be moved to the archive."""
ARCHIVED, OVER = 8, 3
"""Contracts in the archive, and those of them from which no claim can be made any more."""
_CONTRACT = "id reference company_id signatory signatory_email product_code signed_on ended_on"

PRODUCTS = (("ATLAS", "Vaubrelle Atlas"), ("ATLAS-SAAS", "Vaubrelle Atlas, hosted"), ("FIL", "Vaubrelle Fil"),
            ("FORM", "Training day"), ("MAINT", "Maintenance"))  # fmt: skip

_KINDS = ("call", "meeting", "email", "demo", "trade show")
_NOTES = (
    "Souhaite une démonstration du module de suivi.", "Rappeler après la clôture.", "Asked for the price list.",
    "Contrat signé, livraison prévue au printemps.", "Will decide with the board.", None,
    "Satisfait de la mise à jour.", "Problème de facturation, transmis à la comptabilité.",
)  # fmt: skip
_POSTS = (
    "Même question ici : l’export garde-t-il les accents ?", "Works for me since the last version.",
    "Avez-vous essayé de vider le cache ?", "Merci, c’est réglé !", "We had the same error on Monday.",
    "Le guide d’installation l’explique page 12.", "Can somebody share an example?",
)  # fmt: skip
_THREADS = (
    "Export en CSV",
    "Mise à jour 7.2",
    "Accents dans les noms",
    "Connexion lente",
    "Licences",
    "API",
    "Archives",
)
_MESSAGES = (
    "Pouvez-vous m’envoyer votre modèle ?", "See you at the trade show.", "Merci pour votre aide.",
    "Je vous rappelle demain.", "Here is what I meant yesterday.",
)  # fmt: skip


@dataclass(frozen=True)
class Crm:
    """The tables of the database, and the people whom the other databases know too."""

    tables: Tables
    contacts: tuple[Person, ...]
    employees: tuple[Person, ...]
    leads: tuple[Person, ...]


@dataclass
class _Rows:
    chance: Chance
    population: Population
    addresses: list[Row] = field(default_factory=list)

    def address(self) -> int:
        """Write down a new address and return its number."""
        self.addresses.append((len(self.addresses) + 1, *self.population.address()))
        return len(self.addresses)


def make(population: Population) -> Crm:
    """Make every row of the database."""
    rows = _Rows(Chance("crm"), population)
    employees = _employees(rows)
    companies = [(number, rows.address()) for number in range(1, len(population.companies))]
    contacts = _contacts(rows)
    leads = _leads(rows)
    contact_rows = list(_contact_rows(rows, contacts, dict(companies)))
    threads, posts = _forum(rows, len(contact_rows) - 1)
    contracts = list(_contracts(contacts))
    tables: Tables = {
        "address": table("id line postcode city country", rows.addresses),
        "employee": table(
            "id first_name last_name email phone job_title manager_id hired_on left_on",
            _employee_rows(rows, employees),
        ),
        "product": table("code name", PRODUCTS),
        "company": table(
            "id name registration switchboard address_id account_owner_id primary_contact_id",
            _company_rows(rows, companies, contacts),
        ),
        "contact": table(
            "id company_id first_name last_name email phone job_title address_id account_owner_id "
            "referred_by_id interest_score preferences restricted created_on last_active_on",
            contact_rows,
        ),
        "lead": table(
            "id full_name email phone company_name job_title source account_owner_id notes created_on "
            "last_contact_on",
            _lead_rows(rows, leads),
        ),
        "interaction": table(
            "id contact_id employee_id product_code kind happened_at notes",
            _interactions(rows, len(contact_rows)),
        ),
        "contract": table(_CONTRACT, contracts[:CONTRACTS]),
        "contract_archive": table(f"{_CONTRACT} put_by put_on", map(_archived, contracts[CONTRACTS:])),
        "forum_thread": table("id opened_by title opened_at", threads),
        "forum_post": table("id thread_id author_id parent_id body posted_at", posts),
        "direct_message": table(
            "id sender_id recipient_id recipient_name sender_note body sent_at", _messages(rows, contacts)
        ),
    }
    return Crm(tables, tuple(contacts), tuple(employees), tuple(leads))


# Employee 1 leads everybody, 2 to 7 lead a team; Anselme Quessandre is number 7.


def _employees(rows: _Rows) -> list[Person]:
    found = [rows.population.person(0, "vaubrelle.example") for _ in range(EMPLOYEES)]
    found[6] = ANSELME
    return found


def _employee_rows(rows: _Rows, employees: list[Person]) -> Iterator[Row]:
    for number, one in enumerate(employees, 1):
        manager = None if number == 1 else 1 if number <= 7 else 2 + rows.chance.below(6)
        hired = rows.chance.day(100, 4000)
        left = str(rows.chance.day(1, 90)) if rows.chance.often(0.1) and number > 7 else None
        yield (number, one.first_name or "–", one.last_name, one.email, one.phone, one.job_title, manager,
               str(hired), left)  # fmt: skip


def _company_rows(rows: _Rows, companies: list[tuple[int, int]], contacts: list[Person]) -> Iterator[Row]:
    first: dict[int, int] = {}
    for number, one in enumerate(contacts, 1):
        first.setdefault(one.company, number)
    for number, address in companies:
        name = rows.population.companies[number].name
        owner = 7 if number == 1 else rows.chance.below(EMPLOYEES) + 1
        yield (number, name, f"000 000 {number:03d}", f"+33 1 99 00 {number % 90 + 10} 00", address, owner,
               first.get(number))  # fmt: skip


# Contact 0 is nobody: what the forum keeps of people who left is hers.  1 and 2 are the story's.


def _contacts(rows: _Rows) -> list[Person]:
    found = [MAELLE, SEVERIN]
    companies = rows.population.companies
    while len(found) < CONTACTS:
        company = 1 + rows.chance.below(len(companies) - 1)
        found.append(rows.population.person(company, companies[company].domain))
    return found


def _contact_rows(rows: _Rows, contacts: list[Person], company_address: dict[int, int]) -> Iterator[Row]:
    yield (0, None, None, "Former member", *(None,) * 8, False, "2015-01-05", str(TODAY))
    chance = rows.chance
    twice = [contacts[2 + 13 * number] for number in range(TWICE)]
    for number, one in enumerate([*contacts, *twice], 1):
        again = number > len(contacts)
        email = one.email.upper() if again and one.email else one.email
        shared = number <= 2 or chance.often(0.45)
        address = company_address[one.company] if shared else rows.address()
        late = 100 <= number < 100 + LATE_CONTACTS
        active = chance.day(1150, 2200) if late else chance.day(1, 700)
        created = active - timedelta(days=chance.below(1500))
        owner = 7 if number <= 2 else chance.below(EMPLOYEES) + 1
        referred = chance.below(number) or None if chance.often(0.15) and number > 2 else None
        language = chance.pick(("fr", "fr", "en", None))
        preferences = json.dumps({"language": language, "topics": ["export"] if chance.often(0.3) else []})
        yield (number, one.company, one.first_name, one.last_name, email, one.phone, one.job_title, address, owner,
               referred, chance.below(101), preferences, False, str(created), str(active))  # fmt: skip


def _leads(rows: _Rows) -> list[Person]:
    return [rows.population.person(0, f"prospect-{rows.chance.below(300)}.example") for _ in range(LEADS)]


def _lead_rows(rows: _Rows, leads: list[Person]) -> Iterator[Row]:
    chance = rows.chance
    for number, one in enumerate(leads, 1):
        last = chance.day(1150, 2400) if number <= LATE_LEADS else chance.day(1, 700)
        created = last - timedelta(days=chance.below(400))
        source = chance.pick(("web form", "trade show", "survey", "contest", "professional network"))
        note = chance.pick(_NOTES)
        yield (number, one.full_name, one.email, one.phone, f"Prospect {number}", one.job_title, source,
               chance.below(EMPLOYEES) + 1, note, str(created), str(last))  # fmt: skip


def _interactions(rows: _Rows, contacts: int) -> Iterator[Row]:
    chance = rows.chance
    for number in range(1, 9_001):
        who = 1 if number <= 9 else 2 if number <= 14 else chance.below(contacts - 1) + 1
        employee = 7 if number <= 14 else chance.below(EMPLOYEES) + 1
        product = None if chance.often(0.4) else chance.pick(PRODUCTS)[0]
        yield (
            number,
            who,
            employee,
            product,
            chance.pick(_KINDS),
            chance.moment(2, 690),
            chance.pick(_NOTES),
        )


# Contracts draw from a chance of their own, so that nothing else depends on them.


def _contracts(contacts: list[Person]) -> Iterator[Row]:
    """Make the contracts, those in use first: some have ended and wait for the archive, some run on."""
    chance = Chance("contracts")
    for number in range(1, CONTRACTS + ARCHIVED + 1):
        if number <= ENDED:
            ended: date | None = chance.day(40, 900)
        elif number <= CONTRACTS:
            ended = None if chance.often(0.6) else TODAY + timedelta(days=30 + chance.below(700))
        else:
            ended = chance.day(1850, 2300) if number <= CONTRACTS + OVER else chance.day(950, 1700)
        signed = (ended or TODAY) - timedelta(days=800 + chance.below(900))
        one = contacts[200 + 7 * number]
        yield (number, f"C-{signed.year}-{number:04d}", one.company, one.full_name, one.email,
               chance.pick(PRODUCTS)[0], str(signed), str(ended) if ended else None)  # fmt: skip


def _archived(row: Row) -> Row:
    """Return a contract as it stands in the archive: moved there by hand on the day after its end."""
    return (*row, "by hand", str(date.fromisoformat(str(row[7])) + timedelta(days=1)))


# Thread 1 is opened by Maëlle; post 3, by Séverin, says her address: residue that no link leads to.


def _forum(rows: _Rows, contacts: int) -> tuple[list[Row], list[Row]]:
    chance = rows.chance
    threads: list[Row] = []
    posts: list[Row] = []
    for thread in range(1, 301):
        opened_by = 1 if thread == 1 else chance.below(contacts) + 1
        opened = date.fromisoformat(chance.moment(120, 690)[:10])
        threads.append((thread, opened_by, f"{chance.pick(_THREADS)} ({thread})", f"{opened} 09:00:00"))
        before: int | None = None
        for answer in range(5 + chance.below(13)):
            number = len(posts) + 1
            author = opened_by if answer == 0 else chance.below(contacts) + 1
            body = chance.pick(_POSTS)
            if number == 3:
                author, body = 2, f"Écrivez à {MAELLE.email}, c’est elle qui a le fichier."
            parent = None if answer == 0 or chance.often(0.3) else before
            posted = f"{opened + timedelta(days=answer)} 10:{answer:02d}:00"
            posts.append((number, thread, author, parent, body, posted))
            before = number
    return threads, posts


def _messages(rows: _Rows, contacts: list[Person]) -> Iterator[Row]:
    chance = rows.chance
    for number in range(1, 3_001):
        sender, recipient = chance.below(CONTACTS) + 1, chance.below(CONTACTS) + 1
        if number <= 6:  # between Maëlle and Séverin, in turn
            sender, recipient = (1, 2) if number % 2 else (2, 1)
        note = "à relancer" if chance.often(0.1) else None
        body, sent = chance.pick(_MESSAGES), chance.moment(2, 690)
        yield number, sender, recipient, contacts[recipient - 1].full_name, note, body, sent
