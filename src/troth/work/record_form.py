"""Record a form by which consent is asked: its conditions, its wording, and the rendered evidence, once.

Proof of a consent is being able to show again exactly what somebody saw.  The evidence (the
page, a picture, a scan of the sheet) goes to the vault under the hash of what it is.

Law: GDPR Art. 7(1), (2), (4); EDPB guidelines 05/2020, section 5.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.ledger import append, read, vault
from troth.rules import consent_form, purpose_scope
from troth.rules.consent_form import Form
from troth.rules.event import Draft, Event, Fact
from troth.work.project import Project

OWNER = "forms"
FILE = "form"
EVIDENCE_BYTES_MAX = 20_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def record_form(project: Project, form: Form, evidence: bytes = b"", *, happened: bool = False) -> Event:
    """Record a form with its evidence; the same one is recorded once.

    Raises NotAllowedError where it breaks a condition of consent, with every sentence; one
    that was in use already (`happened`) is recorded with what it lacks, and no consent given
    by it counts.  Raises ConflictError for another form under the same hash.
    """
    wrong = [
        f"The policy has no purpose {name[:40]!r}."
        for name in form.texts
        if name not in project.policy.purposes
    ]
    hashes = (form.interface_sha256, *form.texts.values())
    wrong += (
        ["A hash is not 64 hexadecimal digits."] if not all(_SHA256.fullmatch(one) for one in hashes) else []
    )
    if form.language not in project.policy.documents:
        wrong.append(
            f"The policy is not published in {form.language[:10]!r}: nobody could have read its notice there."
        )
    if len(evidence) > EVIDENCE_BYTES_MAX:
        wrong.append(f"The evidence is larger than {EVIDENCE_BYTES_MAX // 1_000_000} MB.")
    lacks = consent_form.lacking(form)
    if wrong or (lacks and not happened):
        raise NotAllowedError(" ".join([*wrong, *(sentence for _, sentence in lacks)]))
    stream = _stream(form.interface_sha256)
    known = read.stream(project.ledger, stream)
    if known:
        if _told(known[0].facts) != _told(_facts(form, lacks)):
            raise ConflictError(
                "Another form was recorded under this hash before: its wording, language or conditions differ. "
                "Take the hash of what is shown now."
            )
        return known[0]
    kept = _kept(project, evidence) if evidence else None
    facts = _facts(form, lacks) | {
        "text_sha256": _together(form.texts), "table_sha256": None, "kept_under": kept,
        "picture_sha256": sha256(evidence).hexdigest() if evidence else None, "policy_version": project.policy.version,
    }  # fmt: skip
    draft = Draft("interface_shown", stream, facts, policy=project.policy.version or None)
    return append.append(project.ledger, [draft], once=f"form {form.interface_sha256}")[0]


def _facts(form: Form, lacks: Sequence[tuple[str, str]]) -> dict[str, Fact]:
    conditions: dict[str, Fact] = {**form.facts(), "lacks": [code for code, _ in lacks]}
    return {
        "interface_sha256": form.interface_sha256, "language": form.language, "form": form.name,
        "purposes": dict(form.texts), "conditions": conditions,
    }  # fmt: skip


def _told(facts: Mapping[str, Fact]) -> str:
    """Write what tells a form from another, as it reads after it was recorded; what it lacks follows from it."""
    conditions: Any = facts["conditions"]
    kept = {name: value for name, value in conditions.items() if name != "lacks"}
    return json.dumps([facts["language"], facts["form"], facts["purposes"], kept], sort_keys=True)


def form(project: Project, interface_sha256: str) -> Mapping[str, Any] | None:
    """Return what is known of a form, or None where it was never recorded."""
    found = read.state(project.ledger, _stream(interface_sha256))
    return None if found is None else found.body


def companies(project: Project, interface_sha256: str) -> frozenset[str]:
    """Return the companies by which a form asked: those of its purposes.

    Nothing where it was not recorded, or where the policy knows none of its purposes any more: then it is of the
    group alone.
    """
    known = read.stream(project.ledger, _stream(interface_sha256))
    asked: Any = known[0].facts["purposes"] if known else {}
    return frozenset(
        one
        for name in asked
        if name in project.policy.purposes
        for one in purpose_scope.scope(project.policy, name).entities
    )


def evidence(project: Project, interface_sha256: str) -> bytes:
    """Return what somebody saw; raises NotFoundError where it was not kept."""
    known = read.stream(project.ledger, _stream(interface_sha256))
    kept = known[0].facts.get("kept_under") if known else None
    if not kept:
        raise NotFoundError("No rendered evidence was kept of this form.")
    return b"".join(vault.get_chunks(project.ledger, str(kept)))


def _stream(interface_sha256: str) -> str:
    return f"{consent_form.FAMILY}/{interface_sha256}"


def _kept(project: Project, evidence: bytes) -> str:
    chunks = (
        evidence[start : start + vault.CHUNK_BYTES] for start in range(0, len(evidence), vault.CHUNK_BYTES)
    )
    return vault.put_chunks(project.ledger, OWNER, FILE, sha256(evidence).hexdigest(), chunks)


def _together(texts: Mapping[str, str]) -> str:
    return sha256("\n".join(f"{name} {text}" for name, text in sorted(texts.items())).encode()).hexdigest()
