"""Answer: the last letter of a request, with what was done, what stays, and the ways on.

It says per claim what happened in each store, what is retained, why and until when, whom
we told, and where to complain.  It is sent when every claim is decided and carried out, and
not before; a refusal goes out only with its four parts.

Law: GDPR Art. 12(1), (3), (4); Art. 15; Art. 17; Art. 19.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from troth.errors import KeyDestroyedError
from troth.law import right
from troth.law.sentence import cite
from troth.ledger import read, vault
from troth.policy.words import words
from troth.rules import request, request_guard
from troth.rules.claim import WAYS
from troth.rules.event import Event, local_day
from troth.rules.letter import has_phrase, phrase
from troth.rules.plan import copies_end
from troth.work import cover, request_file, send_letter, send_word, tell_recipients
from troth.work.establishment import day_here
from troth.work.project import Project

WORDS_MAX = 5_000
_HOLD = "Art. 17(3)(e)"
"""The law of what stays and names no day, where a legal hold keeps it: an exemption decided on it names one."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One claim as it will stand once somebody has done what they are about to: what its state says then, and in words.

    `reason` is that of its decision, `done` what was done, `accepted` why copies stay.
    """

    claim: str
    state: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    done: str = ""
    accepted: str = ""

    def over(self, name: str, claim: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the state of a claim as it will stand then."""
        return {**claim, **self.state} if name == self.claim else claim

    def is_early(self, name: str, claim: Mapping[str, Any]) -> bool:
        """Say whether another claim is too early to tell of: granted, and not carried out yet."""
        return bool(
            self.claim and name != self.claim and claim["outcome"] in {"grant", "part"} and not claim["done"]
        )


def answer(project: Project, number: str) -> Event:
    """Send the answer, or the refusal when nothing is granted; its delivery is recorded with it."""
    found = request_file.load(project, number)
    given = [name for name, claim in found.state["claims"].items() if claim["outcome"] != "refuse"]
    lapsed = request_file.why_without_authority(project, found, *given)
    request_file.refuse_unless([*request_guard.why_not_answer(found.state), *lapsed])
    kind, fields = said(project, number)
    return send_letter.send_letter(project, number, kind, fields, letter_id=kind)


def add_words(project: Project, number: str, staff: str, words: str) -> None:
    """Let words of one's own stand in the answer, before it is sent; the last ones said count."""
    found = request_file.load(project, number)
    wrong = (
        [] if request.is_open(found.state) and not found.state["answered"] else ["The answer has gone out."]
    )
    wrong += (
        [] if len(words) <= WORDS_MAX else [f"That is too long for a letter: {WORDS_MAX} characters at most."]
    )
    request_file.refuse_unless(wrong)
    request_file.move(project, number, "answer_words", "", staff=staff, note=words.strip(), again=True)


def said(project: Project, number: str, foreseen: Foreseen | None = None) -> tuple[str, dict[str, object]]:
    """Return the kind and the fields of the last letter, as they stand now, or once what is `foreseen` is done."""
    found = request_file.load(project, number)
    language = str(found.state["language"])
    after = foreseen or Foreseen("")
    every = {name: after.over(name, claim) for name, claim in found.state["claims"].items()}
    reasons = _reasons(project, number) | ({after.claim: after.reason} if after.reason else {})
    if all(claim["outcome"] == "refuse" for claim in every.values()):
        refused = [
            {
                "right": _right(claim, language),
                "reason": reasons.get(name, ""),
                "article": article(project, claim, language),
            }
            for name, claim in every.items()
        ]
        return "refusal", {"claims": refused, "note": _note(project, number, "", "answer_words")}
    claims = [
        {
            "right": _right(claim, language),
            "outcome": phrase(_outcome(claim), language),
            "lines": []
            if after.is_early(name, claim)
            else _told(project, found, name, claim, reasons, after),
        }
        for name, claim in every.items()
    ]
    copies = [c for c in every.values() if WAYS[c["right"]] == "copy" and c["outcome"] != "refuse"]
    fields: dict[str, object] = {
        "claims": claims,
        "recipients": _recipients(project, number, language, str(found.state["tz"])),
        "download_until": _until(project, language) if copies else "",
        "file_kept": words(language).period(request.FILE_KEPT),
        "note": _note(project, number, "", "answer_words"),
    }
    return "done", fields


def _outcome(claim: Mapping[str, Any]) -> str:
    """Name what became of a claim: what a legal hold keeps of an erasure is not done, and waits for its end."""
    if not any(store.get("deferred") for store in claim["stores"].values()):
        return str(claim["outcome"] or "undecided")
    gone = any(
        rows and verb != "retain" for store in claim["stores"].values() for _, verb, rows, *_ in store["rows"]
    )
    return "waits_in_part" if gone else "waits"


def _told(
    project: Project,
    found: request_file.RequestFile,
    name: str,
    claim: Mapping[str, Any],
    reasons: Mapping[str, str],
    after: Foreseen,
) -> list[str]:
    """Return what the answer says of one claim, line by line."""
    language, number = str(found.state["language"]), found.number
    own = name == after.claim
    accepted = (after.accepted if own else "") or _note(project, number, name, "residue_accepted")
    done = (after.done if own else "") or _note(project, number, name, "claim_done")
    looked = request_file.stores(project, found)
    return [
        *_lines(project, looked, claim, reasons.get(name, ""), language, accepted, number),
        *done.splitlines(),
        *(cover.lines(project, claim, language) if claim["outcome"] != "refuse" else []),
        *cover.left_alone(project, claim, language),
    ]


def _right(claim: Mapping[str, Any], language: str) -> str:
    known = has_phrase(claim["right"])
    return phrase(claim["right"], language) if known else phrase("other", language, right=claim["right"])


def article(project: Project, claim: Mapping[str, Any], language: str) -> str:
    """Return the articles a refusal stands on, as a language cites them; of a part, those of what is not done."""
    exempt = {one.code: one.law for one in right.erasure_exemptions(day_here(project))}
    granted = claim["outcome"] == "part" and claim["exemptions"]
    cited = [
        "" if granted else claim["article"],
        *(exempt[letter] for letter in claim["exemptions"] if letter in exempt),
    ]
    named = dict.fromkeys(f"GDPR {one}" if one.startswith("Art.") else one for one in cited if one)
    return cite(", ".join(named), language)


def _reasons(project: Project, number: str) -> dict[str, str]:
    """Return the reason given with the last decision on each claim."""
    told = {}
    for event in read.stream(project.ledger, f"request/{number}"):
        if event.kind == "claim_decided":
            try:
                told[str(event.facts["claim"])] = str(vault.payload(project.ledger, event).get("reason", ""))
            except KeyDestroyedError:
                continue
    return told


def _note(project: Project, number: str, claim: str, to: str) -> str:
    """Return what was last noted when a claim moved so: why copies stay, or what was done."""
    for event in reversed(read.stream(project.ledger, f"request/{number}")):
        if event.kind == "request_moved" and (event.facts["to"], event.facts["reason"]) == (to, claim):
            return str(vault.payload(project.ledger, event).get("note", "")) if event.key else ""
    return ""


def _lines(
    project: Project,
    looked: Sequence[str],
    claim: Mapping[str, Any],
    reason: str,
    language: str,
    accepted: str,
    number: str,
) -> list[str]:
    if claim["outcome"] == "refuse":
        return [phrase("why_refused", language, reason=reason, article=article(project, claim, language))]
    lines = []
    if WAYS[claim["right"]] == "choice":
        lines.extend(choice_lines(project, claim, language, number))
    if WAYS[claim["right"]] == "copy":
        package = claim["package"] or {}
        rows, stores = package.get("rows", 0), ", ".join(looked)
        if rows:
            on = send_letter.day(package["on"], language)
            lines.append(phrase("held", language, rows=rows, stores=stores, on=on))
        else:
            lines.append(phrase("nothing", language))
    if claim["right"] == "erase":
        for name, store in sorted(claim["stores"].items()):
            lines.extend(_store_lines(project, name, store, language))
        lines.extend(_residue_lines(claim, language, accepted))
    if claim["outcome"] == "part" and reason:
        lines.append(
            phrase("why_refused", language, reason=reason, article=article(project, claim, language))
        )
    return lines


def choice_lines(project: Project, claim: Mapping[str, Any], language: str, number: str) -> list[str]:
    """Say of an objection or a withdrawal what it stops, since when, under which id, and what is retained for it."""
    if not claim["purposes"]:
        return [phrase("no_purpose", language)]
    said = send_word.purposes_said(project, claim["purposes"], language)
    name = "withdrawn" if claim["right"] == "withdraw" else "objected"
    lines = [phrase(name, language, on=send_letter.day(claim["decided_on"], language), purposes=said)]
    if claim["right"] == "object_marketing":
        lines.append(phrase("suppressed", language))
    if claim["right"] == "withdraw":
        lines += [phrase("consent_id", language, id=one) for one in _withdrawals(project, claim, number)]
    return lines


def _withdrawals(project: Project, claim: Mapping[str, Any], number: str) -> list[str]:
    """Return the ids of the records by which a request took consents back."""
    subject = request_file.load(project, number).state["subject"]
    return [
        event.id
        for event in read.stream(project.ledger, f"choices/{subject}")
        if event.kind == "consent_recorded"
        and event.request == number
        and event.facts["purpose"] in claim["purposes"]
    ]


def _store_lines(project: Project, name: str, store: Mapping[str, Any], language: str) -> list[str]:
    erased = sum(rows for _, verb, rows, _, _ in store["rows"] if verb == "delete")
    blanked = sum(
        rows for _, verb, rows, _, _ in store["rows"] if verb in {"blank", "replace_owner", "detach"}
    )
    # The grade is of the whole store, and says least of what else was blanked or archived.
    mapped = project.maps.get(name)
    gone = copies_end(mapped, date.fromisoformat(store["on"])) if mapped is not None else None
    older = "versions" if mapped is not None and mapped.versions_expire is not None else "backups"
    lines, on = [], send_letter.day(store["on"], language)
    if erased:
        grade = phrase(f"deleted_until_{older}_expire" if gone else "deleted", language)
        lines.append(phrase("erased", language, rows=erased, store=name, on=on, grade=grade))
    if blanked:
        lines.append(phrase("blanked", language, rows=blanked, store=name, on=on))
    if (erased or blanked) and store["certainty"] == "at_least_once":
        lines.append(phrase("at_least_once", language, store=name))
    for (until, law), rows in sorted(_retained(store).items()):
        legal = cite(law, language)
        if until:
            day = send_letter.day(until, language)
            lines.append(phrase("retained", language, rows=rows, store=name, until=day, legal=legal))
        else:
            open_ = "stays_held" if _HOLD in law else "retained_open"
            lines.append(phrase(open_, language, rows=rows, store=name, legal=legal))
    if store.get("deferred"):
        day = send_letter.day(store["deferred_until"], language)
        lines.append(phrase("held_back", language, store=name, until=day))
    if gone is not None and (erased or blanked):
        day = send_letter.day(gone.isoformat(), language)
        lines.append(phrase(older, language, store=name, until=day))
    return lines


def _retained(store: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """Count what is archived by the day it ends (empty: not known yet) and the law it rests on."""
    counted: Counter[tuple[str, str]] = Counter()
    for _, verb, rows, until, legal in store["rows"]:
        if verb == "retain" and rows:
            counted[until or "", legal] += rows
    return counted


def _residue_lines(claim: Mapping[str, Any], language: str, accepted: str) -> list[str]:
    found = claim["residue"] or {}
    places = sum(1 for hits in found.values() for hit in hits if hit["verdict"] == "copy")
    if not claim["stores"]:
        return [phrase("nothing", language)]
    unsearched = sum(claim.get("unsearched", {}).values())
    lines = [phrase("residue", language, places=places, reason=accepted)] if places else []
    if unsearched:
        lines.append(phrase("residue_unsearched", language, places=unsearched))
    return lines or [phrase("residue_none", language)]


def _recipients(project: Project, number: str, language: str, time_zone: str) -> list[str]:
    lines = []
    for event in read.stream(project.ledger, f"request/{number}"):
        if event.kind != "recipient_notified" or event.facts["outcome"] == "failed":
            continue
        recipient = project.policy.recipients.get(str(event.facts["recipient"]))
        name = str(event.facts["recipient"])
        place = "" if recipient else tell_recipients.place_said(project, name)
        title = recipient.title.said(language) if recipient else name
        if place:
            title = phrase("others", language, place=place)
        elif name == "unnamed":
            title = phrase("beyond", language)
        on = send_letter.day(local_day(event, time_zone), language)
        reason = str(event.facts.get("reason") or "")
        if event.facts["outcome"] == "told":
            lines.append(phrase("told", language, recipient=title, on=on))
        elif event.facts["outcome"] == "not_told" and reason:
            known = has_phrase(f"excuse_{reason}")
            said = phrase(f"excuse_{reason}", language) if known else reason
            lines.append(phrase("told_not", language, recipient=title, reason=said))
    return lines


def _until(project: Project, language: str) -> str:
    return send_letter.day((day_here(project) + timedelta(days=request.ANSWER_DAYS)).isoformat(), language)
