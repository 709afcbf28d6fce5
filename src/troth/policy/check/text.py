"""Rules on the text itself: what was lost, merged or left open in editing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Prose
from troth.policy.check.rule import rule

_BARE_ENUMERATOR = re.compile(r"\((?:i{1,3}|iv|v|[a-z])\)\s*$")


@rule("T02")
def ends_with_a_bare_enumerator(prose: Prose) -> Iterator[Spot]:
    """Find paragraphs that end with "(ii)" and nothing after it."""
    for paragraph in prose.paragraphs:
        yield from paragraph.find(_BARE_ENUMERATOR)
