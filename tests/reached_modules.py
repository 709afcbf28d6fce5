"""Which modules a page can reach: what the console and the portal import, and what those import.

Stores and the wiring are found by name when they are needed, so they count as reached.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import troth

SOURCE = Path(troth.__file__).parent
_IMPORT = re.compile(r"^\s*from (troth[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
ROOTS = ("faces/console/", "faces/portal/", "faces/banner/choice_pages.py", "stores/")


def path_of(path: Path) -> str:
    """Return a module's path inside the package."""
    return path.relative_to(SOURCE).as_posix()


@cache
def reached() -> frozenset[str]:
    """Return the modules that a page can reach, by their paths inside the package."""
    modules = {_name(path): path for path in SOURCE.rglob("*.py")}
    waiting = [name for name, path in modules.items() if path_of(path).startswith(ROOTS)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imported(modules[name], set(modules))
    return frozenset(path_of(modules[name]) for name in seen)


def _name(path: Path) -> str:
    parts = ["troth", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, known: set[str]) -> list[str]:
    found: set[str] = set()
    for package, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        found |= {package, *(f"{package}.{name}" for name in re.findall(r"\w+", names))}
    return sorted(found & known)
