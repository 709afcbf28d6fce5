"""The port at which the tour serves: the one of troth.toml while it is free, else another."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from group_tour.telling import StoppedError

WANTED = 8080


def named(project: Path) -> int:
    """Return the port that troth.toml names."""
    found = re.search(r"(?m)^port = (\d+)", (project / "troth.toml").read_text(encoding="utf-8"))
    if found is None:
        raise StoppedError("troth.toml names no port.")
    return int(found[1])


def settle(project: Path, wanted: int | None = None) -> int:
    """Let troth.toml name a port that is free now, the one it names where that is, and return it."""
    file, port = project / "troth.toml", _free(named(project) if wanted is None else wanted)
    text = re.sub(r"(?m)^port = .*$", f"port = {port}", file.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^url = \"http://localhost:.*$", f'url = "http://localhost:{port}/"', text)
    file.write_text(text, encoding="utf-8")
    return port


def _free(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StoppedError("No port is free on this machine.")
