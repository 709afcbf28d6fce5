"""Changing a Word document as a word processor does: changes tracked, by somebody, on a day."""

import io

from docx import Document
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn

WHO, WHEN = "Camille Baron", "2026-11-20T10:00:00Z"


def opened_document(content):
    return Document(io.BytesIO(content))


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def paragraph(document, words):
    return next(one for one in document.element.body.iter(qn("w:p")) if words in text_of(one))


def text_of(element):
    return "".join(one.text or "" for one in element.iter(qn("w:t")))


def tracked(kind, *runs):
    made = OxmlElement(f"w:{kind}")
    for name, value in (("id", "900"), ("author", WHO), ("date", WHEN)):
        made.set(qn(f"w:{name}"), value)
    for run in runs:
        made.append(run)
    return made


def run_of(text, kind="t", **formats):
    about = "".join(f"<w:{name}/>" for name in formats)
    return parse_xml(
        f'<w:r {nsdecls("w")}><w:rPr>{about}</w:rPr><w:{kind} xml:space="preserve">{text}</w:{kind}></w:r>'
    )


def change(document, words, was, becomes):
    """Track a change of some words of a paragraph, as a word processor does."""
    place = paragraph(document, words)
    run = next(one for one in place.iter(qn("w:r")) if was in text_of(one))
    before, after = text_of(run).split(was, 1)
    for one in (
        run_of(before),
        tracked("del", run_of(was, "delText")),
        tracked("ins", run_of(becomes)),
        run_of(after),
    ):
        run.addprevious(one)
    run.getparent().remove(run)
