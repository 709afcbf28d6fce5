"""A square code (QR) as the path of a picture: no image is loaded, and nothing is drawn by a script."""

from __future__ import annotations

from dataclasses import dataclass, field

MARGIN = 4
"""How many modules are left free around it (ISO/IEC 18004, section 9.1)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A path that is stroked one module wide, and how many modules the whole is wide."""

    d: str = field(repr=False)
    wide: int


def path(text: str) -> Picture:
    """Return the code of a text.

    >>> path("troth").wide
    29
    """
    import segno

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    drawn = []
    for down, row in enumerate(rows):
        across = 0
        while across < len(row):
            end = across
            while end < len(row) and row[end]:
                end += 1
            if end > across:
                drawn.append(f"M{across + MARGIN} {down + MARGIN}.5h{end - across}")
            across = end + 1
    return Picture("".join(drawn), len(rows) + 2 * MARGIN)
