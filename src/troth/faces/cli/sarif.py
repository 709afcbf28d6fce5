"""Findings as SARIF 2.1.0 (OASIS), which code hosts read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def log(rules: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one run of one tool."""
    driver = {"name": "troth", "version": version("troth"), "rules": list(rules)}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": list(results)}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def place(file: str, line: int, column: int, length: int = 0) -> dict[str, Any]:
    """Return where something stands; columns count characters from 1."""
    region = {"startLine": line, "startColumn": column}
    if length:
        region["endColumn"] = column + length
    uri = Path(file).as_posix().replace("%", "%25").replace(" ", "%20")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
