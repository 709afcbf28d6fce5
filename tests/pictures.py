"""Pictures of pages for eyes to judge, in `build/screenshots/`: of each step of a story, and if asked of every page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "build" / "screenshots"


def keep(page: Any, name: str) -> None:
    """Keep the picture of a whole page by a name, which may begin with a folder."""
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


def keep_if_asked(page: Any, name: str) -> None:
    """Keep it where somebody wants to see every page, and said `TROTH_PICTURES`: of a hundred pages it takes long."""
    if os.environ.get("TROTH_PICTURES"):
        keep(page, name)
