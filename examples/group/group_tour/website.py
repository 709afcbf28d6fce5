"""The company's web site in the tour: served while the block runs, what a scan found, and how it is mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from group_tour import port
from group_tour.telling import StoppedError, Teller
from troth.errors import NotFoundError
from troth.outside.chromium import program

SECONDS_MAX = 30
PORTS_MAX = 3
SAID_MAX = 4096
MENDED = (
    ("policy.md", "    data_kept: 50 months", "    data_kept: 25 months"),
    ("troth.toml", 'gate = "report"', 'gate = "enforce"'),
    ("troth.toml", 'unknown = "report"', 'unknown = "drop"'),
)
"""What is changed, as it stands in its file before and after."""

_SILENCED = re.compile(r"<!-- troth: disable N01[^>]*-->\n\n")
_HISTORY = """    - version: "2.1"
      dated: {today}
      what:
        en: What the audience tool collects is kept 25 months instead of 50
        fr: Ce que l’outil de mesure d’audience recueille est conservé 25 mois au lieu de 50
"""


def why_no_scan() -> str:
    """Say why this machine cannot scan, finishing "because…"; empty where it can."""
    try:
        program()
    except NotFoundError:
        return "there is no Chromium"
    return ""


def address(project: Path) -> str:
    """Return where the site is served."""
    return f"http://localhost:{port.named(project)}/"


def at_home(project: Path) -> None:
    """Let the policy name the address at which the site is served here, and not those of the real company."""
    _replace(project / "policy.md", r"sites: \[[^]]*\]", "sites: [localhost]")


def unscanned(project: Path) -> None:
    """Take the scan out of the settings, where nobody can make it."""
    _replace(project / "troth.toml", r"(?m)^#[^\n]*\n\[scan\.website\]\n(?:\w[^\n]*\n)+\n", "")


@contextmanager
def served(teller: Teller) -> Iterator[None]:
    """Serve the project while the block runs; raises StoppedError where it does not answer."""
    teller.line()
    teller.line("$ troth serve &")
    server = _started(teller)
    try:
        yield
    finally:
        _ended(server)


def by_name(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Gather what breaks the policy by what it is about: a name, and what is wrong with it."""
    gathered: dict[str, list[str]] = {}
    for one in findings:
        if one["breaks"]:
            gathered.setdefault(str(one["name"]), []).append(str(one["title"]).lower())
    return [(name, "; ".join(dict.fromkeys(titles))) for name, titles in gathered.items()]


def mend(project: Path, today: str) -> None:
    """Let the gate act, shorten what was too long, and make the policy a new version."""
    for name, before, after in MENDED:
        _replace(project / name, re.escape(before), after)
    _replace(project / "policy.md", _SILENCED.pattern, "")
    for name in ("policy.md", "policy.fr.md"):
        _replace(project / name, r'version: "2\.0"\ndate: \S+', f'version: "2.1"\ndate: {today}')
    stands = r'  version: "2\.0"\n  updated: \S+\n  effective: \S+'
    _replace(project / "policy.md", stands, f'  version: "2.1"\n  updated: {today}\n  effective: {today}')
    _replace(project / "policy.md", r"```\s*\Z", _HISTORY.format(today=today) + "```\n")


def _replace(file: Path, pattern: str, by: str) -> None:
    text, times = re.subn(pattern, lambda _: by, file.read_text(encoding="utf-8"), count=1)
    if times == 0:
        raise StoppedError(f"{file.name} is not what the story needs: it has no {pattern!r}.")
    file.write_text(text, encoding="utf-8")


def _started(teller: Teller) -> subprocess.Popen[bytes]:
    """Start a server that answers; where somebody else took the port before it did, at another."""
    for _ in range(PORTS_MAX):
        at = port.settle(teller.folder)
        with tempfile.TemporaryFile() as said:
            server = subprocess.Popen(
                [sys.executable, "-m", "troth", "serve", "--no-worker"], cwd=teller.folder,
                env=dict(teller.environment), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                if _answers(at, server, said.fileno()):
                    return server
            except BaseException:
                _ended(server)
                raise
        _ended(server)
    raise StoppedError("`troth serve` does not answer. Start it by hand to see why.")


def _answers(at: int, server: subprocess.Popen[bytes], said: int) -> bool:
    """Wait until a server answers; what another program answers at its port does not count.

    A server says that it serves once the port is its own, and from then on nobody else answers there.
    """
    until, ours = time.monotonic() + SECONDS_MAX, f":{at}/".encode()
    while server.poll() is None and time.monotonic() < until:
        try:
            if ours in os.pread(said, SAID_MAX, 0):
                urllib.request.urlopen(f"http://127.0.0.1:{at}/health", timeout=2).close()
                return server.poll() is None
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.05)
    return False


def _ended(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
