"""How the organisation looks on its pages: its logo and its colour, if both schemes can be read with it.

Source: WCAG 2.2, success criteria 1.4.3 (contrast) and its definitions of contrast ratio and relative luminance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from troth.work.project import Brand

CONTRAST_MIN = 4.5
LOGO_BYTES_MAX = 60 * 1024
"""With the style sheet and the longest page this stays under 150 KB: our own bound."""
LOGO_TYPES: Mapping[str, str] = {
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
}  # fmt: skip
GROUNDS: Mapping[str, tuple[str, ...]] = {
    "accent": ("#ffffff", "#f4f6f9"),
    "accent_dark": ("#171c24", "#0f1319"),
}
"""What a colour is read on, in light and in dark: the paper and the ground of `portal.css`."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A brand as pages are served with it: a style sheet of its own and a logo, either may be empty."""

    style: bytes = b""
    logo: bytes = field(default=b"", repr=False)
    logo_type: str = ""


PLAIN = Drawn()


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21.

    >>> round(contrast("#000000", "#ffffff"), 1), round(contrast("#777777", "#ffffff"), 2)
    (21.0, 4.48)
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def wrong(values: Mapping[str, object], folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with [look]: the setting, a sentence, and what to do about it."""
    for key, grounds in GROUNDS.items():
        if key not in values:
            continue
        colour = str(values[key])
        if not _COLOUR.fullmatch(colour):
            yield key, f"`{key}` in [look] is no colour.", 'Write it as # and six digits, such as "#1d4f91".'
            continue
        ground = min(grounds, key=lambda one: contrast(colour, one))
        ratio = contrast(colour, ground)
        if ratio < CONTRAST_MIN:
            scheme, way = ("dark", "lighter") if key == "accent_dark" else ("light", "darker")
            yield (
                key,
                f"`{key}` in [look] cannot be read in the {scheme} scheme: its contrast with {ground} is "
                f"{ratio:.2f}:1, and {CONTRAST_MIN}:1 is needed (WCAG 2.2, 1.4.3).",
                f"Take a {way} colour.",
            )
    if "logo" in values:
        yield from _wrong_logo(str(values["logo"]), folder)


def _wrong_logo(name: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    file = (folder / name).resolve()
    if file.suffix.lower() not in LOGO_TYPES:
        known = ", ".join(LOGO_TYPES)
        yield (
            "logo",
            f"`logo` in [look] is no picture: {name!r}.",
            f"It is a file that ends in one of {known}.",
        )
    elif not file.is_relative_to(folder.resolve()) or not file.is_file():
        yield (
            "logo",
            f"`logo` in [look] names no file of the project: {name!r}.",
            "Write its path from troth.toml.",
        )
    elif file.stat().st_size > LOGO_BYTES_MAX:
        most = LOGO_BYTES_MAX // 1024
        yield "logo", f"`logo` in [look] is larger than {most} KB.", "Take a smaller picture; an SVG is best."


def drawn(brand: Brand, folder: Path) -> Drawn:
    """Read the logo and write the style sheet of a brand."""
    file = folder / brand.logo if brand.logo else None
    logo = (file.read_bytes(), LOGO_TYPES[file.suffix.lower()]) if file else (b"", "")
    rules = []
    if brand.accent:
        rules.append(f":root {{ --accent: {brand.accent}; }}\n")
    dark = brand.accent_dark or ("#9cc2ff" if brand.accent else "")
    if dark:
        rules.append(f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {dark}; }} }}\n")
    if rules:
        rules.append("@media print { :root { --accent: #000000; } }\n")
    return Drawn("".join(rules).encode(), *logo)
