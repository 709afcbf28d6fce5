"""Open an inspection, choose what is shown, look into stores, hand over, close.

The hold is placed before the case is opened, so that a command that is cut short leaves more kept
and never less.  What is chosen lies encrypted under the inspection's own key, as it was handed
over.  Rows that a look shows are shown once and kept nowhere.

Law: GDPR Art. 31, Art. 58(1)(a) and (e); Art. 17(3)(e).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.law import clock
from troth.ledger import append, read, seal, vault
from troth.rules import exemption, inspection_look, purpose_scope, question
from troth.rules import inspection as rules
from troth.rules.event import Draft, Event, Fact
from troth.rules.hold import REVIEW_WITHIN
from troth.rules.inspection import FAMILY
from troth.rules.package import WITHHELD
from troth.stores.contract import Looked, Looks
from troth.work import answer_paper, hold
from troth.work.answer_question import EVERYTHING, Narrowed, answer
from troth.work.establishment import day_here, establishment
from troth.work.numbered import Numbered
from troth.work.project import Project
from troth.work.store_entity import store_entity

Shape = Literal["json", "csv", "pdf"]
SHAPES: tuple[Shape, ...] = ("json", "csv", "pdf")


@dataclass(frozen=True, slots=True)
class Inspection(Numbered):
    """One inspection as it stands."""

    family: ClassVar[str] = FAMILY
    letter: ClassVar[str] = "V"

    @property
    def opened_at(self) -> datetime:
        """The moment that is frozen."""
        return datetime.fromisoformat(self.state["opened_at"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look into a store showed: its count, its oldest day, and its rows as they may be seen."""

    count: int
    oldest: date | None
    rows: tuple[Mapping[str, str], ...]


def open_inspection(
    project: Project,
    authority: str,
    scope: Sequence[str],
    staff: str,
    *,
    entity: str = "",
    reference: str = "",
    review_on: date | None = None,
) -> Inspection:
    """Open a case: hold what is in its scope, seal everything, and freeze that checkpoint.

    Raises NotAllowedError with everything that is missing or wrong.
    """
    company = establishment(project, entity or None)
    chosen = tuple(dict.fromkeys(one.strip() for one in scope if one.strip()))
    _refuse(rules.lacking(authority, chosen, exemption.names(project.maps)))
    theirs = _stores_of(project, company.entity)
    _refuse(rules.wrong_scope(chosen, project.maps, theirs, company.entity))
    today = day_here(project, entity or None)
    matter = f"Inspection by {authority.strip()}" + (f" ({reference.strip()})" if reference.strip() else "")
    kept = hold.place(
        project, matter, "what an authority inspects stays as it is", review_on or today + REVIEW_WITHIN, staff,
        what=rules.held(chosen, project.maps, theirs), entity=company.entity,
    )  # fmt: skip
    checkpoint = seal.seal_all(project.ledger)
    assert checkpoint is not None  # the hold is in it
    payload: dict[str, Fact] = {"authority": authority.strip(), "reference": reference.strip()}

    def drafts(number: str) -> list[Draft]:
        facts: dict[str, Fact] = {
            "state": "opened", "inspection": number, "size": checkpoint.size, "root": checkpoint.root.hex(),
            "scope": list(chosen), "hold": str(kept.state["name"]),
        }  # fmt: skip
        return [
            Draft("inspection_moved", f"{FAMILY}/{number}", facts, company.entity, staff, payload=payload)
        ]

    event = Inspection.begin(project, today.year, drafts)
    return load(project, str(event.facts["inspection"]))


def load(project: Project, number: str) -> Inspection:
    """Read an inspection; raises NotFoundError where there is none of that number."""
    return Inspection.load(project, number, "troth inspection list")


def opening(project: Project, number: str) -> Event:
    """Return the event by which an inspection was opened."""
    return read.stream(project.ledger, load(project, number).stream)[0]


def every(project: Project) -> tuple[Inspection, ...]:
    """Return every inspection, by number."""
    found = read.states(project.ledger, FAMILY)
    return tuple(
        sorted(
            (Inspection(one.stream.partition("/")[2], one.version, one.body) for one in found),
            key=lambda one: one.number,
        )
    )


def told(project: Project, number: str) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
    """Return who asks, and what is said in words of each event of an inspection, by its id."""
    said: dict[str, Mapping[str, Any]] = {}
    events = read.stream(project.ledger, f"{FAMILY}/{number}")
    for event in events:
        try:
            said[event.id] = vault.payload(project.ledger, event)
        except KeyDestroyedError:
            said[event.id] = {}
    return said[events[0].id] if events else {}, said


def add_document(project: Project, number: str, name: str, content: bytes, why: str, staff: str) -> Event:
    """Add a document that somebody chose, under the next number."""
    found, wrong = load(project, number), []
    wrong += [] if content else ["The document is empty."]
    wrong += (
        [] if why.strip() else ["Say why it is shown, in words: an inspection takes only what is chosen."]
    )
    if len(content) > rules.DOCUMENT_BYTES_MAX:
        wrong.append(f"The document is larger than {rules.DOCUMENT_BYTES_MAX // 1_000_000} MB.")
    return _add(project, found, "document", name, content, why, staff, wrong)


def add_extract(
    project: Project,
    number: str,
    name: str,
    staff: str,
    *,
    narrowed: Narrowed = EVERYTHING,
    shape: Shape = "json",
    why: str = "",
    language: str = "",
    redact: bool = False,
) -> Event:
    """Add the answer to a question as it was when the case was opened, from exactly that checkpoint."""
    found = load(project, number)
    asking = question.question(name)
    wrong = (
        [] if shape in SHAPES else [f"An extract is written as {', '.join(SHAPES)}, not {str(shape)[:20]!r}."]
    )
    if asking.name == "subject":
        wrong.append("What is held about one person lives in the stores, which no checkpoint freezes.")
    wrong += _of_others(project, asking, narrowed, str(found.state["entity"]))
    _refuse([*_closed(found), *wrong])
    entity = narrowed.entity or ("" if "entity" not in asking.narrows else str(found.state["entity"]))
    frozen = clock.receipt_day(found.opened_at, establishment(project, entity or None).time_zone)
    until = min(narrowed.until or frozen, frozen)
    given = answer(
        project, name, replace(narrowed, entity=entity, until=until), language=language, reader="authority",
        staff=staff, within=int(found.state["size"]), at=found.opened_at,
    )  # fmt: skip
    seen = answer_paper.as_shown(given, redact=redact)
    match shape:
        case "json":
            content = answer_paper.as_json(given, seen)
        case "csv":
            content = answer_paper.as_csv(given, seen)
        case "pdf":
            content = answer_paper.as_pdf(project, given, seen)
    return _add(project, found, "extract", f"{asking.name}.{shape}", content, why, staff, [], asking.name)


def extracts(project: Project) -> tuple[question.Question, ...]:
    """Return the questions whose answer an extract can be: a checkpoint freezes it, and it is of one company."""
    return tuple(
        one
        for one in question.every()
        if one.name != "subject" and not (question.of_the_whole_group(one) and _several(project))
    )


def _of_others(project: Project, asking: question.Question, narrowed: Narrowed, entity: str) -> Iterator[str]:
    """Say why an answer would show what is of another company than the one that is inspected."""
    if not _several(project):
        return
    if question.of_the_whole_group(asking):
        yield (
            f"The question {asking.name} is answered for all companies together, and {entity} alone is inspected. "
            "Ask it, take out what is theirs, and add that as a document."
        )
    if narrowed.entity and narrowed.entity != entity:
        yield f"The inspection is of {entity}. An extract for {narrowed.entity} is none of it."
    asked = read.state(project.ledger, f"request/{narrowed.number}") if narrowed.number else None
    if asked is not None and asked.body["entity"] not in {"", entity}:
        yield f"Request {narrowed.number} was made to another company than {entity}, which is inspected."


def _add(
    project: Project,
    found: Inspection,
    what: str,
    name: str,
    content: bytes,
    why: str,
    staff: str,
    wrong: Sequence[str],
    asked: str = "",
) -> Event:
    digest = sha256(content).hexdigest()
    same = [str(one["item"]) for one in found.state["items"] if one["sha256"] == digest]
    twice = [f"It is item {same[0]} already: the same bytes."] if same else []
    _refuse([*_closed(found), *wrong, *twice])
    chunks = (
        content[start : start + vault.CHUNK_BYTES] for start in range(0, len(content), vault.CHUNK_BYTES)
    )
    kept = vault.put_chunks(project.ledger, found.stream, FAMILY, digest, chunks)
    facts: dict[str, Fact] = {
        "item": len(found.state["items"]) + 1, "what": what, "question": asked or None, "sha256": digest,
        "bytes": len(content), "kept_under": kept,
    }  # fmt: skip
    return _moved(project, found, "item_added", facts, staff, {"name": name, "why": why.strip()})


def content(project: Project, item: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield an item as it was added."""
    return vault.get_chunks(project.ledger, str(item["kept_under"]))


def look(
    project: Project,
    number: str,
    store: str,
    table: str,
    staff: str,
    *,
    oldest_by: str = "",
    rows: int = 0,
    unmasked_because: str = "",
) -> Seen:
    """Look into a table that is in scope, read-only; the counts are recorded, the rows shown once and kept nowhere.

    Rows are masked to their shape unless a reason says why not.  Raises NotAllowedError where it may not be.
    """
    found = load(project, number)
    if store not in project.maps:
        raise NotFoundError(f"There is no store called {store[:40]!r}. There are: {', '.join(project.maps)}.")
    mapped, wrong = project.maps[store], list(_closed(found))
    if store in _shared(project):
        wrong.append(
            f"The store `{store}` holds rows of several companies, which a look cannot tell apart. "
            f"Add a document with those of {found.state['entity']}."
        )
    elif not inspection_look.within(found.state["scope"], mapped, table, _theirs(project, found)):
        wrong.append(f"{store}.{table} is not in the scope of {number}: {', '.join(found.state['scope'])}.")
    if not 0 <= rows <= inspection_look.SAMPLE_MAX:
        wrong.append(f"A look shows at most {inspection_look.SAMPLE_MAX} rows.")
    opened = project.stores[store]
    if not isinstance(opened, Looks):
        wrong.append(
            f"A store of kind {mapped.kind} cannot be looked into whole. Add an extract or a document."
        )
    _refuse(wrong)
    assert isinstance(opened, Looks)
    looked = opened.look(table, oldest_by, rows)
    masked = not unmasked_because.strip()
    facts: dict[str, Fact] = {
        "store": store, "table": table, "rows": looked.count, "shown": len(looked.sample),
        "oldest": looked.oldest.isoformat() if looked.oldest else None, "masked": masked,
    }  # fmt: skip
    why: dict[str, Fact] = {"unmasked_because": unmasked_because.strip()}
    _moved(project, found, "queried", facts, staff, why)
    return _seen(project, looked, store, table, masked=masked)


def places(project: Project, found: Inspection) -> tuple[tuple[str, str], ...]:
    """Return the tables that a look may be into, each with its store: those in scope, in stores of the company."""
    theirs = set(_theirs(project, found)) - _shared(project)
    return tuple(
        (store, table)
        for store, mapped in sorted(project.maps.items())
        for table in mapped.tables
        if inspection_look.within(found.state["scope"], mapped, table, theirs)
    )


def _theirs(project: Project, found: Inspection) -> tuple[str, ...]:
    return _stores_of(project, str(found.state["entity"]))


def _stores_of(project: Project, entity: str) -> tuple[str, ...]:
    """Return the stores of a company, those included that it shares."""
    return tuple(name for name in project.maps if store_entity(project, name) in {"", entity})


def _shared(project: Project) -> frozenset[str]:
    """Return the stores that hold rows of several companies."""
    if not _several(project):
        return frozenset()
    return frozenset(name for name in project.maps if not store_entity(project, name))


def _several(project: Project) -> bool:
    return len(purpose_scope.entities(project.policy)) > 1


def _seen(project: Project, looked: Looked, store: str, table: str, *, masked: bool) -> Seen:
    told_table = project.maps[store].tables.get(table)
    categories = {name: str(category) for name, category in told_table.columns.items()} if told_table else {}
    language = project.policy.language if project.policy.language in WITHHELD else "en"
    rows = tuple(
        inspection_look.shown(row, categories, masked=masked, language=language) for row in looked.sample
    )
    return Seen(looked.count, looked.oldest, rows)


def close(project: Project, number: str, reason: str, staff: str) -> Inspection:
    """Close a case; its hold stands until somebody ends it, for an authority may come back to it."""
    found = load(project, number)
    _refuse([*_closed(found), *([] if reason.strip() else ["Say how it ended, in words."])])
    _moved(project, found, "closed", {}, staff, {"reason": reason.strip()})
    return load(project, number)


def _moved(
    project: Project,
    found: Inspection,
    state: str,
    facts: Mapping[str, Fact],
    staff: str,
    payload: Mapping[str, Fact],
    once: str | None = None,
) -> Event:
    draft = Draft(
        "inspection_moved", found.stream, {"state": state, "inspection": found.number, **facts}, found.state["entity"],
        staff, payload=dict(payload),
    )  # fmt: skip
    expect = None if once else {found.stream: found.version}
    return append.append(project.ledger, [draft], expect=expect, once=once)[0]


def record_hand_over(
    project: Project, found: Inspection, index_sha256: str, to: str, how: str, staff: str
) -> Event:
    """Record that a bundle was handed over, to whom and how; the same to the same is recorded once."""
    wrong = list(_closed(found))
    wrong += [] if to.strip() else ["Say to whom it is handed over."]
    wrong += [] if how.strip() else ["Say how: by which post, upload or meeting."]
    _refuse(wrong)
    facts: dict[str, Fact] = {"index_sha256": index_sha256, "items": len(found.state["items"])}
    payload: dict[str, Fact] = {"to": to.strip(), "how": how.strip()}
    mark = sha256(f"{index_sha256}\0{to.strip()}\0{how.strip()}".encode()).hexdigest()
    return _moved(
        project, found, "handed_over", facts, staff, payload, once=f"inspection {found.number} {mark}"
    )


def _closed(found: Inspection) -> list[str]:
    return [f"It was closed on {found.state['closed_on']}."] if found.state["closed_on"] else []


def _refuse(wrong: Iterator[str] | Sequence[str]) -> None:
    sentences = list(wrong)
    if sentences:
        raise NotAllowedError(" ".join(sentences))
