"""A day in a spreadsheet is the day that was written, in every program that reads it; each sheet has its name."""

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


def test_every_sheet_has_a_name_of_its_own_that_spreadsheets_accept():
    openpyxl = pytest.importorskip("openpyxl")
    long = "Relations with customers and prospects"
    sheets = [(title, ["a"], [["1"]]) for title in (long, long.upper(), "'quoted'", "[]:*?/\\", "two\nlines")]
    names = openpyxl.load_workbook(BytesIO(spreadsheet.workbook(sheets))).sheetnames
    assert names == [
        "Relations with customers and pr", "RELATIONS WITH CUSTOMERS AND 2", "quoted", "Troth", "twolines",
    ]  # fmt: skip
    assert len({name.casefold() for name in names}) == len(names)
    assert max(map(len, names)) <= 31
