"""Put a document on record: a contract, an assessment, a review that was made becomes a file of register/.

The file is written whole, and only where the policy holds together with it; a document that is there
is never written over.  What lies below the project is hashed.

Law: GDPR Arts. 5(2), 24(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.policy.loading import load
from troth.policy.policy import Policy
from troth.policy.reading import did_you_mean
from troth.policy.soundness import DOCUMENT_ABOUT
from troth.policy.words import words
from troth.rules.import_entry import Entry, Fields, slug, written
from troth.work.draw_register import FILE_BYTES_MAX, digest
from troth.work.project import Project
from troth.work.write_whole import write_whole

FOLDER = "register"
LANGUAGES = ("en", "fr")
_FIRST = {**DOCUMENT_ABOUT, "processor_contract": "recipients", "joint_arrangement": "entities"}
"""What a document of a type is about before anything else, where one name is that of several things."""


def record_document(
    project: Project, name: str, type_: str, about: Sequence[str], fields: Mapping[str, object],
    location: str = "",
) -> str:  # fmt: skip
    """Write the file of a document, and return its name below the project; `fields` are those of a document.

    Raises NotAllowedError where the register has a document of that name or the file is not there,
    NotFoundError where nothing is called as what it is about, WrongFileError where it is wrong.
    """
    policy = project.written
    if name != slug(name):
        raise NotAllowedError(f"Name it in small letters, digits and hyphens, such as {slug(name)}.")
    if name in policy.register_documents:
        raise NotAllowedError(
            f"The register has a document {name} already. Change one value of it with "
            f"`troth policy set {policy.register_documents[name].id} FIELD VALUE`."
        )
    entry: Fields = {"type": type_, "title": _title(type_, about), **fields, **_about(project, type_, about)}
    if location:
        entry |= _file(project.settings.folder, location)
    text, _ = written([Entry(0, "document", name, entry)], "")
    file = f"{FOLDER}/document-{name}.yaml"
    path = project.settings.folder / file
    if path.exists():
        raise NotAllowedError(f"There is a file {file} already. Choose another name.")
    known, problems = load({**policy.files, file: text})
    if known is None or problems:
        raise WrongFileError(problems)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, text)
    return file


def _title(type_: str, about: Sequence[str]) -> dict[str, str]:
    """Return what it is called where nobody says: its type and what it is about."""
    names = ", ".join(about)
    said = {language: words(language).word(type_) for language in LANGUAGES}
    return {
        one: f"{word[:1].upper()}{word[1:]}" + (f" ({names})" if names else "") for one, word in said.items()
    }


def _about(project: Project, type_: str, about: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in about:
        field = next(_fields(project, type_, name), None)
        if field is None:
            near = did_you_mean(name, [*_known(project.written, project)["purposes"], *project.maps])
            raise NotFoundError(
                "No purpose, recipient, transfer, store, company or clause is called "
                f"{name[:40]!r}. {near}".strip()
            )
        found.setdefault(field, []).append(name)
    return found


def _fields(project: Project, type_: str, name: str) -> Iterator[str]:
    """Yield the fields under which a name can stand, that of the type first."""
    known = _known(project.written, project)
    for field in sorted(known, key=lambda one: one != _FIRST.get(type_)):
        if name in known[field]:
            yield field


def _known(policy: Policy, project: Project) -> dict[str, set[str]]:
    entities = policy.group.entities if policy.group else ()
    return {
        "purposes": set(policy.purposes), "recipients": set(policy.recipients), "transfers": set(policy.transfers),
        "stores": set(project.maps), "entities": {str(one.key) for one in entities},
        "clauses": {one.number for one in policy.document.clauses},
    }  # fmt: skip


def _file(folder: Path, location: str) -> dict[str, object]:
    """Return where a document lies, with the hash of what lies there below the project."""
    if "://" in location:
        return {"location": location}
    root = folder.resolve()
    path = (root / location).resolve()
    if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
        raise NotAllowedError(
            f"There is no file {location[:60]!r} below the project, or it is larger than 200 MB."
        )
    return {"location": location, "sha256": digest(path)}
