"""The servers that tests stand on are real."""

import psycopg


def test_postgresql_answers(postgresql):
    with psycopg.connect(postgresql) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
