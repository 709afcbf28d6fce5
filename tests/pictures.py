"""Pictures of pages for eyes to judge, in `build/screenshots/`; each takes time, so `TROTH_PICTURES` has to be set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "build" / "screenshots"


def keep(page: Any, name: str) -> None:
    """Keep the picture of a whole page by a name, which may begin with a folder, where somebody wants to see it."""
    if os.environ.get("TROTH_PICTURES"):
        page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
