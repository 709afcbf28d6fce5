"""What is in `billing`: customers, invoices and their lines, payments, credit notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from group_data.chance import TODAY, Chance
from group_data.crm import PRODUCTS
from group_data.people import MAELLE, Person, Population
from group_data.writing import Row, Tables, table

CUSTOMERS = 800
_REASONS = ("Erreur de quantité", "Returned licence", "Remise commerciale oubliée", None)


def make(population: Population, contacts: tuple[Person, ...]) -> Tables:
    """Make every row; the first contacts who have an e-mail address are the customers."""
    chance = Chance("billing")
    buyers = [MAELLE, *(one for one in contacts[2:] if one.email)][:CUSTOMERS]
    invoices = list(_invoices(chance, buyers))
    return {
        "customer": table(
            "id contact_name email phone company_name vat_number address_line postcode city country restricted "
            "created_on",
            _customers(chance, population, buyers),
        ),
        "invoice": table(
            "id number customer_id customer_name sent_to issued_on due_on closing_on total_cents currency note",
            [row for row, _ in invoices],
        ),
        "invoice_line": table(
            "invoice_id line_no closing_on description quantity unit_cents",
            [line for _, lines in invoices for line in lines],
        ),
        "payment": table(
            "id invoice_id closing_on paid_on amount_cents method account_ending payer_label",
            _payments(chance, [row for row, _ in invoices]),
        ),
        "credit_note": table(
            "id number invoice_id issued_on closing_on amount_cents reason",
            _credit_notes(chance, [row for row, _ in invoices]),
        ),
        "audit_trail": table(
            "id changed_table changed_row what changed_at",
            [
                (n, "customer", chance.below(CUSTOMERS) + 1, "changed", chance.moment(10, 900))
                for n in range(1, 301)
            ],
        ),
    }


def _customers(chance: Chance, population: Population, buyers: list[Person]) -> Iterator[Row]:
    for number, one in enumerate(buyers, 1):
        line, postcode, town, country = population.address()
        vat = f"{country}00{number:09d}" if chance.often(0.8) else None
        yield (number, one.full_name, one.email, one.phone, population.companies[one.company].name, vat, line,
               postcode, town, country, False, str(chance.day(700, 2800)))  # fmt: skip


def _invoices(chance: Chance, buyers: list[Person]) -> Iterator[tuple[Row, list[Row]]]:
    """Make the invoices, numbered in the order in which they were issued."""
    first = date(2025, 3, 10)  # one of Maëlle's; its note has her name in it
    issued = [(first, 1)] + [(chance.day(5, 2500), 1) for _ in range(6)]
    for customer in range(2, len(buyers) + 1):
        issued += [(chance.day(5, 2500), customer) for _ in range(1 + chance.below(9))]
    for number, (day, customer) in enumerate(sorted(issued), 1):
        one, closing = buyers[customer - 1], f"{day.year}-12-31"
        lines: list[Row] = []
        total = 0
        for line in range(1, 2 + chance.below(3)):
            code, name = chance.pick(PRODUCTS)
            quantity, unit = 1 + chance.below(5), (1 + chance.below(400)) * 500
            total += quantity * unit
            lines.append((number, line, closing, f"{name} ({code})", quantity, unit))
        note = f"Contact : {one.full_name}" if (day, customer) == (first, 1) or chance.often(0.1) else None
        yield (
            (number, f"F{day.year}-{number:05d}", customer, one.full_name, one.email, str(day),
             str(day + timedelta(days=30)), closing, total, "EUR", note),
            lines,
        )  # fmt: skip


def _payments(chance: Chance, invoices: list[Row]) -> Iterator[Row]:
    number = 0
    for invoice in invoices:
        due = date.fromisoformat(str(invoice[6]))
        if due >= TODAY or chance.often(0.04):
            continue
        number += 1
        paid = min(due + timedelta(days=chance.below(20)), TODAY - timedelta(days=1))
        label = f"VIR {str(invoice[3]).upper()[:60]}" if chance.often(0.5) else None
        method = chance.pick(("transfer", "transfer", "direct debit", "card"))
        ending = f"{chance.below(10_000):04d}"
        yield number, invoice[0], f"{paid.year}-12-31", str(paid), invoice[8], method, ending, label


def _credit_notes(chance: Chance, invoices: list[Row]) -> Iterator[Row]:
    for number in range(1, 151):
        invoice = next(row for row in invoices if row[2] == 1) if number == 1 else chance.pick(invoices)
        issued = min(date.fromisoformat(str(invoice[5])) + timedelta(days=12), TODAY - timedelta(days=1))
        yield (number, f"A{issued.year}-{number:04d}", invoice[0], str(issued), f"{issued.year}-12-31",
               500 + chance.below(40) * 100, chance.pick(_REASONS))  # fmt: skip
