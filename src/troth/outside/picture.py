"""Pictures of pages, taken by a Chromium of this machine, which is given nothing of the network.

Source: CNIL 2020-092, a time-stamped picture of each version as one proof of consent.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from troth.errors import UnreachableError
from troth.outside.chromium import program, sandboxes, surroundings

SECONDS_MAX = 60


def photograph(page: Path, width: int = 1100, height: int = 900) -> bytes:
    """Return a PNG of a page in a file, with what stands beside it in its folder.

    Raises NotFoundError where there is no Chromium, UnreachableError where it does not come to an end.
    """
    path = program()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        taken = Path(folder) / "picture.png"
        command = [
            path, "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=1",
            f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", f"--screenshot={taken}",
            page.resolve().as_uri(),
        ]  # fmt: skip
        for sandboxed in sandboxes():
            whole = command if sandboxed else [*command, "--no-sandbox"]
            try:
                subprocess.run(  # noqa: S603
                    whole, capture_output=True, timeout=SECONDS_MAX, check=False, env=surroundings(os.environ)
                )
            except subprocess.TimeoutExpired:
                raise UnreachableError("Chromium took no picture in time. Try again.") from None
            if taken.is_file():
                return taken.read_bytes()
        raise UnreachableError("Chromium took no picture. Start it by hand to see what it lacks.")
