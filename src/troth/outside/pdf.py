"""Documents on paper: a template and data become a tagged PDF.

Data is passed as JSON and set as text; a template never evaluates it, so a name that
looks like a program stays a name.  Nothing is fetched, no font but the built-in ones is
used, and the same input gives the same bytes.

Law: GDPR Art. 12(1), a form that everybody can read (PDF/UA-1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from troth.policy.notice_tree import tree

if TYPE_CHECKING:
    from troth.policy.policy import Policy

EPOCH = datetime(1980, 1, 1, tzinfo=UTC)


def notice(policy: Policy, language: str) -> bytes:
    """Write the notice in a language as a PDF, dated by the policy and not by the clock."""
    template = (files("troth.policy") / "templates" / "notice.typ").read_text("utf-8")
    day = policy.effective
    written = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else EPOCH
    return typeset(template, tree(policy, language), written)


def typeset(template: str, data: Mapping[str, object], written: datetime) -> bytes:
    """Typeset `template` (Typst, with `sys.inputs.data` as JSON) into a PDF/UA-1.

    `written` goes into the file as the time it was made.  Where a character is in none of
    the fonts, the PDF is tagged and shows a box there, and does not claim PDF/UA.
    """
    import typst

    try:
        return _compiled(template, data, written, accessible=True)
    except typst.TypstError as error:
        if "could not be displayed" not in str(error):
            raise
        return _compiled(template, data, written, accessible=False)


def _compiled(template: str, data: Mapping[str, object], written: datetime, accessible: bool) -> bytes:
    import typst

    return bytes(
        typst.compile(
            template.encode(),
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            ignore_system_fonts=True,
            pdf_standards=["ua-1"] if accessible else [],
            timestamp=int(written.timestamp()),
        )
    )
