"""Build the answer to a claim for a copy: a ZIP with a page to read, and the data as JSON and CSV.

An access answer says all that Art. 15 asks for; portable data is only what may be taken
elsewhere, with the schema of its form.

It streams: rows come from the stores and go encrypted into the vault, never whole in memory
nor in clear on a disk.  It leaves only after a handler opened it; masks need a reason, and
both hashes are recorded.

Law: GDPR Art. 15(1) to (4); Art. 20; Art. 12(1).
"""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, Template
from markdown_it import MarkdownIt

from troth.errors import NotAllowedError
from troth.law import authority, clock, right, sentence
from troth.law.jurisdiction import lineage
from troth.ledger import append, vault
from troth.outside.archive import Archive
from troth.outside.pdf_pages import without_pages
from troth.policy import tables
from troth.policy.words import Words, words
from troth.rules import package, portable, representation, request, request_guard
from troth.rules.claim import WAYS
from troth.rules.event import Draft, Event, Fact
from troth.rules.map import MapTable, Retain
from troth.rules.package import AnyMask, FileMask, Mask
from troth.rules.plan import archived_until
from troth.stores.contract import Row, Who
from troth.work import cover, give_receipt, request_file, send_letter
from troth.work.establishment import day_here
from troth.work.project import Project

CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class _Table:
    """A table of the answer, as the page shows it."""

    store: str
    name: str
    json: str
    csv: str
    rows: int = 0
    seen: int = 0
    columns: list[str] = field(default_factory=list)
    categories: Mapping[str, str] = field(default_factory=dict)
    first: list[dict[str, object]] = field(default_factory=list)
    mapped: MapTable | None = None
    until: date | None = None  # of an archive: the day on which its last row goes
    kept: str = ""  # that it is an archive, in a sentence

    @property
    def shown(self) -> int:
        """How many rows the page shows."""
        return len(self.first)

    @property
    def html(self) -> str:
        """The rows the page shows."""
        return package.html_table(f"{self.store} · {self.name}", self.columns, self.first)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file handed in for the answer, as the page shows it; what is `masked` is not there."""

    name: str
    masked: bool
    said: str


class _Chunks:
    """Bytes gathered into chunks of one size, hashed on the way."""

    def __init__(self) -> None:
        self.ready: list[bytes] = []
        self.hash = sha256()
        self.bytes = 0
        self._open = bytearray()

    def take(self, data: bytes) -> None:
        self.hash.update(data)
        self.bytes += len(data)
        self._open += data
        while len(self._open) >= CHUNK_BYTES:
            self.ready.append(bytes(self._open[:CHUNK_BYTES]))
            del self._open[:CHUNK_BYTES]

    def rest(self) -> None:
        if self._open:
            self.ready.append(bytes(self._open))
            self._open.clear()


def build_package(project: Project, number: str, claim: str, *, staff: str = "troth") -> Event:
    """Build the answer to an access claim and keep it, encrypted, until it is fetched or expires."""
    found = request_file.load(project, number)
    told = found.claim(claim)
    is_copy = WAYS[told["right"]] == "copy"
    wrong = [] if is_copy else [f"Claim {claim} asks for {told['right']}, not for a copy."]
    wrong += [] if told["outcome"] in {"grant", "part"} else [f"Claim {claim} is not granted."]
    wrong += [] if request.is_open(found.state) else ["The request has ended."]
    wrong += (
        [f"The answer to claim {claim} was released already; nobody would look at another."]
        if told["done"]
        else []
    )
    request_file.refuse_unless(wrong)
    kept, digest, size, rows = _write(project, found, claim, ())
    facts: dict[str, Fact] = {
        "claim": claim,
        "sha256": digest,
        "rows": rows,
        "bytes": size,
        "kept_under": kept,
    }
    draft = Draft("package_built", found.stream, facts, **request_file.about(found), actor=staff)
    event = append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
    if told["package"]:
        vault.drop(project.ledger, told["package"]["kept_under"])
    return event


def open_package(project: Project, number: str, claim: str, staff: str) -> Iterator[bytes]:
    """Give the answer to a handler to look through; that they did is recorded first."""
    found = request_file.load(project, number)
    told = found.claim(claim)["package"]
    request_file.refuse_unless([] if told else [f"The answer to claim {claim} is not built yet."])
    facts: dict[str, Fact] = {"staff": staff, "screen": f"package/{claim}"}
    draft = Draft("staff_read", found.stream, facts, **request_file.about(found), actor=staff)
    append.append(project.ledger, [draft])
    return vault.get_chunks(project.ledger, told["kept_under"])


def mask_package(project: Project, number: str, claim: str, masks: Sequence[AnyMask], staff: str) -> Event:
    """Build the answer again with masks; the answer before and after are told by their hashes.

    Raises NotAllowedError when a mask is of a file or a page that is not there, or when nothing
    of the answer would be left.
    """
    found = request_file.load(project, number)
    told = found.claim(claim)["package"]
    request_file.refuse_unless([] if told else [f"The answer to claim {claim} is not built yet."])
    files = [name for name, _ in cover.attached(project, found, claim)]
    listed: list[Fact] = [_told(mask, files) for mask in masks]
    kept, digest, _, _ = _write(project, found, claim, masks)
    facts: dict[str, Fact] = {
        "claim": claim, "sha256_before": told["sha256"], "sha256_after": digest, "kept_under": kept,
        "masks": listed, "staff": staff,
    }  # fmt: skip
    reasons: dict[str, Fact] = {"reasons": [mask.reason for mask in masks]}
    draft = Draft("package_masked", found.stream, facts, **request_file.about(found), actor=staff, payload=reasons,
                  file=f"request/{number}")  # fmt: skip
    event = append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
    vault.drop(project.ledger, told["kept_under"])
    return event


def _told(mask: AnyMask, files: Sequence[str]) -> Fact:
    """Return what an event says of a mask: a file by its place in the answer, as its name may name somebody."""
    if isinstance(mask, Mask):
        return [mask.store, mask.table, mask.column, mask.row]
    name = f"attached/{mask.store}/{mask.name}"
    if name not in files:
        known = ", ".join(files) or "none"
        raise NotAllowedError(f"No such file is in the answer to be masked. There are: {known}.")
    return [mask.store, "attached", mask.page, files.index(name) + 1]


def release(project: Project, number: str, claim: str, *, staff: str) -> None:
    """Give the answer free: it is fetched from the private page once the letter is out."""
    found = request_file.load(project, number)
    wrong = list(request_guard.why_not_release(found.state, claim))
    right_ = str(found.claim(claim)["right"])
    wrong += representation.why_not(found.state, right_, request_file.today(project, found))
    request_file.refuse_unless(wrong)
    request_file.move(project, number, "claim_done", claim, staff=staff)


def ready(state: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the claims whose answer lies ready to be fetched."""
    return tuple(
        name
        for name, one in state["claims"].items()
        if WAYS[one["right"]] == "copy" and one["done"] and one["package"]
    )


def take_answer(
    project: Project, number: str, claim: str | None = None, channel: str = "portal"
) -> Iterator[bytes]:
    """Give an answer to the person whose address was proven, as often as needed for its time.

    Without `claim` it is the first that lies ready.
    """
    found = request_file.load(project, number)
    until = request.answer_until(found.state)
    fetchable = [name for name in ready(found.state) if claim in {None, name}]
    wrong = [] if fetchable else ["There is no answer to fetch yet."]
    wrong += [] if found.state["proven"] else ["The address is not confirmed yet."]
    wrong += request_file.why_without_authority(project, found, *fetchable[:1])
    if until is not None and request_file.today(project, found) > until:
        wrong.append("The time to fetch it is over. Ask again, and it is made anew.")
    request_file.refuse_unless(wrong)
    told = found.claim(fetchable[0])["package"]
    facts: dict[str, Fact] = {"sha256": told["sha256"], "channel": channel}
    draft = Draft("answer_taken", found.stream, facts, **request_file.about(found), actor="requester")
    append.append(project.ledger, [draft])
    return vault.get_chunks(project.ledger, told["kept_under"])


def _write(
    project: Project, found: request_file.RequestFile, claim: str, every: Sequence[AnyMask]
) -> tuple[str, str, int, int]:
    """Write the answer into the vault; return where, its hash, its size and how many rows it has."""
    masks = [one for one in every if isinstance(one, Mask)]
    files = [one for one in every if isinstance(one, FileMask)]
    ported, today = found.claim(claim)["right"] == "port", request_file.today(project, found)
    only = portable.categories(project.policy, str(found.state["jurisdiction"]), today) if ported else None
    language = str(found.state["language"])
    who, names = request_file.who(project, found), request_file.stores(project, found)
    chunks = _Chunks()
    shown: list[_Table] = []

    def pieces() -> Iterator[bytes]:
        with Archive(chunks.take) as archive:
            for table in _tables(project, names, who, masks, language, archive, only):
                shown.append(table)
                yield from _drained(chunks)
            attached: list[Attached] = []
            for name, content in cover.attached(project, found, claim):
                attached.append(_masked(name, [one for one in files if _is_of(one, name)], language))
                if not attached[-1].masked:
                    archive.add(name, _left(content, [one.page for one in files if _is_of(one, name)]))
                yield from _drained(chunks)
            seen = sum(table.seen for table in shown) + sum(not one.masked for one in attached)
            if every and not seen:
                raise NotAllowedError(
                    "Nothing of the answer would be left. Refuse the claim instead, with its reason."
                )
            if ported:
                archive.add(
                    "portable.json", [part.encode() for part in _manifest(found.number, today, shown)]
                )
                archive.add("schema.json", [portable.schema().encode()])
            receipts = give_receipt.enclosed(project, found.number)
            for receipt in receipts:
                archive.add(receipt.name, [receipt.written])
            archive.add(
                "index.html",
                [_page(project, found, claim, shown, attached, receipts, language, ported=ported).encode()],
            )
        chunks.rest()
        yield from _drained(chunks)

    owner, file = str(found.state["subject"]), f"request/{found.number}"
    kept = vault.put_chunks(project.ledger, owner, file, "package", pieces())
    return kept, chunks.hash.hexdigest(), chunks.bytes, sum(table.rows for table in shown)


def _is_of(mask: FileMask, name: str) -> bool:
    return name == f"attached/{mask.store}/{mask.name}"


def _masked(name: str, masks: Sequence[FileMask], language: str) -> Attached:
    """Say what of a file is masked and why."""
    whole = any(one.page is None for one in masks)
    said = [
        package.MASKED[language].format(reason=one.reason)
        if one.page is None
        else package.MASKED_PAGE[language].format(page=one.page, reason=one.reason)
        for one in sorted(masks, key=lambda one: one.page or 0)
        if whole is (one.page is None)
    ]
    return Attached(name, whole, " ".join(said))


def _left(content: Iterator[bytes], pages: Sequence[int | None]) -> Iterator[bytes]:
    """Yield a file, without the pages that are masked."""
    gone = [page for page in pages if page is not None]
    if not gone:
        yield from content
        return
    yield without_pages(b"".join(content), gone)


def _drained(chunks: _Chunks) -> Iterator[bytes]:
    while chunks.ready:
        yield chunks.ready.pop(0)


def _tables(
    project: Project,
    stores: Sequence[str],
    who: Who,
    masks: Sequence[Mask],
    language: str,
    archive: Archive,
    only: frozenset[str] | None,
) -> Iterator[_Table]:
    names: dict[str, int] = {}
    for store_name in stores:
        store, maps = project.stores[store_name], project.maps[store_name].tables
        for table_name, rows in groupby(_taken(store.find([who]), maps, only), key=lambda row: row.table):
            base = f"data/{package.file_name(store_name)}/{package.file_name(table_name)}"
            names[base] = names.get(base, 0) + 1
            base = base if names[base] == 1 else f"{base}-{names[base]}"
            categories = maps[table_name].columns if table_name in maps else {}
            table = _Table(store_name, table_name, f"{base}.json", f"{base}.csv", categories=categories)
            table.mapped = maps.get(table_name)
            as_csv = zlib.compressobj()
            squeezed: list[bytes] = []
            lines = _lines(table, rows, categories, masks, language, as_csv, squeezed)
            archive.add(table.json, lines)
            squeezed.append(as_csv.flush())
            archive.add(table.csv, _unsqueezed(squeezed))
            yield table


def _taken(rows: Iterator[Row], maps: Mapping[str, MapTable], only: frozenset[str] | None) -> Iterator[Row]:
    """Leave of each row what may be taken elsewhere; all of it where `only` is None."""
    if only is None:
        yield from rows
        return
    columns = {name: portable.columns(table.columns, only) for name, table in maps.items()}
    for row in rows:
        kept = [name for name in columns.get(row.table, ()) if name not in row.concealed]
        if kept and not portable.is_mention(row.path):
            values = {name: row.values[name] for name in kept if name in row.values}
            yield Row(row.subject, row.table, values, row.path)


def _manifest(number: str, made: date, shown: Sequence[_Table]) -> Iterator[str]:
    return portable.manifest(
        number,
        made,
        [
            portable.Portable(
                one.store, one.name, one.json, one.csv,
                {name: one.categories.get(name, "") for name in one.columns}, one.rows,
            )
            for one in shown
        ],
    )  # fmt: skip


def _lines(
    table: _Table, rows: Iterator[Row], categories: Mapping[str, str], masks: Sequence[Mask], language: str,
    as_csv: Any, squeezed: list[bytes],
) -> Iterator[bytes]:  # fmt: skip
    """Yield the rows as JSON, and gather them compressed as CSV on the way."""
    yield b"["
    for row in rows:
        table.rows += 1
        place = (table.store, table.name, table.rows)
        table.seen += not package.all_masked(row.values, masks, place)
        seen = package.shown(row.values, categories, row.concealed, masks, place, language)
        until = archived_until(table.mapped, row.values) if table.mapped is not None else None
        if until is not None:
            seen.setdefault(package.ARCHIVED_UNTIL, until.isoformat())
            table.until = max(until, table.until or until)
        if table.rows == 1:
            table.columns.extend(seen)
            squeezed.append(as_csv.compress(package.as_csv_line(table.columns).encode()))
        if table.rows <= package.SHOWN_MAX:
            table.first.append(seen)
        squeezed.append(as_csv.compress(package.as_csv_line([seen.get(c) for c in table.columns]).encode()))
        yield (b"\n" if table.rows == 1 else b",\n") + package.as_json_line(seen).encode()
    yield b"\n]\n"


def _unsqueezed(squeezed: list[bytes]) -> Iterator[bytes]:
    expander = zlib.decompressobj()
    for piece in squeezed:
        yield expander.decompress(piece)
    yield expander.flush()


def _page(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    shown: Sequence[_Table],
    attached: Sequence[Attached],
    receipts: Sequence[give_receipt.Enclosed],
    language: str,
    *,
    ported: bool,
) -> str:
    told = tomllib.loads((files("troth.rules") / "package.toml").read_text(encoding="utf-8"))[language]
    today = day_here(project)
    for one in shown:
        if one.until is not None and one.mapped is not None and one.mapped.erase is not None:
            assert isinstance(one.mapped.erase.do, Retain)
            until, legal = send_letter.day(one.until.isoformat(), language), one.mapped.erase.do.legal
            one.kept = package.ARCHIVED[language].format(until=until, legal=sentence.cite(legal, language))
    return _template().render(
        language=language, t=told, number=found.number, organisation=send_letter.organisation(project, language),
        received=send_letter.day(found.state["received"], language), made=send_letter.day(today.isoformat(), language),
        rows=sum(table.rows for table in shown) + len(attached), tables=shown,
        sections=[] if ported else list(_sections(project, found.state, language, told, today)), ported=ported,
        attached=attached, receipts=[_proof(one, told, str(found.state["tz"]), language) for one in receipts],
        verify=f"{project.settings.public_url}/verify",
        coverage=cover.lines(project, {**found.claim(claim), "package": True}, language),
    )  # fmt: skip


def _proof(
    enclosed: give_receipt.Enclosed, told: Mapping[str, str], zone: str, language: str
) -> dict[str, str]:
    """Say of a receipt what it proves, and of which day."""
    on = clock.receipt_day(enclosed.event.at, zone)
    what = told[f"receipt_{enclosed.event.kind}"]
    more = "" if enclosed.sealed else f" {told['receipt_promised']}"
    return {"name": enclosed.name, "said": f"{what}, {send_letter.day(on.isoformat(), language)}{more}"}


@lru_cache
def _template() -> Template:
    """Return the page, compiled once a process."""
    written = (files("troth.rules") / "package.html").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(written)


@lru_cache(maxsize=256)
def _html(markdown: str) -> str:
    """Render what the promises say, the same for most answers."""
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


def _sections(
    project: Project, state: Mapping[str, Any], language: str, told: Mapping[str, str], today: date
) -> Iterator[dict[str, str]]:
    """Yield the items of Art. 15(1) and (2), each from the promises that say it."""
    spoken = words(language)
    content = {
        "purposes": _table(project, "purposes", spoken),
        "categories": _table(project, "categories", spoken),
        "recipients": _table(project, "recipients", spoken),
        "period": _table(project, "retention", spoken),
        "rights": _table(project, "rights", spoken),
        "complaint": _complaint(state["jurisdiction"], today, language),
        "source": "\n\n".join(filter(None, [told["source_direct"], _table(project, "sources", spoken)])),
        "automated_decisions": _decisions(project, language) or told["decisions_none"],
        "safeguards": _table(project, "transfers", spoken) or told["none"],
    }
    for item in right.access_items(today):
        if item.code in content:
            title = item.sentence(language)
            yield {
                "id": item.code,
                "title": title[0].upper() + title[1:],
                "law": sentence.cite(item.law, language),
                "html": _html(content[item.code] or told["none"]),
            }


def _table(project: Project, name: str, spoken: Words) -> str:
    return "" if tables.is_empty(name, project.policy) else tables.table(name, project.policy, spoken)


def _complaint(jurisdiction: str, today: date, language: str) -> str:
    found = authority.authority(lineage(jurisdiction)[0].code, today)
    return f"{found.called}, <{found.web}>. {found.note(language)}"


def _decisions(project: Project, language: str) -> str:
    return "\n".join(
        f"- {one.does.said(language)}: {one.decides.logic.said(language)} {one.decides.consequences.said(language)}"
        for one in project.policy.purposes.values()
        if one.decides is not None and one.public
    )
