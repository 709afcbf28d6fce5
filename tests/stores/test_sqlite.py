"""SQLite keeps the store's promises."""

import pytest

from troth.testing import AmendingTests, StoreTests, SweepingTests


class TestSqlite(StoreTests):
    @pytest.fixture
    def world(self, sqlite_database, tested_world):
        return tested_world(sqlite_database)


class TestSqliteSweeps(SweepingTests):
    @pytest.fixture
    def world(self, sqlite_database, tested_world):
        return tested_world(sqlite_database)


class TestSqliteAmends(AmendingTests):
    @pytest.fixture
    def world(self, sqlite_database, tested_world):
        return tested_world(sqlite_database)
