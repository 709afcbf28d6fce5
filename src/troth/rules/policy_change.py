"""What follows from a new version of the policy, before it is published: in stores, for consents, for people.

Each consequence names the promise that brings it, how many rows, people or requests it is about where
somebody can count them, its law, and the command that carries it out.  Nothing here carries anything out.

Law: GDPR Arts. 5(1)(e), 6(4), 7, 13(3), 14(4), 19, 21(4), 28(3)(a).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from troth.law.period import Period
from troth.policy.difference import Difference
from troth.policy.policy import Policy
from troth.policy.promise import Purpose, Recipient
from troth.rules import announcement, cookie, purpose_scope, request
from troth.rules.control_collection import STRUCTURE
from troth.rules.map import Map
from troth.rules.purpose_scope import Scope
from troth.rules.sweep import Bound

What = Literal[
    "rows_due", "rows_stay", "rows_uncounted", "undeclared", "consent", "cookie_consent", "notice", "objection_notice",
    "recipient", "clock", "announcement",
]  # fmt: skip
_TOLD_OF = (
    "does",
    "legal_basis",
    "other_basis",
    "interest",
    "categories",
    "recipients",
    "profiling",
    "decides",
)
"""What of a purpose Arts. 13(1) and 14(1) have people told: a change of it is told anew (Arts. 13(3), 14(4))."""
_INSTRUCTED = frozenset({"categories", "recipients", "retention", "does"})
"""What of a purpose its processors must know of to process on documented instructions."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """One thing that follows; `count` is None where nobody can count it."""

    what: What
    promise: str
    says: str
    count: int | None
    law: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted before a version is published.

    `rows` are due on the day the version takes effect, by the promises of then and of now, by the name of the
    sweep; `columns` those of a table about which one is asked, by `store.table`; `consents` the yeses that
    stand, by purpose and imprint of the scope they were given to; `cookies` the yeses of visitors by category;
    `people` whose address is known; `requests` the states of those that are open.
    """

    today: date
    rows: Mapping[str, tuple[int | None, int | None]]
    columns: Mapping[str, int | None]
    consents: Mapping[tuple[str, str], int]
    scopes: Mapping[str, Scope]
    cookies: Mapping[str, int]
    people: int | None
    requests: Sequence[Mapping[str, Any]]


def consequences(
    then: Policy,
    now: Policy,
    found: Sequence[Difference],
    maps: Mapping[str, Map],
    sweeps: Sequence[tuple[Bound, Bound | None]],
    counted: Counted,
) -> tuple[Consequence, ...]:
    """Return all that follows from what changed; `sweeps` are those of now, each with what it was."""
    return (
        *_swept(sweeps, counted),
        *_undeclared(then, now, maps, counted),
        *_consents(now, found, counted),
        *_cookies(then, now, counted),
        *_notices(then, now, found, counted),
        *_recipients(then, now, found),
        *_clocks(then, now, counted),
        *_announcement(then, now, found, counted),
    )


def _swept(sweeps: Sequence[tuple[Bound, Bound | None]], counted: Counted) -> Iterator[Consequence]:
    """Say how many rows fall due by a retention that is shorter, how many stay by a longer one, what nobody counts."""
    for one, was in sweeps:
        before, after = counted.rows.get(one.name, (None, None))
        place = f"{one.store}.{one.table}"
        if one.why_not:
            yield _uncounted(one, f"{place}: what is due cannot be swept, nor counted: {one.why_not}")
        elif after is None:
            yield _uncounted(one, f"{place}: its store cannot count what is due")
        elif before is None and was is not None:
            yield _due(one, f"{place}: {_rows(after)} due; how many before cannot be counted", after)
        elif before is None:
            said = f"{place}: {_rows(after)} due that no promise ended before"
            yield _due(one, said, after)
        elif after > before:
            said = f"{place}: {_rows(after)} due instead of {before}, {after - before} more"
            yield _due(one, said, after - before)
        elif after < before:
            said = f"{place}: {_rows(before - after)} that would be due stay longer"
            yield Consequence("rows_stay", one.rule.id, said, before - after, "GDPR Art. 5(1)(e)")


def _uncounted(one: Bound, said: str) -> Consequence:
    return Consequence("rows_uncounted", one.rule.id, said, None, "GDPR Art. 5(1)(e)")


def _due(one: Bound, said: str, rows: int) -> Consequence:
    return Consequence(
        "rows_due", one.rule.id, said, rows, "GDPR Art. 5(1)(e)", f"troth sweep mark {one.name}"
    )


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def _undeclared(
    then: Policy, now: Policy, maps: Mapping[str, Map], counted: Counted
) -> Iterator[Consequence]:
    """Name the columns that hold a category which is no longer declared."""
    for store, mapped in maps.items():
        for table in mapped.tables.values():
            for column, category in table.columns.items():
                if category in STRUCTURE or category in now.categories or category not in then.categories:
                    continue
                rows = counted.columns.get(f"{store}.{table.name}")
                said = f"{store}.{table.name}.{column} holds `{category}`, which is no longer declared"
                yield Consequence("undeclared", f"category {category}", said, rows, "GDPR Art. 5(1)(b), (c)",
                                  "troth map --check")  # fmt: skip


def _consents(now: Policy, found: Sequence[Difference], counted: Counted) -> Iterator[Consequence]:
    """Say of each purpose how many yeses no longer cover it."""
    for purpose in now.purposes.values():
        if not purpose.public or "consent" not in {purpose.legal_basis, purpose.other_basis}:
            continue
        scope = purpose_scope.scope(now, purpose.name)
        again, grown = 0, dict[str, None]()
        for (name, imprint), people in counted.consents.items():
            known = counted.scopes.get(imprint)
            more = purpose_scope.grown(known, scope) if known and name == purpose.name else ()
            if more:
                again += people
                grown |= dict.fromkeys(more)
        if again:
            said = f"{_people(again)} said yes to less: {', '.join(grown)} came since"
            yield Consequence("consent", purpose.id, said, again, "GDPR Arts. 4(11), 7(1)",
                              f"troth consent list --purpose {purpose.name}")  # fmt: skip
        elif _turned_to_consent(purpose, found):
            said = "it rests on consent from now on: whoever has not said yes is asked"
            yield Consequence("consent", purpose.id, said, None, "GDPR Art. 6(1)(a)")


def _turned_to_consent(purpose: Purpose, found: Sequence[Difference]) -> bool:
    return any(
        one.promise == purpose.id and "consent" in one.becomes and one.field in {"legal_basis", "other_basis"}
        for one in found
    )


def _people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}"


def _cookies(then: Policy, now: Policy, counted: Counted) -> Iterator[Consequence]:
    """Say how many visitors are asked again because something material of a category changed."""
    if now.cookies is None:
        return
    before = cookie.table(then.cookies).imprints if then.cookies else {}
    for category, imprints in cookie.table(now.cookies).imprints.items():
        if imprints <= before.get(category, frozenset()):
            continue
        yeses = counted.cookies.get(category, 0)
        visitors = f"{yeses} visitor{'' if yeses == 1 else 's'} who said yes"
        said = f"the table of {category} cookies changed in what is material: {visitors} are asked again"
        yield Consequence("cookie_consent", now.cookies.id, said, yeses, "Directive 2002/58/EC Art. 5(3)",
                          "troth banner build")  # fmt: skip


def _notices(
    then: Policy, now: Policy, found: Sequence[Difference], counted: Counted
) -> Iterator[Consequence]:
    """Say of which purposes people must be told before their data is processed so (Arts. 13(3), 14(4), 21(4))."""
    people = counted.people
    for purpose in now.purposes.values():
        if not purpose.public:
            continue
        fields = dict.fromkeys(
            one.field.partition(".")[0].partition(" ")[0] for one in found
            if (one.kind, one.name) == ("purpose", purpose.name) and one.what == "changed"
        )  # fmt: skip
        changed = [name for name in fields if name in _TOLD_OF]
        new = purpose.name not in then.purposes
        if not new and not changed:
            continue
        what = (
            "a new purpose" if new else f"its {', '.join(name.replace('_', ' ') for name in changed)} changed"
        )
        said = f"{what}: people whose data is held are told before it is used so"
        yield Consequence(
            "notice", purpose.id, said, people, "GDPR Arts. 13(3), 14(4)", "troth policy announce"
        )
        known = then.purposes.get(purpose.name)
        if _objectable(purpose) and (known is None or not _objectable(known)):
            said = "people may object to it, and are told so apart by the next message at the latest"
            yield Consequence("objection_notice", purpose.id, said, people, "GDPR Art. 21(4)",
                              "troth communication ask")  # fmt: skip


def _objectable(purpose: Purpose) -> bool:
    bases = {purpose.legal_basis, purpose.other_basis}
    return purpose.marketing or not bases.isdisjoint({"legitimate_interests", "public_task"})


def _recipients(then: Policy, now: Policy, found: Sequence[Difference]) -> Iterator[Consequence]:
    """Name the recipients that are to know of it: new ones, changed ones, processors whose instructions change."""
    changed = {one.name for one in found if one.kind == "recipient" and one.what != "removed"}
    for recipient in now.recipients.values():
        if not recipient.public:
            continue
        purposes = [
            one.name for one in found
            if one.kind == "purpose" and (one.what != "changed" or one.field.partition(".")[0] in _INSTRUCTED)
            and (named := (now if one.what != "removed" else then).purposes.get(one.name)) is not None
            and recipient.name in map(str, named.recipients)
        ]  # fmt: skip
        if recipient.name not in then.recipients:
            said = f"a new recipient: it needs {_needs(recipient)} before anything goes to it"
        elif recipient.name in changed:
            said = "what is promised of it changed: it is told, and its contract is looked at"
        elif recipient.role == "processor" and purposes:
            said = f"it processes for {', '.join(dict.fromkeys(purposes))}: its instructions change"
        else:
            continue
        way = recipient.notify.by if recipient.notify else "no way that is named"
        law = "GDPR Art. 28(3)(a)" if recipient.role == "processor" else "GDPR Art. 13(1)(e)"
        yield Consequence(
            "recipient", recipient.id, f"{said} (by {way})", None, law, "troth register recipients"
        )
    for name, gone in then.recipients.items():
        if gone.public and name not in now.recipients:
            said = "it is no recipient any more: it returns or erases what it has"
            yield Consequence(
                "recipient", gone.id, said, None, "GDPR Art. 28(3)(g)", "troth register processors"
            )


def _needs(recipient: Recipient) -> str:
    return ", ".join(recipient.requires).replace("_", " ") or "nothing on record"


def _clocks(then: Policy, now: Policy, counted: Counted) -> Iterator[Consequence]:
    """Say which clocks of open requests stay as they were promised when the request came."""
    before, after = (one.answer.within if one.answer else None for one in (then, now))
    if before == after or now.answer is None:
        return
    mine = [one for one in counted.requests if request.is_open(one) and one.get("received")]
    keep = [one for one in mine if now.effective is None or one["received"] < now.effective.isoformat()]
    number = f"{len(keep)} open request{'' if len(keep) == 1 else 's'}"
    said = f"answers are promised within {after} instead of {before}; {number} keep the clock of the day they came"
    yield Consequence("clock", now.answer.id, said, len(keep), "GDPR Art. 12(3)", "troth request list")


def _announcement(
    then: Policy, now: Policy, found: Sequence[Difference], counted: Counted
) -> Iterator[Consequence]:
    """Say by which ways and by when the change is announced, as the version before promised."""
    promised, effective = then.change, now.effective
    if promised is None or effective is None or not announcement.owed(promised, found):
        return
    ways = ", ".join(promised.announced_by)
    by = announcement.last_day(promised, effective) or effective
    if by >= counted.today:
        said = (
            f"announced by {ways} until {by}, {promised.announced_before or 'before it takes effect'} ahead"
        )
    else:
        late = f"too late to be announced by {ways} {promised.announced_before} ahead of {effective}"
        said = f"{late}: {_soonest(then, counted)}"
    people = counted.people if "email" in promised.announced_by else None
    yield Consequence("announcement", promised.id, said, people, "GDPR Art. 12(1)", "troth policy announce")


def _soonest(then: Policy, counted: Counted) -> str:
    return f"it could take effect on {announcement.first_effective(then.change, counted.today)}"


def is_too_soon(then: Policy, now: Policy, found: Sequence[Difference], today: date) -> bool:
    """Say whether a version takes effect sooner than the version before promised to announce it."""
    if not announcement.owed(then.change, found) or now.effective is None:
        return False
    by = announcement.last_day(then.change, now.effective)
    return by is not None and by < today


def promised_by(state: Mapping[str, Any], within: Period | None) -> date | None:
    """Return the day by which a request was promised an answer that is sooner than the law's; None without one.

    A month is what the law gives; only what is shorter in every case is sooner.  An extension that was told in
    time takes the law's clock, and so does what waited for the person.
    """
    if within is None or within.days()[1] >= 28 or state.get("extension") or state.get("asks"):
        return None
    return within.after(date.fromisoformat(str(state["received"])))
