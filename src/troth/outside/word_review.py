"""A Word document that came back from review: what was tracked, by whom and when, and what was remarked.

The file is hostile until shown otherwise: it is read in bounded amounts, nothing in it is followed, and a
document that declares entities is refused.  Needs the extra `troth[office]`.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from troth.errors import NotAllowedError
from troth.outside.notice_word import BOOKMARK, IDENTIFIER
from troth.policy.paragraphs import Piece, markdown
from troth.policy.proposal import Document, Remark, Reviewed

FILE_BYTES_MAX = 20 << 20
PART_BYTES_MAX = 16 << 20
TAGS_MAX = 600_000
PARAGRAPHS_MAX = 5_000
COMMENTS_MAX = 2_000
PARTS_MAX = 2_000
WHOLE_BYTES_MAX = 200 << 20
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_W15 = "{http://schemas.microsoft.com/office/word/2012/wordml}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CP = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_NO_WORDS = frozenset(
    f"{_W}{kind}"
    for kind in (
        "rPr",
        "softHyphen",
        "lastRenderedPageBreak",
        "annotationRef",
        "fldChar",
        "instrText",
        "delInstrText",
    )
)
"""What a run holds that says nothing to a reader."""
_CELLS = frozenset(f"{_W}{kind}" for kind in ("cellIns", "cellDel", "cellMerge"))
_COME, _GONE = (f"{_W}ins", f"{_W}moveTo"), (f"{_W}del", f"{_W}moveFrom")


@dataclass(slots=True)
class _Read:
    """What was met in one paragraph: pieces with whether they were there before and are there after."""

    pieces: list[tuple[Piece, bool, bool]] = field(default_factory=list)
    values: list[tuple[str, str, str]] = field(default_factory=list)
    who: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    unread: bool = False
    cells: bool = False

    def noted(self, mark: Any) -> None:
        """Note who made a tracked change, and when."""
        self.who.setdefault(mark.get(f"{_W}author", ""), mark.get(f"{_W}date", ""))

    def side(self, after: bool) -> str:
        return markdown([piece for piece, was, is_ in self.pieces if (is_ if after else was)])


def read(content: bytes, names: Mapping[str, str] | None = None) -> Document:
    """Read a document; `names` are the placeholders whose tag is shorter than they are, by that tag.

    Raises NotAllowedError, in a sentence, for one that is not a Word document or not harmless.
    """
    with _opened(content) as parts:
        body = _xml(parts, "word/document.xml")
        if body is None:
            raise NotAllowedError("This is not a Word document: it has no text in it. Save it as .docx.")
        links = {
            one.get("Id"): one.get("Target", "")
            for one in _children(_xml(parts, "word/_rels/document.xml.rels"))
            if one.get("TargetMode") == "External"
        }
        threads = _threads(_xml(parts, "word/comments.xml"), _xml(parts, "word/commentsExtended.xml"))
        language, sha256, version = _about(_xml(parts, "docProps/core.xml"))
    clauses: dict[str, list[Reviewed]] = {}
    here = "front"
    root = body.find(f"{_W}body")
    if sum(1 for _ in body.iter(f"{_W}p")) > PARAGRAPHS_MAX:
        raise NotAllowedError(
            f"The document has more than {PARAGRAPHS_MAX} paragraphs: have it reviewed in parts."
        )
    for one in body.iter(f"{_W}tag"):
        whole = (names or {}).get(one.get(f"{_W}val", ""))
        if whole:
            one.set(f"{_W}val", whole)
    joined = _Joined(clauses)
    for block, sides in _blocks(root if root is not None else body, _Sides()):
        for mark in (block,) if block.tag == f"{_W}bookmarkStart" else block.iter(f"{_W}bookmarkStart"):
            name = mark.get(f"{_W}name", "")
            if re.fullmatch(rf"{BOOKMARK}(top|\d+(_\d+){{0,7}})", name):
                here = name.removeprefix(BOOKMARK).replace("_", ".")
        if block.tag == f"{_W}bookmarkStart":
            continue
        found = _paragraph(block, sides, links, threads)
        joined.look(here, found, block)
        if found is not None:
            clauses.setdefault(here, []).append(found)
    if threads:  # what was remarked where no words are read
        clauses.setdefault("top", []).append(Reviewed(None, None, remarks=tuple(threads.values())))
    return Document(language, sha256, version, {name: tuple(found) for name, found in clauses.items()})


def _opened(content: bytes) -> zipfile.ZipFile:
    if len(content) > FILE_BYTES_MAX:
        raise NotAllowedError(
            f"The document has more than {FILE_BYTES_MAX >> 20} MB. Remove its pictures, or split it."
        )
    try:
        found = zipfile.ZipFile(io.BytesIO(content))
        entries = found.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise NotAllowedError("This is not a Word document (.docx).") from None
    names = [one.filename for one in entries]
    if (
        len(names) > PARTS_MAX
        or len(set(names)) != len(names)
        or sum(one.file_size for one in entries) > WHOLE_BYTES_MAX
    ):
        raise NotAllowedError("The document unpacks to more than a document holds: it is not opened.")
    if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in entries):
        raise NotAllowedError("The document is packed as no word processor does: it is not opened.")
    if any(one.flag_bits & 1 for one in entries):
        raise NotAllowedError("The document is locked with a password. Save it without one.")
    return found


def _xml(parts: zipfile.ZipFile, name: str) -> Any:
    """Read a part as XML; None where it is not there."""
    try:
        from lxml import etree
    except ModuleNotFoundError:
        raise NotAllowedError(
            "Word documents need the extra `office`: pip install 'troth[office]'."
        ) from None
    try:
        entry = parts.getinfo(name)
    except KeyError:
        return None
    try:
        with parts.open(entry) as file:
            content = file.read(PART_BYTES_MAX + 1)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, zlib.error):
        raise NotAllowedError("The document is damaged and cannot be read.") from None
    if len(content) > PART_BYTES_MAX or content.count(b"<") > TAGS_MAX:
        raise NotAllowedError("The document unpacks to more than a document holds: it is not opened.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise NotAllowedError(
            "The document is damaged: a part of it is not XML, or nested too deep."
        ) from None
    if root.getroottree().docinfo.doctype:
        raise NotAllowedError(
            "The document declares entities of its own, as no word processor does: it is not opened."
        )
    return root


def _children(root: Any) -> Iterator[Any]:
    yield from root if root is not None else ()


def _about(core: Any) -> tuple[str, str, str]:
    """Return of which notice a document says it is: language, hash and version; empty where it says nothing."""
    if core is None:
        return "", "", ""
    said = (core.findtext(f"{_DC}identifier") or "").split(":")
    version = core.findtext(f"{_CP}version") or ""
    if len(said) == 3 and said[0] == IDENTIFIER:
        return said[1][:5], said[2][:64], version[:40]
    return (core.findtext(f"{_DC}language") or "")[:5], "", version[:40]


def _threads(comments: Any, extended: Any) -> dict[str, tuple[Remark, ...]]:
    """Return each comment with its answers, by the id of the first."""
    parents = {one.get(f"{_W15}paraId"): one.get(f"{_W15}paraIdParent") for one in _children(extended)}
    remarks: dict[str, Remark] = {}
    by_paragraph: dict[str, str] = {}
    answers: dict[str, str] = {}
    if comments is not None and len(comments) > COMMENTS_MAX:
        raise NotAllowedError(
            f"The document has more than {COMMENTS_MAX} comments: have it reviewed in parts."
        )
    for one in _children(comments):
        number = one.get(f"{_W}id", "")
        lines = ["".join(text.text or "" for text in line.iter(f"{_W}t")) for line in one.iter(f"{_W}p")]
        remarks[number] = Remark(
            one.get(f"{_W}author", "")[:200], one.get(f"{_W}date", "")[:30], "\n".join(lines)[:20_000]
        )
        for line in one.iter(f"{_W}p"):
            if mine := line.get(f"{_W14}paraId"):
                by_paragraph[mine] = number
                if parents.get(mine):
                    answers.setdefault(number, parents[mine])
    heads: dict[str, list[Remark]] = {}
    for number, remark in remarks.items():
        above = by_paragraph.get(answers.get(number, ""), number)
        heads.setdefault(above if above in remarks else number, []).append(remark)
    return {number: tuple(found) for number, found in heads.items()}


@dataclass(frozen=True, slots=True)
class _Sides:
    """Whether a place was there before the tracked changes and is there after them, and the change that says so."""

    was: bool = True
    is_: bool = True
    mark: Any = None

    def within(self, mark: Any) -> _Sides:
        """Return the sides of what stands in a tracked change here."""
        come = mark.tag in _COME
        return _Sides(self.was and not come, self.is_ and come, mark)


class _Joined:
    """Finds the paragraphs whose end was removed or put in between words: joined with the next, or split from it."""

    def __init__(self, clauses: dict[str, list[Reviewed]]) -> None:
        self.clauses = clauses
        self.waiting: dict[bool, tuple[str, int]] = {}

    def look(self, clause: str, found: Reviewed | None, block: Any) -> None:
        """Look at the next paragraph, before it is put with the others."""
        ends = (
            {one.tag for one in _children(block.find(f"{_W}pPr/{_W}rPr"))} if block.tag == f"{_W}p" else set()
        )
        for gone, kinds in ((True, _GONE), (False, _COME)):
            words = found is not None and bool(found.after if gone else found.before)
            open_end = not ends.isdisjoint(kinds)
            if words and gone in self.waiting:
                before, at = self.waiting.pop(gone)
                self.clauses[before][at] = replace(self.clauses[before][at], unread=True)
            if words and open_end:
                self.waiting[gone] = (clause, len(self.clauses.get(clause, ())))
            elif not open_end:
                self.waiting.pop(gone, None)


def _blocks(parent: Any, sides: _Sides) -> Iterator[tuple[Any, _Sides]]:
    """Yield paragraphs, tables, locked values and bookmarks in the order of the document."""
    for one in parent:
        if one.tag == f"{_W}sdt" and not _tag(one):
            content = one.find(f"{_W}sdtContent")
            yield from _blocks(content if content is not None else (), sides)
        elif one.tag in (*_COME, *_GONE):
            yield from _blocks(one, sides.within(one))
        elif one.tag in (f"{_W}customXml", f"{_W}smartTag"):
            yield from _blocks(one, sides)
        elif one.tag in (f"{_W}p", f"{_W}tbl", f"{_W}sdt", f"{_W}bookmarkStart"):
            yield one, sides


def _tag(sdt: Any) -> str:
    found = sdt.find(f"{_W}sdtPr/{_W}tag")
    return "" if found is None else str(found.get(f"{_W}val", ""))


def _paragraph(
    block: Any, sides: _Sides, links: Mapping[Any, str], threads: dict[str, tuple[Remark, ...]]
) -> Reviewed | None:
    """Read one paragraph; the remarks on it are taken out of the threads, so that each is told once."""
    met = _Read(cells=block.tag == f"{_W}tbl")
    if sides.mark is not None:
        met.noted(sides.mark)
    if block.tag == f"{_W}sdt":
        _locked(block, met, sides.was, sides.is_, whole=True)
    else:
        _walk(block, met, links, Piece(""), sides.was, sides.is_)
    before, after = met.side(False), met.side(True)
    remarks = tuple(threads.pop(one) for one in dict.fromkeys(met.remarks) if one in threads)
    if not (before or after or met.values or remarks or met.unread):
        return None
    marks = block.find(f"{_W}pPr/{_W}rPr") if block.tag == f"{_W}p" else None
    for one in _children(marks):
        if one.tag in (*_COME, *_GONE):
            met.noted(one)
    return Reviewed(
        before or None,
        after or None,
        ", ".join(filter(None, met.who))[:200],
        max(met.who.values(), default="")[:30],
        tuple(met.values),
        remarks,
        met.unread,
    )


def _walk(parent: Any, met: _Read, links: Mapping[Any, str], like: Piece, was: bool, is_: bool) -> None:
    for one in parent:
        if one.tag in (*_COME, *_GONE):
            met.noted(one)
            within = _Sides(was, is_).within(one)
            _walk(one, met, links, like, within.was, within.is_)
        elif one.tag == f"{_W}tr":
            row = _row(one, met, _Sides(was, is_))
            _walk(one, met, links, like, row.was, row.is_)
        elif one.tag == f"{_W}tc":
            _cell(one, met)
            _walk(one, met, links, like, was, is_)
            met.pieces += [(Piece("\t"), was, is_)] if met.cells else []
        elif one.tag == f"{_MC}AlternateContent":  # its first choice says what the others say again
            met.unread = met.unread or was != is_ or _changed(one)
            _walk(one[:1], met, links, like, was, is_)
        elif one.tag == f"{_W}r":
            _run(one, met, like, was, is_)
        elif one.tag == f"{_W}hyperlink":
            anchor = str(one.get(f"{_W}anchor", ""))
            to = links.get(one.get(f"{_R}id"), "") or (
                "#" + anchor.removeprefix(BOOKMARK).replace("_", ".") if anchor.startswith(BOOKMARK) else ""
            )
            _walk(one, met, links, replace(like, link=to), was, is_)
        elif one.tag == f"{_W}sdt" and _tag(one):
            _locked(one, met, was, is_)
        elif one.tag == f"{_W}commentRangeStart":
            met.remarks.append(str(one.get(f"{_W}id", "")))
        elif one.tag not in (f"{_W}pPr", f"{_W}sdtPr", f"{_W}tcPr", f"{_W}trPr", f"{_W}rPr"):
            met.unread = met.unread or (was != is_ and not one.tag.startswith(_W))
            _walk(one, met, links, like, was, is_)


def _row(row: Any, met: _Read, sides: _Sides) -> _Sides:
    for one in _children(row.find(f"{_W}trPr")):
        if one.tag in (*_COME, *_GONE):
            met.noted(one)
            sides = sides.within(one)
    return sides


def _cell(cell: Any, met: _Read) -> None:
    for one in _children(cell.find(f"{_W}tcPr")):
        if one.tag in _CELLS:
            met.noted(one)
            met.unread = True


def _changed(element: Any) -> bool:
    """Return whether something in an element is a tracked change."""
    return next(element.iter(*_COME, *_GONE), None) is not None


def _run(run: Any, met: _Read, like: Piece, was: bool, is_: bool) -> None:
    about = run.find(f"{_W}rPr")
    font = about.find(f"{_W}rFonts") if about is not None else None
    code = font is not None and font.get(f"{_W}ascii") == "Courier New"
    made = replace(like, bold=_on(about, "b"), italic=_on(about, "i"), code=code)
    text = ""
    for one in run:
        if one.tag in (f"{_W}t", f"{_W}delText"):
            text += one.text or ""
        elif one.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            text += " "
        elif one.tag == f"{_W}noBreakHyphen":
            text += "\u2011"
        elif one.tag == f"{_W}commentReference":
            met.remarks.append(str(one.get(f"{_W}id", "")))
        elif one.tag not in _NO_WORDS:
            met.unread = met.unread or was != is_ or _changed(one)
    if text:
        met.pieces.append((replace(made, text=text), was, is_))


def _on(about: Any, name: str) -> bool:
    found = about.find(f"{_W}{name}") if about is not None else None
    return found is not None and found.get(f"{_W}val", "1") not in ("0", "false", "off", "none")


def _locked(sdt: Any, met: _Read, was: bool, is_: bool, *, whole: bool = False) -> None:
    """Take a locked value as one piece, and note what became of its words."""
    inside = _Read()
    content = sdt.find(f"{_W}sdtContent")
    if content is not None:
        _walk(content, inside, {}, Piece(""), True, True)
    plain = ["".join(piece.text for piece, *sides in inside.pieces if sides[at]) for at in (0, 1)]
    first = inside.pieces[0][0] if inside.pieces and not whole else Piece("")
    met.pieces.append((Piece("", first.bold, first.italic, locked=_tag(sdt)), was, is_))
    met.values.append((_tag(sdt), plain[0], plain[1]))
    met.remarks += inside.remarks
    met.unread = met.unread or inside.unread
    for author, moment in inside.who.items():
        met.who.setdefault(author, moment)
