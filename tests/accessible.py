"""Whether a page can be read by everybody: the Web Content Accessibility Guidelines, as axe reads a page.

Three quarters of its time went into the contrast of each word with what is behind it.  Of words that look alike, three
are judged: the same colour, size and weight before the same layers.  All other rules look at everything.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ALIKE_MAX = 3
_RUN = """
async ([options, alikeMax]) => {
  const layer = (one) => [null, "::before", "::after"].map((part) => {
    const of = getComputedStyle(one, part);
    return part && of.content === "none" ? "" : [
      of.backgroundColor, of.backgroundImage, of.opacity, of.filter, of.mixBlendMode, of.visibility, of.position,
      of.zIndex, of.float, of.transform, of.clip, of.clipPath, of.overflow, of.textIndent, of.margin.includes("-"),
    ].join();
  }).join("|");
  const bare = document.documentElement.appendChild(document.createElement("b"));
  const nothing = layer(bare);
  bare.remove();
  const often = new Map();
  const look = (one, layers, inShadow) => {
    const own = layer(one);
    const below = own === nothing ? layers : `${layers}>${own}`;
    const text = [...one.childNodes].map((part) => part.nodeType === Node.TEXT_NODE ? part.data.trim() : "").join("");
    if (text || one.matches("input, select, textarea, button")) {
      const of = getComputedStyle(one);
      const seen = [
        below, of.color, of.fontSize, of.fontWeight, of.textShadow, of.webkitTextStroke, of.webkitTextFillColor,
        one.localName, one.checkVisibility(), text.length > 1, one.id !== "",
        one.closest("label, [aria-disabled], :disabled") !== null,
      ].join();
      often.set(seen, (often.get(seen) ?? 0) + 1);
      one.toggleAttribute("data-contrast", inShadow || often.get(seen) <= alikeMax);
    }
    for (const inner of one.children) look(inner, below, inShadow);
    for (const inner of one.shadowRoot?.children ?? []) look(inner, below, true);
  };
  look(document.documentElement, "", false);
  axe.configure({ rules: [{ id: "color-contrast", selector: "[data-contrast]" }] });
  const { violations } = await axe.run(options);
  return violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 200)]);
}
"""
"""Mark the first few of each kind of word, have their contrast judged, and all else of the whole page."""


def violations(page: Any, rules: tuple[str, ...] = WCAG) -> list[tuple[str, str]]:
    """Return what stands in somebody's way, as (rule, the first element)."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script())
    options = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = page.evaluate(_RUN, [options, ALIKE_MAX])
    return [(rule, element) for rule, element in found]


@cache
def script() -> str:
    """Return axe itself; a context that is given it at first has it in every page for half the time."""
    read: str = Axe().axe_script
    return read


def too_wide(page: Any) -> int:
    """Return by how much a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
