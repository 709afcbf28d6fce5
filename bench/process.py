"""Starting, serving and installing: what an engineer feels before anything else."""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from bench.measure import Line, milliseconds

STARTS = 7


def run(root: Path, *, install: bool) -> list[Line]:
    """Measure starting `check`, getting a server ready, and (when asked) an install."""
    lines = [_check(root), *_serve(root)]
    return lines + (_install(root) if install else [])


def _check(root: Path) -> Line:
    policy = root / "tests" / "policy" / "check" / "flawed.txt"
    command = [sys.executable, "-m", "troth", "check", str(policy)]
    times = [
        milliseconds(lambda: subprocess.run(command, capture_output=True, check=False)) for _ in range(STARTS)
    ]
    median = statistics.median(times)
    return Line(
        "troth check of a plain text policy, start included", median, "ms", None, "< 500 ms", median < 500
    )


def _serve(root: Path) -> list[Line]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        project = Path(folder) / "project"
        troth = [sys.executable, "-m", "troth"]
        subprocess.run([*troth, "init", str(project)], check=True, capture_output=True)
        start = time.perf_counter()
        server = subprocess.Popen(
            [*troth, "--project", str(project), "serve", "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{port}/ask")
            ready = time.perf_counter() - start
            tree = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
            memory = sum(process.memory_info().rss for process in tree) / 2**20
        finally:
            server.terminate()
            server.wait(timeout=20)
    return [
        Line("server ready, first page answered", ready, "s", None, "< 1.5 s", ready < 1.5),
        Line("server memory then", memory, "MiB", None, "< 120 MiB", memory < 120),
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
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        venv = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        lock = root / "requirements" / "default.lock"
        before = _distributions(venv)
        subprocess.run([*pip, "install", "--no-compile", "--require-hashes", "-r", str(lock)], check=True)
        count = _distributions(venv) - before + 1  # and Troth itself
        packages = next(venv.glob("lib/python*/site-packages"))
        for own in ("pip", "setuptools"):
            for path in packages.glob(f"{own}*"):
                shutil.rmtree(path, ignore_errors=True)
        files = [*packages.rglob("*"), *(root / "src" / "troth").rglob("*")]
        size = sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") / 2**20
    return [
        Line("distributions installed by default", count, "", None, "≤ 60", count <= 60),
        Line("installed size without bytecode", size, "MiB", None, "≤ 250 MiB", size <= 250),
    ]


def _distributions(venv: Path) -> int:
    return len(list(venv.glob("lib/python*/site-packages/*.dist-info")))
