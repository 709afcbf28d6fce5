"""The form by which consent was asked, held to the conditions of a consent that counts.

A form is whatever somebody saw, heard or signed: a page, a screen of an application, a sheet
of paper, what was read out.  It is recorded once, by the hash of what was shown, with the
rendered evidence; each consent names it.

Law: GDPR Art. 4(11), Art. 7; recitals 32, 42, 43; Case C-673/17 (no box ticked before).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from troth.rules.event import Event, Fact

FAMILY = "form"
SHOWN = ("web", "app", "banner", "preferences", "link", "api")
"""Methods by which a screen was shown, which the proof must be able to show again."""
HEARD = ("paper", "oral", "import")
"""Methods whose proof is a document or a recording, named by its reference."""
METHODS = (*SHOWN, *HEARD)


@dataclass(frozen=True, slots=True)
class Form:
    """What was shown, for which purposes, and how easy yes, no and taking back are.

    `texts` gives the hash of the exact wording by purpose; `together` holds purposes that one
    and the same control decides.
    """

    name: str
    language: str
    interface_sha256: str
    texts: Mapping[str, str]
    together: tuple[tuple[str, ...], ...] = ()
    ticked_before: bool = False
    with_terms: bool = False
    required: bool = False
    clicks_to_give: int = 1
    clicks_to_withdraw: int = 1
    sign_in_to_give: bool = False
    sign_in_to_withdraw: bool = False
    withdrawal_told: bool = True

    def facts(self) -> dict[str, Fact]:
        """Return the conditions as an event holds them."""
        kept = ("together", "ticked_before", "with_terms", "required", "clicks_to_give", "clicks_to_withdraw",
                "sign_in_to_give", "sign_in_to_withdraw", "withdrawal_told")  # fmt: skip
        told = asdict(self)
        return {name: told[name] for name in kept}


def lacking(form: Form) -> tuple[tuple[str, str], ...]:
    """Return each condition of consent that a form breaks, as a code and a sentence.

    >>> [code for code, _ in lacking(Form("f", "en", "0" * 64, {"news": "1" * 64}, clicks_to_withdraw=3))]
    ['withdrawal_clicks']
    """
    return tuple(_lacking(form))


def _lacking(form: Form) -> Iterator[tuple[str, str]]:
    if not form.texts:
        yield "no_purpose", "It asks about no purpose."
    for one in form.together:
        yield (
            "bundled",
            f"One control decides {' and '.join(one)} together: ask for each apart (GDPR Art. 7(2), recital 43).",
        )
    if form.ticked_before:
        yield "ticked_before", "The yes is ticked before anybody touched it (Case C-673/17)."
    if form.with_terms:
        yield "with_terms", "The yes is part of accepting the terms (GDPR Art. 7(2))."
    if form.required:
        yield "required", "Nobody goes on without saying yes (GDPR Art. 7(4))."
    if not form.withdrawal_told:
        yield "withdrawal_untold", "It does not say that consent can be withdrawn (GDPR Art. 7(3))."
    if form.clicks_to_withdraw > form.clicks_to_give:
        yield (
            "withdrawal_clicks",
            f"Taking back needs {form.clicks_to_withdraw} clicks, giving {form.clicks_to_give} (GDPR Art. 7(3)).",
        )
    if form.sign_in_to_withdraw and not form.sign_in_to_give:
        yield "withdrawal_sign_in", "Taking back needs to sign in, giving did not (GDPR Art. 7(3))."


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Fold what a form is: the facts of its first record."""
    facts: Any = event.facts
    return state or {
        "form": facts.get("form"), "texts": dict(facts.get("purposes") or {}), "language": facts["language"],
        "event": event.id, "lacks": list((facts.get("conditions") or {}).get("lacks", [])),
    }  # fmt: skip


def unproven(
    method: str, form: Mapping[str, Any] | None, purpose: str, *, text_sha256: str, evidence: bool, age: str
) -> tuple[str, ...]:
    """Return the codes of what a consent lacks to be proven; nothing where it can be shown (GDPR Art. 7(1))."""
    return tuple(_unproven(method, form, purpose, text_sha256, evidence, age))


def _unproven(
    method: str, form: Mapping[str, Any] | None, purpose: str, text_sha256: str, evidence: bool, age: str
) -> Iterator[str]:
    if method in HEARD:
        if not evidence:
            yield "evidence"
        if not text_sha256 and form is None:
            yield "text"
    elif form is None:
        yield "form"
    if form is not None:
        if purpose not in form["texts"]:
            yield "purpose_not_shown"
        elif text_sha256 and form["texts"][purpose] != text_sha256:
            yield "text"
        yield from form["lacks"]
    if age == "minor":
        yield "guardian"


WORDS: Mapping[str, str] = {
    "evidence": "no reference to the document or the recording",
    "text": "the exact text is not known",
    "form": "the form that was shown is not recorded",
    "purpose_not_shown": "the form does not ask about this purpose",
    "bundled": "purposes were asked for together",
    "ticked_before": "the box was ticked before",
    "with_terms": "it was part of accepting the terms",
    "required": "nobody could go on without it",
    "no_purpose": "the form asks about no purpose",
    "withdrawal_untold": "nobody said that it can be withdrawn",
    "withdrawal_clicks": "taking back is harder than giving",
    "withdrawal_sign_in": "taking back needs to sign in",
    "guardian": "a child consented without a guardian",
    "date": "the day is not known",
    "scope": "what the purpose covered then is not known",
    "method": "how it was asked is not known",
}
"""What each code of something lacking means."""


def words(codes: Sequence[str]) -> str:
    """Say what is lacking.

    >>> words(["text", "evidence"])
    'the exact text is not known; no reference to the document or the recording'
    """
    return "; ".join(WORDS.get(code, code) for code in codes)
