"""What stops a version from being published, and what is remembered of it.

`policy.lock` stands beside the policy, in version control, and says which version was
published last: its hash by language, and the hash of every clause and promise.  From it
follows what is *stale*: a clause changed in one language and not in the other.

Law: GDPR Art. 5(2) (which text held when), Art. 12(1) (every language says the same).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from troth.errors import Problem
from troth.policy.notice_text import sha256
from troth.policy.promise import Promise
from troth.policy.shape import Text

if TYPE_CHECKING:
    from troth.policy.policy import Policy
    from troth.policy.promise import Purpose
    from troth.policy.register import RegisterDocument

LOCK = "policy.lock"

_SAME_EVERYWHERE = {"group": frozenset({"title"})}  # a name is a name in every language


@dataclass(frozen=True, slots=True)
class Lock:
    """The version published last."""

    version: str
    effective: str
    sha256: Mapping[str, str]
    clauses: Mapping[str, Mapping[str, str]]
    promises: Mapping[str, str]


def lock(policy: Policy) -> Lock:
    """Return what is to be remembered of a policy."""
    main = policy.document
    return Lock(
        version=policy.version,
        effective=policy.effective.isoformat() if policy.effective else "",
        sha256={language: sha256(policy, language) for language in policy.documents},
        clauses={
            clause.number: {
                language: document.by_number[clause.number].sha256
                for language, document in policy.documents.items()
            }
            for clause in main.clauses
        },
        promises={
            name: promise_sha256(promise) for name, promise in policy.promises.items() if promise.public
        },
    )


def write_lock(found: Lock) -> str:
    """Write it as text, the same for the same policy, one clause and promise a line."""
    return json.dumps(dataclasses.asdict(found), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_lock(text: str) -> tuple[Lock | None, tuple[Problem, ...]]:
    """Read `policy.lock`."""
    try:
        said = json.loads(text)
        found = Lock(
            version=str(said["version"]),
            effective=str(said["effective"]),
            sha256=_strings(said["sha256"]),
            clauses={str(number): _strings(hashes) for number, hashes in said["clauses"].items()},
            promises=_strings(said["promises"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = "It is not what `troth publish` wrote."
        return None, (Problem(LOCK, 1, 1, what, "Take it back from version control."),)
    return found, ()


def stale(policy: Policy, last: Lock) -> tuple[Problem, ...]:
    """Find clauses changed since in one language and left alone in another."""
    return tuple(_stale(policy, last))


def _stale(policy: Policy, last: Lock) -> Iterator[Problem]:
    for clause in policy.document.clauses:
        then = last.clauses.get(clause.number)
        if then is None:
            continue
        now = {language: document.by_number[clause.number] for language, document in policy.documents.items()}
        changed = [
            language for language in now if language in then and now[language].sha256 != then[language]
        ]
        for language in now:
            if changed and language in then and language not in changed:
                other = policy.documents[changed[0]].file
                what = f"Clause {clause.number} is stale: {other} changed since version {last.version}."
                line = now[language].line
                file = policy.documents[language].file
                yield Problem(file, line, 1, what, "Change it here too, or take the other change back.")


def untranslated(policy: Policy) -> tuple[Problem, ...]:
    """Find words of public promises that lack a language in which the notice is published."""
    languages = [language for language in policy.documents if language != policy.language]
    return tuple(
        Problem(
            promise.file,
            promise.line,
            1,
            f"`{promise.id}` has no words in `{language}` for `{path}`.",
            f"Write `{{{policy.language}: …, {language}: …}}`.",
        )
        for promise in policy.promises.values()
        if promise.public
        for path, text in _texts(promise, promise.said - _SAME_EVERYWHERE.get(promise.kind, frozenset()))
        for language in languages
        if not text.has(language)
    )


def problems(policy: Policy, last: Lock | None) -> tuple[Problem, ...]:
    """Return everything but the findings of `check` that stops a publication."""
    found = [*untranslated(policy), *_at_high_risk(policy)]
    file = policy.document.file
    if not policy.version:
        found.append(Problem(file, 1, 1, "The policy has no version.", "Write `version: 1.0.0` at the top."))
    if policy.effective is None:
        found.append(Problem(file, 1, 1, "The policy has no date.", "Write `date: 2026-11-23` at the top."))
    if last is not None:
        found.extend(stale(policy, last))
        if last.version == policy.version and lock(policy) != last:
            found.append(published_already(policy))
    return tuple(sorted(found))


def at_high_risk(policy: Policy) -> Iterator[tuple[RegisterDocument, Purpose]]:
    """Yield purposes whose risk stays high and of which the authority was not consulted (GDPR Art. 36(1)).

    Each comes with the assessment that says so; one purpose of an assessment is enough to stop a publication.
    """
    for one in policy.register_documents.values():
        if one.type == "dpia" and one.risk == "high" and one.consulted is None:
            named = (policy.purposes.get(str(name)) for name in one.purposes)
            yield from ((one, purpose) for purpose in named if purpose is not None and purpose.public)


def _at_high_risk(policy: Policy) -> Iterator[Problem]:
    for one, purpose in at_high_risk(policy):
        public = str(purpose.key)
        what = f"The risk of `purpose.{public}` stays high, and the authority was not consulted."
        remedy = "Consult it and write `consulted: …`, or lower the risk by measures (GDPR Art. 36(1))."
        yield Problem(one.file, one.line, 1, what, remedy)


def published_already(policy: Policy) -> Problem:
    """Say that another text was published under this version."""
    what = f"Version {policy.version} is published already, and this is not its text."
    remedy = (
        "Raise the `version` that the promise `change` names, and say there what changed."
        if policy.change and policy.change.version
        else "Raise `version`, and say in `change` what changed."
    )
    return Problem(policy.document.file, 1, 1, what, remedy)


def changed_promises(policy: Policy, last: Lock | None) -> tuple[str, ...]:
    """Return the ids of promises that are new, different or gone since the last version."""
    now = lock(policy).promises
    then = last.promises if last else {}
    return tuple(sorted(name for name in {*now, *then} if now.get(name) != then.get(name)))


def promise_sha256(promise: Promise) -> str:
    """Return the hash of what a promise says, wherever it stands in its file."""
    said = {
        field.name: getattr(promise, field.name)
        for field in dataclasses.fields(promise)
        if field.name not in ("id", "clause", "file", "line", "said") and _is_said(promise, field.name)
    }
    text = json.dumps([promise.kind, said], default=_plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _is_said(promise: Promise, name: str) -> bool:
    return name == "key" or name.rstrip("_") in promise.said


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _texts(value: Any, said: frozenset[str] | None = None, path: str = "") -> Iterator[tuple[str, Text]]:
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one, None, f"{path}.{one.key}" if hasattr(one, "key") else path)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if said is None or field.name.rstrip("_") in said:
                inner = f"{path}.{field.name.rstrip('_')}" if path else field.name.rstrip("_")
                yield from _texts(getattr(value, field.name), None, inner)


def _strings(found: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}
