"""The files of a first project: a policy in two languages that already holds together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable

from troth.policy.saying import escaped


def project_files(name: str, today: date) -> Mapping[str, str]:
    """Return the text of every file, by its path in the project.

    >>> sorted(project_files("Northwind", date(2026, 11, 23)))[:3]
    ['.gitignore', 'locale/README.md', 'policy.fr.md']
    """
    line = " ".join(name.split())
    # JSON's quoting is that of double quotes in YAML and in TOML.
    quoted = json.dumps(line, ensure_ascii=False)[1:-1].replace("\x7f", "")
    gaps = {"@QUOTED@": quoted, "@SHOWN@": escaped(line), "@TODAY@": today.isoformat()}
    found = {}
    for path, text in _files(files("troth.policy") / "templates" / "project", ""):
        for gap, words in gaps.items():
            text = text.replace(gap, words)
        found[path.replace("gitignore", ".gitignore")] = text
    return found


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _files(one, f"{path}{one.name}/")
        else:
            yield f"{path}{one.name}", one.read_text("utf-8")
