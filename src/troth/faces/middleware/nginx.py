"""The gate for nginx: the same rules as the middleware's, written out as a module for njs."""

from __future__ import annotations

import json
from importlib.resources import files

from troth.rules.cookie import LETTERS, Table


def nginx_module(known: Table, *, drop_unknown: bool = False) -> str:
    """Return the module, with the table in it; the nearest line stands first, as the table itself is asked."""
    lines = sorted(
        (line for line in known.lines if line.row.storage == "cookie"),
        key=lambda line: ("*" in line.row.name, -len(line.row.name) if "*" in line.row.name else 0),
    )
    told = {
        "choice": known.choice_in,
        "given": known.given_seconds,
        "refused": known.refused_seconds,
        "drop": drop_unknown,
        "imprints": {LETTERS[category]: sorted(some) for category, some in known.imprints.items()},
        "lines": [
            {
                "name": line.row.name, "letter": LETTERS[line.row.category], "exempt": line.exempt,
                "seconds": line.seconds_least, "sliding": line.row.sliding, "path": line.row.path,
            }
            for line in lines
        ],
    }  # fmt: skip
    written = (files("troth.faces.middleware") / "nginx.js").read_text(encoding="utf-8")
    return written.replace("= TABLE;", f"= {json.dumps(told)};", 1)
