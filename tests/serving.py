"""`troth serve` and `troth` as people start them: processes of their own, on free ports."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import free_port

READY_SECONDS_MAX = 60
TROTH = [sys.executable, "-c", "from troth.wiring import main; main()"]


@dataclass
class Serving:
    """A server that answers at `url`; it was ready after so many seconds."""

    url: str
    process: subprocess.Popen[bytes]
    ready_seconds: float
    log: Path


def troth(folder: Path, *arguments: str) -> str:
    """Run a command to its end and return what it printed."""
    command = [*TROTH, "--project", str(folder), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def settle(folder: Path, port: int, mail_to: str = "folder:.troth/outbox") -> None:
    """Write where the project of `folder` is served and where its letters leave."""
    file = folder / "troth.toml"
    text = re.sub(r"\[web\].*?(?=^\[|\Z)|\[mail\].*?(?=^\[|\Z)", "", file.read_text(), flags=re.S | re.M)
    web = f'[web]\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n'
    file.write_text(f'{text}\n{web}[mail]\nto = "{mail_to}"\nfrom = "privacy@shop.example"\n')


@contextmanager
def serving(folder: Path, *options: str, port: int = 0) -> Iterator[Serving]:
    """Serve the project of `folder` until the block ends."""
    at = port or free_port()
    log = folder / f"serve-{at}.log"
    begun = time.perf_counter()
    with log.open("wb") as written:
        command = [*TROTH, "--project", str(folder), "serve", "--port", str(at), *options]
        process = subprocess.Popen(command, stdout=written, stderr=written)
    url = f"http://127.0.0.1:{at}"
    try:
        _wait(url, process, log, begun)
        yield Serving(url, process, time.perf_counter() - begun, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, begun: float) -> None:
    while time.perf_counter() - begun < READY_SECONDS_MAX:
        if process.poll() is not None:
            raise AssertionError(f"It ended at once:\n{log.read_text()}")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).read()
        except OSError:  # it does not listen yet, or is slow to answer
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"It did not answer within {READY_SECONDS_MAX} seconds:\n{log.read_text()}")
