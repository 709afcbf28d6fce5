"""Whether promises make sense: what must go together, and what cannot.

Only what is a mistake in itself, whatever the law of the day says; what the law asks
of a policy is the work of `check`.

Law: GDPR Arts. 6, 15(1), 17, 18(1), 22, 28(3), 30, 35(7), 46, 49.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from troth.errors import Problem
from troth.law.period import Period
from troth.policy.doubt import closed_in_doubt
from troth.policy.kinds import OF_THE_REGISTER
from troth.policy.promise_reading import Said

if TYPE_CHECKING:
    from troth.policy.policy import Policy

Found = Iterator[tuple[str, str, str]]  # field, or `field[0]` for an item of it; what; remedy
_SHA256 = re.compile(r"[0-9a-f]{64}")

LETTERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "access": {"contents": "abcdefgh"},
        "erase": {"grounds": "abcdef", "exemptions": "abcde"},
        "restrict": {"grounds": "abcd"},
    }
)
"""Which letters the articles have: GDPR Arts. 15(1), 17(1), 17(3), 18(1)."""

DOCUMENT_LETTERS: Mapping[str, str] = MappingProxyType({"processor_contract": "abcdefgh", "dpia": "abcd"})
"""Which letters a document covers: GDPR Art. 28(3) for a contract, Art. 35(7) for an impact assessment."""

DOCUMENT_ABOUT: Mapping[str, str] = MappingProxyType(
    {
        "interest_assessment": "purposes",
        "transfer_assessment": "transfers",
        "dpia": "purposes",
        "access_review": "stores",
    }
)
"""What a document of a type must name."""

ARTICLES: Mapping[str, str] = MappingProxyType(
    {
        "inform": "12 to 14",
        "access": "15",
        "list_recipients": "19",
        "rectify": "16",
        "complete": "16",
        "erase": "17",
        "restrict": "18",
        "port": "20",
        "object": "21(1)",
        "object_marketing": "21(2)",
        "withdraw": "7(3)",
        "review_decision": "22(3)",
        "complain_to_authority": "77",
    }
)
"""Where the GDPR has each right; the others come from national law."""


def unsound(policy: Policy, said: Sequence[Said]) -> Iterator[Problem]:
    """Find promises that contradict themselves or lack what they depend on."""
    for one in said:
        rule = _RULES.get(one.kind.kind)
        if rule is None or not one.whole:
            continue
        for name, what, remedy in rule(one.values, policy):
            line, column = one.lines.get(name, one.lines.get(name.partition("[")[0], (one.line, one.column)))
            yield Problem(one.file, line, column, what, remedy)
    for one in said:
        if one.kind.kind == "security" and "measures" in one.values and not one.file.startswith("register/"):
            line, column = one.lines["measures"]
            yield Problem(
                one.file,
                line,
                column,
                "Security measures would be published here.",
                "Put them into a file in register/.",
            )
        if one.kind in OF_THE_REGISTER and not one.file.startswith("register/"):
            what = f"`{one.kind.kind}.{one.values['key']}` would be published here."
            yield Problem(one.file, one.line, one.column, what, "Put it into a file in register/.")


def _group(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    if "entities" in values and not values["entities"]:
        yield "entities", "`group.entities` names no company.", "Name at least one."


def _collection(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    if values["how"] == "direct" and values.get("sources"):
        yield (
            "sources",
            "What is collected directly has no other source.",
            "Say `how: indirect`, or drop `sources`.",
        )
    if values["how"] != "direct" and values.get("channels"):
        yield "channels", "Channels are for what subjects give us themselves.", "Say `sources` instead."


def _purpose(values: Mapping[str, Any], policy: Policy) -> Found:
    name, basis = values["key"], values["legal_basis"]
    if "legitimate_interests" in (basis, values.get("other_basis")) and "interest" not in values:
        yield (
            "legal_basis",
            f"`purpose.{name}` rests on a legitimate interest and does not name it.",
            "Add `interest: …`.",
        )
    if basis == "legal_obligation" and "duty" not in values:
        yield (
            "legal_basis",
            f"`purpose.{name}` rests on a legal obligation and does not name it.",
            "Add `duty: …`.",
        )
    if ("other_basis" in values) != ("other_basis_for" in values):
        yield (
            "other_basis",
            f"`purpose.{name}` must say for whom its other basis is.",
            "Say both `other_basis` and `other_basis_for`, or none.",
        )
    if values.get("on_doubt") == "allow":
        closed = closed_in_doubt(policy, str(name)) if name in policy.purposes else None
        if closed:
            yield (
                "on_doubt",
                f"`purpose.{name}` cannot go on in doubt: it is about {closed}.",
                "Write `on_doubt: refuse`.",
            )
    above, met = values.get("broader"), [str(name)]
    while above and above not in met:
        met.append(str(above))
        above = policy.purposes[above].broader if above in policy.purposes else None
    if above:
        yield (
            "broader",
            f"`purpose.{name}` is a part of itself: {' < '.join(met)}.",
            "Say which is the broader one.",
        )
    if values.get("channels") and not values.get("marketing"):
        yield "channels", "Channels are for marketing.", "Say `marketing: true`, or drop `channels`."


def _recipient(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    name, notify = values["key"], values.get("notify")
    if notify is not None and notify.by == "nothing" and notify.because is None:
        yield "notify", f"`recipient.{name}` is told nothing, without a reason.", "Add `because: …`."
    if notify is not None and notify.by in ("email", "api", "post", "phone") and notify.address is None:
        yield "notify", f"`recipient.{name}` is told by {notify.by}, without an address.", "Add `address: …`."


def _answer(values: Mapping[str, Any], policy: Policy) -> Found:
    told, within = values.get("extension_told_within"), values.get("within")
    if ("extend_for" in values or told) and policy.answer and policy.answer.extend_by is None:
        yield "extend_for", "`answer` speaks of an extension without its length.", "Add `extend_by: …`."
    if told and within and longer(told, within):
        yield (
            "extension_told_within",
            f"The extension would be told after the first period ({within}) is over.",
            "Make it as long, or shorter.",
        )
    allowed = values.get("when_unfounded_or_excessive")
    if allowed and "fee" not in allowed and "fee" in values:
        yield "fee", "A fee is set and may not be asked.", "Add `fee` to `when_unfounded_or_excessive`."


def _right(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    name = values["key"]
    for field in ("grounds", "exemptions", "contents"):
        allowed = LETTERS.get(name, {}).get(field, "")
        wrong = [letter for letter in values.get(field, ()) if letter not in allowed]
        if wrong:
            there = f"There are: {', '.join(allowed)}." if allowed else f"`right.{name}` has no {field}."
            yield field, f"Its article has no letter {', '.join(wrong)} under `{field}`.", there


def _retention(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    if ("period" in values) == ("criteria" in values):
        both = "both a period and criteria" if "period" in values else "neither a period nor criteria"
        yield "period", f"`retention.{values['key']}` has {both}.", "Say one of the two."


def _consent(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    age = values.get("minimum_age")
    if age is not None and not 13 <= age <= 18:
        yield "minimum_age", "`consent.minimum_age` must be from 13 to 18.", "Write the age of your country."


def _cookies(values: Mapping[str, Any], policy: Policy) -> Found:
    limit = policy.cookies.lifetime_max if policy.cookies else values.get("lifetime_max")
    exempt = policy.cookies.before_consent if policy.cookies else ("necessary",)
    yield from _choice(values, policy)
    seen = set()
    for at, row in enumerate(values.get("table", ())):
        place = f"table[{at}]"
        if isinstance(row.lifetime, Period) and limit and longer(row.lifetime, limit):
            what = f"The cookie `{row.name}` lives {row.lifetime}, longer than any may ({limit})."
            yield place, what, "Shorten it, or raise `lifetime_max`."
        kept = policy.cookies.data_kept_max if policy.cookies else values.get("data_kept_max")
        if row.data_kept and kept and longer(row.data_kept, kept):
            what = f"What the cookie `{row.name}` collects is kept {row.data_kept}, longer than anything may ({kept})."
            yield place, what, "Shorten it, or raise `data_kept_max`."
        if row.lifetime == "session" and row.sliding:
            yield place, f"The cookie `{row.name}` ends with the session and is renewed.", "Drop `sliding`."
        if row.category not in exempt and row.exempt_because:
            what = f"The cookie `{row.name}` says why it needs no consent, and its category needs it."
            yield place, what, "Drop `exempt_because`, or give the category in `before_consent`."
        key = (row.name, row.host, row.path, row.storage)
        if key in seen:
            yield place, f"The cookie `{row.name}` is there twice.", "Keep one of the two rows."
        seen.add(key)


def _choice(values: Mapping[str, Any], policy: Policy) -> Found:
    """Say where the cookie in which the banner remembers the choice is not declared, or too short for it."""
    cookies = policy.cookies
    if cookies is None or cookies.asked_by != "banner" or "table" not in values:
        return
    at, row = next(
        (
            (at, row)
            for at, row in enumerate(cookies.table)
            if row.name == cookies.choice_in and row.storage == "cookie"
        ),
        (0, None),
    )
    if row is None or row.category not in {"necessary", *cookies.before_consent}:
        what = f"The table does not declare the cookie `{cookies.choice_in}`, in which the banner remembers the choice."
        yield "table", what, "Add it as necessary, or name another in `choice_in`."
        return
    for kept in (cookies.choice_kept.given, cookies.choice_kept.refused) if cookies.choice_kept else ():
        if not isinstance(row.lifetime, Period) or longer(kept, row.lifetime):
            what = f"The choice is remembered for {kept}, and its cookie `{row.name}` lives {row.lifetime}."
            yield f"table[{at}]", what, "Make its lifetime as long, or `choice_kept` shorter."
            return


def _transfer(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    name = values["key"]
    needed = {"standard_clauses": "module", "derogation": "letter"}.get(values["mechanism"])
    if needed and needed not in values:
        yield "mechanism", f"`transfer.{name}` must say which {needed}.", f"Add `{needed}: …`."
    if "importer" not in values and "recipient" not in values:
        yield "country", f"`transfer.{name}` does not say who receives.", "Add `importer:` or `recipient:`."


def _activity(values: Mapping[str, Any], policy: Policy) -> Found:  # noqa: ARG001
    name, role = values["key"], values.get("role", "controller")
    if role == "processor":
        for field in ("controllers", "does"):
            if not values.get(field):
                yield (
                    "role",
                    f"`activity.{name}` is done as processor, without `{field}`.",
                    f"Add `{field}: …`.",
                )
    elif not values.get("purposes"):
        yield "title", f"`activity.{name}` has no purpose.", "Add `purposes: [...]`, by their names."
    for field in ("controllers", "does"):
        if role != "processor" and values.get(field):
            yield field, f"`{field}` is for what is done as processor.", "Say `role: processor`, or drop it."
    if role == "joint_controller" and not values.get("joint_with"):
        yield "role", f"`activity.{name}` is joint, and with whom is not said.", "Add `joint_with: …`."


def _document(values: Mapping[str, Any], policy: Policy) -> Found:
    name, type_ = values["key"], values["type"]
    about = DOCUMENT_ABOUT.get(type_)
    if about and not values.get(about):
        yield "type", f"`document.{name}` does not say which {about} it is about.", f"Add `{about}: [...]`."
    if type_ == "processor_contract" and not values.get("recipients") and not _agreed(name, policy):
        yield (
            "type",
            f"`document.{name}` is a contract with nobody.",
            "Add `recipients: [...]`, or name it as the `agreement` of a controller.",
        )
    wrong = [letter for letter in values.get("says", ()) if letter not in DOCUMENT_LETTERS.get(type_, "")]
    if wrong:
        there = DOCUMENT_LETTERS.get(type_)
        remedy = f"There are: {', '.join(there)}." if there else f"Drop `says`: a {type_} has no letters."
        yield "says", f"What it must say has no letter {', '.join(wrong)}.", remedy
    for field in ("criteria", "needed", "risk", "consulted"):
        if field in values and type_ != "dpia":
            yield field, f"`{field}` is for an impact assessment.", "Say `type: dpia`, or drop it."
    for field in ("answer_by", "answered"):
        if field in values and type_ != "authority_letter":
            yield (
                field,
                f"`{field}` is for a letter of an authority.",
                "Say `type: authority_letter`, or drop it.",
            )
    if "until" in values and values["until"] < values.get("from_", values["dated"]):
        yield "until", f"`document.{name}` ends before it holds.", "Mend one of the two days."
    sha256 = values.get("sha256")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        yield (
            "sha256",
            "It is no SHA-256: 64 digits and letters a to f.",
            "Write what `sha256sum FILE` prints.",
        )
    if ("location" in values) != ("sha256" in values) and "://" not in values.get("location", ""):
        said = "location" if "location" in values else "sha256"
        yield said, "A file and its SHA-256 go together.", "Say both `location` and `sha256`, or none."


def _agreed(name: str, policy: Policy) -> bool:
    return any(served.agreement == name for one in policy.activities.values() for served in one.controllers)


def longer(one: Period, other: Period) -> bool:
    """Say whether `one` is surely longer than `other`, whatever the calendar.

    >>> longer(Period(50, "months"), Period(13, "months")), longer(Period(390, "days"), Period(13, "months"))
    (True, False)
    """
    return one.days()[0] > other.days()[1]


_RULES: Mapping[str, Callable[[Mapping[str, Any], Policy], Found]] = {
    "group": _group,
    "collection": _collection,
    "purpose": _purpose,
    "recipient": _recipient,
    "answer": _answer,
    "right": _right,
    "retention": _retention,
    "consent": _consent,
    "cookies": _cookies,
    "transfer": _transfer,
    "activity": _activity,
    "document": _document,
}
