"""PostgreSQL keeps the store's promises."""

import pytest

from troth.testing import AmendingTests, StoreTests

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


class TestPostgresql(StoreTests):
    @pytest.fixture
    def world(self, postgresql_database, tested_world):
        return tested_world(postgresql_database)


class TestPostgresqlAmends(AmendingTests):
    @pytest.fixture
    def world(self, postgresql_database, tested_world):
        return tested_world(postgresql_database)
