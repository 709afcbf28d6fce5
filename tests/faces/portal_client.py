"""One portal for many tests that only read: a project, its application and a client, opened once."""

from contextlib import contextmanager
from datetime import UTC, datetime

from litestar.testing import TestClient

from shop_project import make, opened
from troth.faces.portal.application import application

BASE = "http://127.0.0.1:8080"
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@contextmanager
def portal(folder, *, prepare=lambda _: None, change=lambda project: project, clock=lambda: MORNING):
    """Open the project of a folder and yield it with a client of its pages."""
    make(folder)
    prepare(folder)
    project = change(opened(folder, clock))
    with TestClient(application(project), base_url=BASE) as client:
        yield project, client
    project.close()
    project.ledger.close()
