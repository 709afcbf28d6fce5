"""A ledger on each engine, and short ways to write to it."""

import pytest

from troth.ledger import append, subjects
from troth.ledger.master_key import MasterKey
from troth.ledger.schema import open_ledger
from troth.rules.event import Draft

MASTER = MasterKey(bytes(range(32)))
OTHER_MASTER = MasterKey(bytes(range(1, 33)))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def urls(request, tmp_path):
    """The URLs of two empty databases, ledger and keys."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db"
    import uuid

    import psycopg

    cluster = request.getfixturevalue("postgresql_cluster")
    made = []
    with psycopg.connect(cluster, autocommit=True) as connection:
        for _ in range(2):
            name = f"ledger_{uuid.uuid4().hex[:10]}"
            connection.execute(f"CREATE DATABASE {name}")
            made.append(cluster.rsplit("/", 1)[0] + "/" + name)
    return tuple(made)


@pytest.fixture
def ledger(urls, clock):
    opened = open_ledger(*urls, MASTER, clock)
    yield opened
    opened.close()


@pytest.fixture
def write(ledger):
    """Write one event about staff reading, or of another kind."""

    def written(stream="site/one", kind="staff_read", **more):
        facts = more.pop("facts", {"staff": "s1", "screen": "queue"})
        return append.append(ledger, [Draft(kind, stream, facts, **more)])[0]

    return written


@pytest.fixture
def ada(ledger):
    return subjects.subject_for(ledger, "email", "ada@example.org")


@pytest.fixture
def proven(ledger, ada):
    """An event with a payload under Ada's key."""
    draft = Draft(
        "address_proven",
        "paper/1",
        {"request": "1", "method": "code"},
        subject=ada,
        request="1",
        payload={"address": "ada@example.org"},
    )
    return append.append(ledger, [draft])[0]
