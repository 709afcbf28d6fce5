"""Look up one person in every store: what is held, from where it came, and who received it.

What is found is shown and kept nowhere; that somebody looked is recorded before anything is read.

Law: GDPR Art. 15(1); Case C-154/21.
"""

from __future__ import annotations

from collections.abc import Iterator

from troth.errors import NotAllowedError
from troth.ledger import subjects
from troth.rules.package import plain, withheld
from troth.rules.question import Answer, Row
from troth.stores.contract import Who
from troth.work import disclose, inform
from troth.work.list_recipients import received_about
from troth.work.look_up import Look

ROWS_MAX = 20_000
"""What is shown of one person at once: more is no answer anybody reads, and is asked for by a request."""


def subject(look: Look) -> Answer:
    """Everything on record about whom these identifiers name; raises NotAllowedError where there is too much."""
    ledger = look.past.ledger
    known = look.known
    identifiers = tuple(
        dict.fromkeys([*look.subject, *(subjects.identifiers(ledger, known) if known else ())])
    )
    who = Who(known or "asked", identifiers)
    rows = [*_held(look, who), *_came_from(look, known), *_went_to(look, who)]
    return Answer(tuple(rows), len(rows))


def _held(look: Look, who: Who) -> Iterator[Row]:
    count = 0
    for name, store in look.project.stores.items():
        tables = look.project.maps[name].tables
        for row in store.find([who]):
            columns = tables[row.table].columns if row.table in tables else {}
            for column, value in withheld(row.values, columns, look.asked.language).items():
                category = str(columns.get(column, ""))
                if value is None:
                    continue
                count += 1
                if count > ROWS_MAX:
                    raise NotAllowedError(
                        f"More than {ROWS_MAX} values are held about this person. Open a request for access: its "
                        "answer is written as a file, however long it is."
                    )
                shown = look.asked.say("hidden") if column in row.concealed else str(plain(value))
                yield _line(look, "held", f"{name}.{row.table}", column, category, shown)


def _came_from(look: Look, known: str | None) -> Iterator[Row]:
    for event in look.past.events("collected") if known else ():
        if event.subject == known:
            facts = event.facts
            source, channel, on = str(facts["source"]), str(facts["channel"]), str(facts["obtained_on"])
            name = event.stream.removeprefix(f"{inform.FAMILY}/")
            yield _line(look, "came_from", channel, source, "", name, on)


def _went_to(look: Look, who: Who) -> Iterator[Row]:
    for one in received_about(look.project, who):
        parties = ", ".join(f"{party.name} ({party.country})" for party in one.named)
        yield _line(look, "received", str(one.key), one.title.said(look.asked.language), "", parties)
    for event in disclose.disclosed(look.project, who.identifiers):
        facts = event.facts
        categories = facts["category"]
        told = ", ".join(map(str, categories)) if isinstance(categories, list | tuple) else str(categories)
        on = str(facts.get("on") or event.at.date().isoformat())
        yield _line(look, "disclosed", str(facts["recipient"]), str(facts["purpose"]), told, "", on)


def _line(look: Look, part: str, place: str, name: str, category: str, value: str, on: str = "") -> Row:
    word = look.asked.word(part)
    return {"part": word, "place": place, "name": name, "category": category, "value": value, "on": on}
