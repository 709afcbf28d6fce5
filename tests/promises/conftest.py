"""The example company with its policy, its three databases and its ledger, on the day of the story."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from shop_project import opened

GROUP = Path(__file__).resolve().parents[2] / "examples" / "group"
sys.path.insert(0, str(GROUP))  # its programs are run as scripts, and import one another by name


@pytest.fixture(scope="session")
def databases_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three databases, made once and copied for each story."""
    import databases

    folder = tmp_path_factory.mktemp("databases")
    databases.create(folder)
    return folder


@pytest.fixture
def folder(databases_made, tmp_path, monkeypatch):
    """The folder of the project, its databases beside it."""
    import databases

    for store in databases.STORES:
        shutil.copyfile(databases_made / f"{store}.db", tmp_path / f"{store}.db")
    urls = {store: f"sqlite:///{tmp_path / store}.db" for store in databases.STORES}
    for name, url in databases.environment(urls).items():
        monkeypatch.setenv(name, url)
    return databases.project(tmp_path / "project", urls)


@pytest.fixture
def company(folder, clock):
    """The project of the company, with a clock that is set."""
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()
