"""MariaDB keeps the store's promises."""

import pytest

from troth.testing import StoreTests

pytestmark = [pytest.mark.mariadb, pytest.mark.slow]


class TestMariadb(StoreTests):
    @pytest.fixture
    def world(self, mariadb_database, tested_world):
        return tested_world(mariadb_database)
