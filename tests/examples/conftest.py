"""The example company, as the tests see it: its files, and its databases made once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

GROUP = Path(__file__).resolve().parents[2] / "examples" / "group"
sys.path.insert(0, str(GROUP))  # its programs are run as scripts, and import one another by name


@pytest.fixture(scope="session")
def group() -> Path:
    return GROUP


@pytest.fixture(scope="session")
def files(group: Path) -> Mapping[str, str]:
    """The text of every file of its policy, by name."""
    found = [*group.glob("policy*.md"), *group.glob("register/*.yaml")]
    return {path.relative_to(group).as_posix(): path.read_text(encoding="utf-8") for path in found}


@pytest.fixture(scope="session")
def policy(files: Mapping[str, str]):
    from troth.policy.loading import load

    policy, problems = load(files)
    assert problems == ()
    return policy


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with its three databases, on SQLite."""
    import databases

    folder = tmp_path_factory.mktemp("demo")
    databases.create(folder)
    return folder
