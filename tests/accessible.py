"""Whether a page can be read by everybody: the Web Content Accessibility Guidelines, as axe reads a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SEEN = ("color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block")
"""What the scheme and the width of a window can change; all else is the same in the other one."""


def violations(page: Any, rules: tuple[str, ...] = WCAG) -> list[tuple[str, str]]:
    """Return what stands in somebody's way, as (rule, the first element)."""
    options = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found]


def too_wide(page: Any) -> int:
    """Return by how much a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
