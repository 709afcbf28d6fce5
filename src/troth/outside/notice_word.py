"""The notice as a Word document for review: a bookmark per clause, and every value of a promise locked.

Changes are tracked from the start.  The document says of which version, language and text it is, so that what
comes back is compared with what was given out.  Needs the extra `troth[office]`.

Law: GDPR Art. 12(1), (7).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from hashlib import sha256 as digest
from itertools import count
from typing import TYPE_CHECKING, Any

from troth.errors import NotAllowedError
from troth.policy import clause_text
from troth.policy.notice_text import dates, document_in, sha256
from troth.policy.notice_tree import Node, parsed, runs
from troth.policy.paragraphs import Piece, markdown, paragraphs
from troth.policy.placeholder import filled
from troth.policy.proposal import GivenOut
from troth.policy.words import words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

IDENTIFIER = "troth-notice"
BOOKMARK = "clause_"
TAG_MAX = 64
_STYLES = {"bullet": "List Bullet", "number": "List Number", "quote": "Quote"}
_CONTROL = {code: None for code in range(32) if code not in (9, 10)}


def notice(policy: Policy, language: str) -> bytes:
    """Write the notice in a language; raises NotFoundError where the policy is not written in it."""
    try:
        from docx import Document
    except ModuleNotFoundError:
        raise NotAllowedError(
            "Word documents need the extra `office`: pip install 'troth[office]'. Or write --format pdf."
        ) from None
    said, document = words(language), document_in(policy, language)
    made = Document()
    writer = _Writer(made, policy, language)
    day = policy.effective
    properties = made.core_properties
    properties.title, properties.author, properties.language = document.title, "Troth", language
    properties.version, properties.category, properties.comments = policy.version, "privacy notice", ""
    properties.identifier = f"{IDENTIFIER}:{language}:{sha256(policy, language)}"
    moment = datetime.combine(day, time(), UTC) if day else datetime(2000, 1, 1, tzinfo=UTC)
    properties.created = properties.modified = moment
    properties.last_modified_by = "Troth"
    writer.track()
    made.add_heading(_plain(document.title), 0)
    if dated := dates(policy, said):
        made.add_paragraph(_plain(dated))
    with_top = clause_text.prose(document, clause_text.PREAMBLE)
    if with_top:
        first = made.add_paragraph()
        writer.bookmark("top", first)
        writer.prose(with_top, first)
    for clause in document.clauses:
        heading = made.add_heading("", min(clause.number.count(".") + 1, 9))
        writer.bookmark(clause.number, heading)
        writer.pieces(heading, (Piece(f"{clause.number} "), *paragraphs(clause.title, language)[0].pieces))
        writer.prose(clause_text.prose(document, clause.number))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def tag_of(placeholder: str) -> str:
    """Return what names a locked value: its placeholder, cut and told apart by its hash where it is too long.

    >>> tag_of("answer.within")
    'answer.within'
    """
    if len(placeholder) <= TAG_MAX:
        return placeholder
    return f"{placeholder[: TAG_MAX - 17]}~{digest(placeholder.encode()).hexdigest()[:16]}"


def given_out(policy: Policy, language: str) -> dict[str, tuple[GivenOut, ...]]:
    """Return the paragraphs of the notice by clause as they stand in its document.

    `front` is its title and its dates, `top` what stands before the first clause.
    """
    document = document_in(policy, language)
    opening = [document.title, dates(policy, words(language))]
    found = {"front": tuple(GivenOut(markdown((Piece(_plain(line)),))) for line in opening if line)}
    for number in (clause_text.PREAMBLE, *document.by_number):
        prose = clause_text.prose(document, number)
        heading = (
            [] if not number else [paragraphs(f"{number} {document.by_number[number].title}", language)[0]]
        )
        found[number or "top"] = tuple(
            GivenOut(
                one.markdown,
                tuple(
                    (piece.locked, _words(policy, language, piece)) for piece in one.pieces if piece.locked
                ),
            )
            for one in (*heading, *paragraphs(prose, language))
        )
    return found


def _words(policy: Policy, language: str, piece: Piece) -> str:
    """Return the plain words of a locked value."""
    text = filled(f"{{{{ {piece.locked} }}}}", policy, words(language))
    return "".join(one.text for node in parsed(text, language) for one in _of_node(node))


def _of_node(node: Node) -> Iterator[Piece]:
    match node["is"]:
        case "table":
            for row in (node["head"], *node["rows"]):
                for cell in row:
                    yield from _flat(cell)
        case "list":
            for item in node["items"]:
                for inner in item:
                    yield from _of_node(inner)
        case "quote":
            for inner in node["blocks"]:
                yield from _of_node(inner)
        case "code":
            yield Piece(node["text"], code=True)
        case "paragraph":
            yield from _flat(node["runs"])
        case _:
            pass


def _flat(found: Sequence[Node], like: Piece | None = None) -> Iterator[Piece]:
    here = like or Piece("")
    for run in found:
        match run["is"]:
            case "strong":
                yield from _flat(run["runs"], replace(here, bold=True))
            case "em":
                yield from _flat(run["runs"], replace(here, italic=True))
            case "link":
                yield from _flat(run["runs"], replace(here, link=run["to"]))
            case "break":
                yield replace(here, text=" ")
            case kind:
                yield replace(here, text=run["text"], code=kind == "code")


class _Writer:
    """Writes into one document; ids of bookmarks and of locked values count up."""

    def __init__(self, made: Any, policy: Policy, language: str) -> None:
        self.made = made
        self.policy = policy
        self.language = language
        self.ids = count(1)

    def track(self) -> None:
        """Have the word processor track changes from the start."""
        from docx.oxml import OxmlElement

        settings = self.made.settings.element
        before = next((one for one in settings if one.tag.rpartition("}")[2] in _AFTER_TRACKING), None)
        tracking = OxmlElement("w:trackRevisions")
        if before is None:
            settings.append(tracking)
        else:
            before.addprevious(tracking)

    def bookmark(self, number: str, paragraph: Any) -> None:
        """Put the bookmark of a clause at the beginning of a paragraph."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        name = BOOKMARK + number.replace(".", "_")
        for kind in ("w:bookmarkStart", "w:bookmarkEnd"):
            mark = OxmlElement(kind)
            mark.set(qn("w:id"), str(self.last if kind.endswith("End") else self.next()))
            if kind.endswith("Start"):
                mark.set(qn("w:name"), name)
            paragraph._p.append(mark)

    def next(self) -> int:
        self.last = next(self.ids)
        return self.last

    def prose(self, text: str, first: Any = None) -> None:
        """Write the prose of a clause; its first paragraph may be there already."""
        for one in paragraphs(text, self.language):
            if one.style == "value":
                self.value(one.pieces[0])
                first = None
                continue
            style = _STYLES.get(one.style)
            if style and one.level and one.style != "quote":
                style = f"{style} {min(one.level + 1, 3)}"
            paragraph = first if first is not None else self.made.add_paragraph()
            if style:
                paragraph.style = style
            self.pieces(paragraph, one.pieces)
            first = None

    def value(self, piece: Piece) -> None:
        """Write a table or a list that promises fill, locked as a whole."""
        said = words(self.language)
        content = self.locked(self.made.element.body, piece.locked, before_section=True)
        for node in parsed(filled(f"{{{{ {piece.locked} }}}}", self.policy, said), self.language):
            if node["is"] == "table":
                self.table(content, node)
            elif node["is"] == "list":
                for item in node["items"]:
                    paragraph = self.made.add_paragraph(style="List Bullet")
                    for inner in item:
                        self.runs(paragraph._p, tuple(_of_node(inner)))
                    content.append(paragraph._p)
            else:
                paragraph = self.made.add_paragraph()
                self.runs(paragraph._p, tuple(_of_node(node)))
                content.append(paragraph._p)

    def table(self, content: Any, node: Node) -> None:
        from docx.oxml import OxmlElement

        table = self.made.add_table(rows=1, cols=len(node["head"]), style="Table Grid")
        for cell, found in zip(table.rows[0].cells, node["head"], strict=True):
            self.runs(cell.paragraphs[0]._p, tuple(Piece(one.text, bold=True) for one in _flat(found)))
        header = OxmlElement("w:tblHeader")
        table.rows[0]._tr.get_or_add_trPr().append(header)
        for row in node["rows"]:
            for cell, found in zip(table.add_row().cells, row, strict=True):
                self.runs(cell.paragraphs[0]._p, tuple(_flat(found)))
        content.append(table._tbl)

    def pieces(self, paragraph: Any, pieces: Sequence[Piece]) -> None:
        """Write pieces; what a promise says goes into a locked control, in the format around it."""
        for piece in pieces:
            if not piece.locked:
                self.runs(paragraph._p, (piece,))
                continue
            text = filled(f"{{{{ {piece.locked} }}}}", self.policy, words(self.language))
            content = self.locked(paragraph._p, piece.locked)
            inside = tuple(
                replace(
                    one,
                    bold=one.bold or piece.bold,
                    italic=one.italic or piece.italic,
                    link=one.link or piece.link,
                )
                for one in _flat(runs(text, self.language))
            )
            self.runs(content, inside)

    def locked(self, parent: Any, name: str, *, before_section: bool = False) -> Any:
        """Add a control that cannot be changed; return where its content goes."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        control, about, content = (OxmlElement(f"w:{kind}") for kind in ("sdt", "sdtPr", "sdtContent"))
        for kind, value in (
            ("alias", name),
            ("tag", tag_of(name)),
            ("id", str(self.next())),
            ("lock", "sdtContentLocked"),
        ):
            one = OxmlElement(f"w:{kind}")
            one.set(qn("w:val"), value[:TAG_MAX])
            about.append(one)
        control.append(about)
        control.append(content)
        section = parent.find(qn("w:sectPr")) if before_section else None
        if section is not None:
            section.addprevious(control)
        else:
            parent.append(control)
        return content

    def runs(self, parent: Any, pieces: Sequence[Piece]) -> None:
        from docx.opc.constants import RELATIONSHIP_TYPE
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        for piece in pieces:
            place = parent
            if piece.link and not piece.link.startswith("#"):
                place = OxmlElement("w:hyperlink")
                place.set(
                    qn("r:id"),
                    self.made.part.relate_to(piece.link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True),
                )
                parent.append(place)
            elif piece.link:
                place = OxmlElement("w:hyperlink")
                place.set(qn("w:anchor"), BOOKMARK + piece.link[1:].replace(".", "_"))
                parent.append(place)
            place.append(_run(piece))


_AFTER_TRACKING = frozenset(
    {"doNotTrackMoves", "doNotTrackFormatting", "documentProtection", "autoFormatOverride", "styleLockTheme",
     "styleLockQFSet", "defaultTabStop", "autoHyphenation", "consecutiveHyphenLimit", "hyphenationZone",
     "doNotHyphenateCaps", "showEnvelope", "summaryLength", "clickAndTypeStyle", "defaultTableStyle",
     "evenAndOddHeaders", "bookFoldRevPrinting", "bookFoldPrinting", "drawingGridHorizontalSpacing",
     "drawingGridVerticalSpacing", "characterSpacingControl", "footnotePr", "endnotePr", "compat", "rsids", "mathPr",
     "themeFontLang", "clrSchemeMapping", "shapeDefaults", "decimalSymbol", "listSeparator"}
)  # fmt: skip
"""What stands behind the tracking of changes in the settings of a document, by its schema."""


def _run(piece: Piece) -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    run, about, text = (OxmlElement(f"w:{kind}") for kind in ("r", "rPr", "t"))
    if piece.code:
        font = OxmlElement("w:rFonts")
        for kind in ("ascii", "hAnsi"):
            font.set(qn(f"w:{kind}"), "Courier New")
        about.append(font)
    for wanted, kind in ((piece.bold, "b"), (piece.italic, "i")):
        if wanted:
            about.append(OxmlElement(f"w:{kind}"))
    if piece.link:
        underlined = OxmlElement("w:u")
        underlined.set(qn("w:val"), "single")
        about.append(underlined)
    text.text = _plain(piece.text)
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    if len(about):
        run.append(about)
    run.append(text)
    return run


def _plain(text: str) -> str:
    return text.translate(_CONTROL)
