"""The notice that people read, in one of its forms.

The Markdown form is the notice itself; HTML and PDF are made from it, and its hash stands
on every form.

Law: GDPR Arts. 12(1), 12(7), 13, 14.
"""

from __future__ import annotations

from typing import Literal

from troth.policy.notice_page import page
from troth.policy.notice_text import markdown
from troth.policy.policy import Policy

Format = Literal["html", "md"]


def render(policy: Policy, language: str, format: Format) -> str:  # noqa: A002
    """Write the notice in a language, as a whole HTML page or as Markdown.

    Raises NotFoundError for a language the policy is not written in.  The PDF is made
    by `troth.outside.pdf`, from `notice_tree`.
    """
    return markdown(policy, language) if format == "md" else page(policy, language)
