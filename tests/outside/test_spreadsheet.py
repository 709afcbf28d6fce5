"""A day in a spreadsheet is the day that was written, in every program that reads it."""

from datetime import datetime
from io import BytesIO

import pytest

from troth.outside import spreadsheet


def test_days_before_march_1900_stay_words():
    openpyxl = pytest.importorskip("openpyxl")
    days = ["1899-12-31", "1900-01-01", "1900-02-28", "1900-03-01", "2026-11-23", "0001-01-01"]
    made = spreadsheet.xlsx("days", ["day"], [[day] for day in days])
    sheet = openpyxl.load_workbook(BytesIO(made)).active
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        "1899-12-31", "1900-01-01", "1900-02-28", datetime(1900, 3, 1), datetime(2026, 11, 23), "0001-01-01",
    ]  # fmt: skip
