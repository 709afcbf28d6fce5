"""Take pages out of a PDF, so that nothing of them is left in the file.

What is written is checked: a page that links, forms or outlines would drag along makes the
whole file refused, never a file that only looks masked.
"""

from __future__ import annotations

import io
from collections.abc import Collection

from troth.errors import NotAllowedError

_DRAGS = ("/Annots", "/B", "/AA", "/PieceInfo", "/StructParents", "/Metadata")
"""What a page may hold that leads to other pages, or to copies of itself."""


def without_pages(data: bytes, pages: Collection[int]) -> bytes:
    """Return a PDF without these pages, counted from 1; raises NotAllowedError with the reason why not."""
    try:
        from pypdf import PdfReader, PdfWriter
        from pypdf.errors import PyPdfError
        from pypdf.generic import NameObject
    except ImportError:
        raise NotAllowedError(
            "Pages of a PDF are masked with pypdf, which is not installed. Install it (`pip install 'troth[pdf]'`), or "
            "mask the whole file."
        ) from None
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise NotAllowedError(
                "The PDF is locked with a password, so that no page of it can be masked. Mask it whole."
            )
        last = len(reader.pages)
        beyond = [page for page in pages if not 1 <= page <= last]
        if beyond:
            raise NotAllowedError(
                f"The PDF has pages 1 to {last}, and no page {beyond[0]}. Name one of these."
            )
        if len(set(pages)) == last:
            raise NotAllowedError("Every page would be masked. Mask the whole file instead.")
        writer = PdfWriter()
        for number, page in enumerate(reader.pages, 1):
            if number not in pages:
                for name in _DRAGS:
                    page.pop(NameObject(name), None)
                writer.add_page(page)
        out = io.BytesIO()
        writer.write(out)
        written = out.getvalue()
        if _pages_in(PdfReader(io.BytesIO(written))) != last - len(set(pages)):
            raise NotAllowedError(
                "The pages hang together, so that none can be taken out safely. Mask the whole file."
            )
    except (PyPdfError, ValueError, KeyError, RecursionError, OSError):
        raise NotAllowedError("The file cannot be read as a PDF. Mask it whole.") from None
    return written


def _pages_in(reader: object) -> int:
    """Count the pages among all objects of a file, whether its catalogue shows them or not."""
    from pypdf import PdfReader
    from pypdf.generic import DictionaryObject

    assert isinstance(reader, PdfReader)
    every = [ident for generation in reader.xref.values() for ident in generation] + list(reader.xref_objStm)
    found = (reader.get_object(ident) for ident in set(every))
    return sum(isinstance(one, DictionaryObject) and one.get("/Type") == "/Page" for one in found)
