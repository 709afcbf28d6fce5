"""A scan beside CookieRadar (PyPI), on the same site, the same Chromium, in the same run: seconds a visit, and recall.

CookieRadar is installed into an environment of its own that goes with the measurement. It visits one
page in three sessions, and loads it once more after a refusal: four visits. It is given a browser that
keeps third parties' cookies, as ours does by itself.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from bench.measure import Line

PART = "scan"
OTHER = "cookieradar"
ROUNDS = 2
OTHERS_VISITS = 4
TIMES_MIN = 10
DRIVER = """
import asyncio, json, sys, tempfile
from pathlib import Path
from playwright.async_api import BrowserType
from cookieradar.scanner import scan

url, program, folder = sys.argv[1:]
(Path(folder) / "Default").mkdir()
settings = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
(Path(folder) / "Default" / "Preferences").write_text(json.dumps(settings))

async def launch(self, headless=True):
    context = await self.launch_persistent_context(
        folder, headless=headless, executable_path=program,
        args=["--no-sandbox", "--disable-blink-features=AutomationControlled"])
    return context.browser

BrowserType.launch = launch
found = asyncio.run(scan(url))
sessions = (found.pre_consent, found.post_accept, found.post_reject)
print(json.dumps({
    "errors": [one.error for one in sessions if one.error],
    "cookies": sorted({(one["name"], one["domain"]) for each in sessions for one in each.cookies}),
}))
"""


def run(root: Path) -> list[Line]:
    """Scan the site of the tests by both, in turns; what is there is known from its truth."""
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write("There is no Chromium here, so no scan is measured.\n")
        return []
    sys.path.insert(0, str(root / "tests"))
    from sites.shop import POLICY, shop
    from sites.truth import truth

    there = {(one.name, one.host, one.kind) for one in truth("shop")}
    ours, theirs, seen, others, lifetimes = [], [], set(), set(), {}
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        python = _other(Path(folder) / "environment")
        for number in range(ROUNDS):
            with shop() as sites:
                url = sites["first"].url
                seconds, told = _ours(url, POLICY)
                ours.append(seconds / told["visits"])
                seen |= {(one["name"], one["host"], one["kind"]) for one in told["seen"]} & there
                lifetimes = {
                    (one["name"], one["host"], one["kind"]): one["lifetime_days"] for one in told["seen"]
                }
            if python is None:
                continue
            with shop() as sites:
                seconds, found = _theirs(python, sites["first"].url, program, Path(folder) / str(number))
                theirs.append(seconds / OTHERS_VISITS)
                others |= {(name, host.lstrip("."), "cookie") for name, host in found["cookies"]} & there
    right = sum(
        abs((lifetimes.get((one.name, one.host, one.kind)) or 0) - (one.days or 0)) < 0.1
        for one in truth("shop")
        if one.kind == "cookie"
    )
    cookies = sum(one.kind == "cookie" for one in truth("shop"))
    beside = min(theirs, default=None)
    missed = float(len(there - others)) if theirs else None
    return [
        Line(PART, "a visit, beside CookieRadar", min(ours), "s", beside, 1 / TIMES_MIN if theirs else None),
        Line(PART, f"of {len(there)} cookies and keys, missed", len(there - seen), "", missed, ours_max=0),
        Line(PART, f"of {cookies} lifetimes asked for, wrong", cookies - right, "", ours_max=0),
    ]


def _other(folder: Path) -> Path | None:
    """Install CookieRadar into an environment of its own; None, said aloud, where it is not to be had."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", OTHER],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if installed.returncode:
        sys.stderr.write(f"{OTHER} cannot be installed here, so ours is measured alone.\n")
        return None
    return python


def _ours(url: str, policy: Path) -> tuple[float, dict]:
    command = [sys.executable, "-m", "troth", "scan", url, "--policy", str(policy)]
    command += ["--allow-private", "127.0.0.1", "--rate", "50", "--format", "json"]
    start = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())
    seconds = time.perf_counter() - start
    if ran.returncode not in {0, 1}:
        raise SystemExit(f"troth scan does not run: {ran.stderr.strip()}")
    return seconds, json.loads(ran.stdout)


def _theirs(python: Path, url: str, program: str, folder: Path) -> tuple[float, dict]:
    folder.mkdir()
    start = time.perf_counter()
    ran = subprocess.run(
        [python, "-c", DRIVER, url, program, str(folder)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if ran.returncode:
        raise SystemExit(f"{OTHER} does not run: {ran.stderr.strip()[-400:]}")
    found = json.loads(ran.stdout)
    if found["errors"]:
        raise SystemExit(f"{OTHER} did not see the site: {found['errors']}")
    return seconds, found
