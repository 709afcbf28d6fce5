"""A page that is taken out of a PDF is out of the file, and where that is not sure the file is refused."""

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, Fit, NameObject, StreamObject

from troth.errors import NotAllowedError
from troth.outside.pdf_pages import without_pages


def a_pdf(*texts):
    """Write a PDF with a page for each text."""
    writer = PdfWriter()
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
         NameObject("/BaseFont"): NameObject("/Helvetica")}
    )  # fmt: skip
    for text in texts:
        page = writer.add_blank_page(300, 200)
        content = StreamObject()
        content.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(content)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def texts(data):
    return [page.extract_text().strip() for page in PdfReader(io.BytesIO(data)).pages]


def test_the_page_is_gone_and_so_are_its_bytes():
    data = a_pdf("first", "Canary", "third")
    assert b"Canary" in data
    left = without_pages(data, {2})
    assert texts(left) == ["first", "third"]
    assert b"Canary" not in left


def test_a_link_does_not_drag_the_page_along():
    writer = PdfWriter(clone_from=io.BytesIO(a_pdf("first", "Canary", "third")))
    writer.add_annotation(0, Link(rect=(0, 0, 50, 50), target_page_index=1, fit=Fit.fit()))
    writer.add_outline_item(title="Canary chapter", page_number=1)
    out = io.BytesIO()
    writer.write(out)
    left = without_pages(out.getvalue(), {2})
    assert texts(left) == ["first", "third"]
    assert b"Canary" not in left


def test_a_page_that_another_holds_by_a_way_of_its_own_refuses_the_file():
    writer = PdfWriter(clone_from=io.BytesIO(a_pdf("first", "Canary")))
    writer.pages[0][NameObject("/Acme")] = writer.pages[1].indirect_reference
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(NotAllowedError, match="hang together"):
        without_pages(out.getvalue(), {2})


@pytest.mark.parametrize(
    ("data", "pages", "said"),
    [
        (a_pdf("one"), {1}, "Every page would be masked"),
        (a_pdf("one", "two"), {3}, "has pages 1 to 2, and no page 3"),
        (b"", {1}, "cannot be read as a PDF"),
        (b"%PDF-1.7\ntrash", {1}, "cannot be read as a PDF"),
        (b"\x00" * 5000, {1}, "cannot be read as a PDF"),
    ],
)
def test_what_cannot_be_done_is_said(data, pages, said):
    with pytest.raises(NotAllowedError, match=said):
        without_pages(data, pages)


def test_a_locked_file_is_refused():
    writer = PdfWriter(clone_from=io.BytesIO(a_pdf("one", "two")))
    writer.encrypt("secret")
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(NotAllowedError, match="locked with a password"):
        without_pages(out.getvalue(), {1})
