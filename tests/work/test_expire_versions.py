"""Old versions of tables go when the map says so, and what is done is on record."""

from datetime import timedelta

import pyarrow as pa
import pytest
from commanding import run
from deltalake import DeltaTable, write_deltalake

MAP = """
store: events
kind: delta
credentials: {{find: "lake://{root}", change: "lake://{root}"}}
controller: main-entity
versions_expire: 30 days
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact}}
    erase: {{do: delete, by: dpo, because: clause 7.4 (a)}}
"""
