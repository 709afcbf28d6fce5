"""What commands take and give as files and words: identifiers as kind=value, and results written to a file."""

from __future__ import annotations

import sys
from pathlib import Path

from troth.errors import NotAllowedError
from troth.faces.cli.console import err

NO_TEXT = frozenset({"csv", "docx", "html", "json", "jsonld", "ods", "odt", "pdf", "sarif", "xlsx", "zip"})
"""How the names of files end that hold no plain text."""


def identifier(option: str, written: str) -> tuple[str, str]:
    """Read an identifier given as kind=value.

    >>> identifier("--about", "email=ada@example.org")
    ('email', 'ada@example.org')
    """
    name, equals, value = written.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise NotAllowedError(f"{option} is written kind=value, such as email=ada@example.org.")
    return name.strip(), value.strip()


def give(content: bytes, output: Path | None, shape: str, name: str, *, force: bool = False) -> None:
    """Write a result to a file, or to standard output; never over a file but with `force`."""
    shown = output is None or str(output) == "-"
    if shown and shape in ("pdf", "xlsx", "docx", "zip") and sys.stdout.isatty():
        raise NotAllowedError(f"A {shape} is not text. Say where to with -o {name}.{shape}.")
    write(content, output, force=force)
    if not shown:
        err().print(f"Written to {output}.", markup=False)


def shape_of(named: str, output: Path | None, shapes: tuple[str, ...]) -> str:
    """Return the format that is named, or that of the file's name; the first where neither says one.

    Whatever the name of a text ends in, but not what one would open as something else.
    """
    ending = output.suffix[1:].lower() if output is not None else ""
    shape = named or ending or shapes[0]
    if shape not in shapes:
        if not named and shapes[0] == "text" and ending not in NO_TEXT:
            return "text"
        raise NotAllowedError(f"There is no format {shape[:20]!r}. There are: {', '.join(shapes)}.")
    return shape


def refuse_over(output: Path | None, *, force: bool) -> None:
    """Refuse a file that is there, before the work for it is done."""
    if output is not None and str(output) != "-" and not force and output.exists():
        raise NotAllowedError(f"{output} is there already. Name another, or add --force.")


def write(content: bytes, output: Path | None, *, force: bool) -> None:
    """Write a result to a file, or to standard output where none is named; over one that is there with `force` only."""
    if output is None or str(output) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    try:
        with output.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError:
        raise NotAllowedError(f"{output} is there already. Name another, or add --force.") from None
    except OSError as error:
        raise NotAllowedError(f"{output} cannot be written: {error.strerror}.") from None
