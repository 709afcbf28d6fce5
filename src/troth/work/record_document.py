"""Put a document on record: a contract, an assessment, a review that was made becomes a file of register/.

The file is written whole, and only where the policy holds together with it; a document that is there
is never written over.  What lies below the project is hashed.  Where somebody of the staff is named, the
ledger keeps the register with it at once, and a project that git keeps has a commit.

Law: GDPR Arts. 5(2), 24(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.outside import git
from troth.policy import form
from troth.policy.called import Called
from troth.policy.loading import load
from troth.policy.policy import Policy
from troth.policy.reading import did_you_mean
from troth.policy.register import DocumentType
from troth.policy.schema import Schema, schema
from troth.policy.soundness import DOCUMENT_ABOUT, DOCUMENT_LETTERS
from troth.policy.words import words
from troth.rules.import_entry import Entry, Fields, slug, written
from troth.work.accept_draft import written_by
from troth.work.draw_register import FILE_BYTES_MAX, digest
from troth.work.establishment import day_here
from troth.work.project import Project
from troth.work.record_register import record_register
from troth.work.write_whole import write_new

FOLDER = "register"
LANGUAGES = ("en", "fr")
NEEDED = ("dated",)
ABOUT = ("purposes", "recipients", "transfers", "stores", "entities", "clauses")
OF_A_DPIA = frozenset({"criteria", "needed", "risk", "consulted"})
OF_A_LETTER = frozenset({"answer_by", "answered"})
_FIRST = {**DOCUMENT_ABOUT, "processor_contract": "recipients", "joint_arrangement": "entities"}
"""What a document of a type is about before anything else, where one name is that of several things."""


def record_document(
    project: Project, name: str, type_: str, about: Sequence[str], fields: Mapping[str, object],
    location: str = "", staff: str = "", author: str = "",
) -> str:  # fmt: skip
    """Write the file of a document, and return its name below the project; `fields` are those of a document.

    `staff` is who put it there, and `author` how git names them.
    Raises NotAllowedError where the register has a document of that name, the file is not there, its day
    is still to come or git refuses; NotFoundError where nothing is called as what it is about,
    WrongFileError where it is wrong.
    """
    policy = project.written
    dated = fields.get("dated")
    if isinstance(dated, date) and dated > day_here(project):
        raise NotAllowedError(f"{dated} is still to come: a document is on record once it is made.")
    if name != slug(name):
        raise NotAllowedError(f"Name it in small letters, digits and hyphens, such as {slug(name)}.")
    if name in policy.register_documents:
        raise NotAllowedError(
            f"The register has a document {name} already. Change one value of it with "
            f"`troth policy set {policy.register_documents[name].id} FIELD VALUE`."
        )
    found = about_fields(project, type_, about)
    named = [str(one) for field in ABOUT for one in _listed(fields.get(field) or found.get(field))]
    entry: Fields = {"type": type_, "title": _title(type_, named), **fields, **found}
    if location:
        entry |= _file(project.settings.folder, location)
    text, _ = written([Entry(0, "document", name, entry)], "")
    file = f"{FOLDER}/document-{name}.yaml"
    path = project.settings.folder / file
    known, problems = load({**policy.files, file: text})
    if known is None or problems:
        raise WrongFileError(problems)
    path.parent.mkdir(exist_ok=True)
    if not write_new(path, text):
        raise NotAllowedError(f"There is a file {file} already. Choose another name.")
    if staff:
        _keep(project, file, text, name, staff, author)
    return file


def document_form(project: Project, type_: str, language: str) -> tuple[form.Field, ...]:
    """Describe the form of a document of a type: the fields that one has, its letters in their own words.

    Raises NotFoundError for a type there is not.
    """
    if type_ not in get_args(DocumentType):
        raise NotFoundError(f"There is no document of the type {type_[:40]!r}.")
    policy = project.written
    letters = DOCUMENT_LETTERS.get(type_, "")
    leave = {"type", "sha256", "remind", *(() if letters else ("says",))}
    leave |= set() if type_ == "dpia" else OF_A_DPIA
    leave |= set() if type_ == "authority_letter" else OF_A_LETTER
    known = _known(policy, project)
    names = {
        "purpose": sorted(known["purposes"]), "recipient": sorted(known["recipients"]),
        "transfer": sorted(known["transfers"]), "entity": sorted(known["entities"]),
    }  # fmt: skip
    called = Called(policy, language).choices(names)
    fields = form.fields(_schema(), "document", language, tuple(policy.documents), called, frozenset(leave))
    said, stores = words(language), tuple((one, one) for one in sorted(known["stores"]))
    chosen = {
        "says": form.SomeOf(
            tuple((one, f"{one}) {said.letter(one, f'document.{type_}')}") for one in letters)
        ),
        "stores": form.SomeOf(stores),
    }
    first = (*NEEDED, _FIRST.get(type_, ""), "says")
    every = [replace(one, widget=chosen.get(one.name, one.widget)) for one in fields]
    every = [
        replace(one, required=one.name in NEEDED or one.name == DOCUMENT_ABOUT.get(type_)) for one in every
    ]
    return tuple(sorted(every, key=lambda one: first.index(one.name) if one.name in first else len(first)))


def from_form(known: Sequence[form.Field], value: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of a document for what a form of it said: a day of the calendar is a day."""
    days = {one.name for one in known if isinstance(one.widget, form.Day)}
    try:
        return {name: date.fromisoformat(said) if name in days else said for name, said in value.items()}
    except ValueError:
        raise NotAllowedError("There is no such day in the calendar.") from None


@lru_cache(maxsize=1)
def _schema() -> Schema:
    return schema()


def _keep(project: Project, file: str, text: str, name: str, staff: str, author: str) -> None:
    folder = project.settings.folder
    if git.is_work_tree(folder):
        message = f"Put the document {name} on record\n\nRecorded by: {staff}\n"
        try:
            git.commit(folder, {file: text}, message, written_by(author, staff))
        except NotAllowedError:
            (folder / file).unlink(missing_ok=True)
            raise
    project.reread()
    record_register(project, staff)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _title(type_: str, about: Sequence[str]) -> dict[str, str]:
    """Return what it is called where nobody says: its type and what it is about."""
    names = ", ".join(about)
    said = {language: words(language).word(type_) for language in LANGUAGES}
    return {
        one: f"{word[:1].upper()}{word[1:]}" + (f" ({names})" if names else "") for one, word in said.items()
    }


def about_fields(project: Project, type_: str, about: Sequence[str]) -> dict[str, list[str]]:
    """Return under which fields of a document of a type stand the things it is about, by their names.

    Raises NotFoundError where nothing is called so.
    """
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
