"""Starting, serving and installing: what an engineer feels before anything else."""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from bench.measure import Line, milliseconds

STARTS = 7
PART = "process"
TROTH = [sys.executable, "-m", "troth"]


def run(root: Path) -> list[Line]:
    """Measure starting commands, getting a server ready, and what an install holds."""
    policy = str(root / "examples" / "group" / "policy.md")
    return [
        _start("troth check of the example's policy", ["check", policy], 500),
        _start("troth --help", ["--help"]),
        _start("troth schema", ["schema"]),
        *_serve(root),
        *_install(root),
    ]


def _start(what: str, arguments: list[str], most: float | None = None) -> Line:
    done = subprocess.run([*TROTH, *arguments], capture_output=True, check=False)
    if done.returncode not in {0, 1}:  # 1: the check has findings
        raise SystemExit(f"{what} does not run: {done.stderr.decode(errors='replace').strip()}")
    times = [
        milliseconds(lambda: subprocess.run([*TROTH, *arguments], capture_output=True, check=False))
        for _ in range(STARTS)
    ]
    return Line(PART, f"{what}, start included", statistics.median(times), "ms", None, None, most)


def _serve(root: Path) -> list[Line]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        project = Path(folder) / "project"
        subprocess.run([*TROTH, "init", str(project)], check=True, capture_output=True)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            server = subprocess.Popen(
                [*TROTH, "--project", str(project), "serve", "--port", str(port)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root,
            )  # fmt: skip
            try:
                _wait(f"http://127.0.0.1:{port}/ask")
                times.append(time.perf_counter() - start)
                tree = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
                memory = sum(process.memory_info().rss for process in tree) / 2**20
            finally:
                server.terminate()
                server.wait(timeout=20)
    return [
        Line(PART, "server ready, first page answered", statistics.median(times), "s", None, None, 1.5),
        Line(PART, "server memory then", memory, "MiB", None, None, 120),
    ]


def _wait(url: str) -> None:
    for _ in range(1000):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
        else:
            return
    raise SystemExit("The server did not answer within ten seconds.")


def _install(root: Path) -> list[Line]:
    """Count what the default lock file installs here, from what is installed: no network."""
    lock = (root / "requirements" / "default.lock").read_text(encoding="utf-8")
    found: list[Distribution] = []
    for line in lock.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            wanted = Requirement(line.rstrip("\\ "))
            if wanted.marker is None or wanted.marker.evaluate():
                try:
                    found.append(distribution(wanted.name))
                except PackageNotFoundError:
                    raise SystemExit(f"{wanted.name} of the lock file is not installed here.") from None
    files = [Path(str(file.locate())) for one in found for file in one.files or ()]
    files += (root / "src" / "troth").rglob("*")
    size = sum(file.stat().st_size for file in set(files) if file.is_file() and file.suffix != ".pyc") / 2**20
    return [
        Line(PART, "distributions installed by default, Troth too", len(found) + 1, "", None, None, 60),
        Line(PART, "their size without bytecode", size, "MiB", None, None, 250),
    ]
