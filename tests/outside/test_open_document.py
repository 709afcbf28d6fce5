"""Workbooks of LibreOffice are read cell by cell, as its own file format writes them."""

import zipfile

import pytest

from troth.errors import NotAllowedError
from troth.outside import sheet

SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
KIND = "application/vnd.oasis.opendocument.spreadsheet"


def text(said):
    return f'<table:table-cell office:value-type="string"><text:p>{said}</text:p></table:table-cell>'


def cell(type_, value):
    name = "date-value" if type_ == "date" else "boolean-value" if type_ == "boolean" else "value"
    told = f'office:value-type="{type_}" office:{name}="{value}"'
    return f"<table:table-cell {told}><text:p>shown</text:p></table:table-cell>"


def empty(times):
    return f'<table:table-cell table:number-columns-repeated="{times}"/>'


def row(*cells, times=1):
    return f'<table:table-row table:number-rows-repeated="{times}">{"".join(cells)}</table:table-row>'


def workbook(folder, *sheets, kind=KIND, before=""):
    tables = "".join(f'<table:table table:name="{at}">{rows}</table:table>' for at, rows in enumerate(sheets))
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    file = folder / "list.ods"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("mimetype", kind)
        packed.writestr(
            "content.xml", f"{before}<office:document-content {SPACES}>{body}</office:document-content>"
        )
    return file


FIRST = (
    f"<table:table-header-rows>{row(text('Reference'), text('Received on'), text('People'), text('Late'), empty(1020))}"
    "</table:table-header-rows>"
    + row(empty(1024), times=2)
    + row(text("D-1"), cell("date", "2026-09-01"), cell("float", "120"), cell("boolean", "true"))
    + row(text("a<text:s text:c='2'/>b<text:line-break/>c"), empty(1), cell("float", "1.5"), empty(1021))
    + row(text("D-3"), cell("date", "2026-09-01T09:30:00"), times=2)
    + row(empty(1024), times=1048000)
)


def test_rows_are_numbered_and_read_as_the_program_shows_them(tmp_path):
    found = list(sheet.rows(workbook(tmp_path, FIRST, row(text("another sheet")))))
    assert [(one.number, one.cells) for one in found] == [
        (4, {"reference": "D-1", "received_on": "2026-09-01", "people": "120", "late": "True"}),
        (5, {"reference": "a  b\nc", "people": "1.5"}),
        (6, {"reference": "D-3", "received_on": "2026-09-01T09:30:00"}),
        (7, {"reference": "D-3", "received_on": "2026-09-01T09:30:00"}),
    ]
    assert found[0].place("people") == "line 4, cell C4"


def test_what_somebody_noted_at_a_cell_is_no_part_of_it(tmp_path):
    noted = text("D-1").replace(
        "<text:p>", "<office:annotation><text:p>ask Ada</text:p></office:annotation><text:p>"
    )
    (one,) = sheet.rows(workbook(tmp_path, row(text("Reference")) + row(noted)))
    assert one.cells == {"reference": "D-1"}


def test_each_sheet_may_be_a_row(tmp_path):
    first = row(text("Name"), text("Payroll")) + row(text("Data"), text("pay"), text("bank"))
    found = list(sheet.sheets(workbook(tmp_path, first, row(text("Name"), text("Doors")))))
    assert [(one.number, one.cells) for one in found] == [
        (1, {"Name": "Payroll", "Data": "pay: bank"}), (2, {"Name": "Doors"})
    ]  # fmt: skip


def test_what_is_no_workbook_is_refused(tmp_path):
    with pytest.raises(NotAllowedError, match="no OpenDocument workbook"):
        list(sheet.rows(workbook(tmp_path, FIRST, kind="application/vnd.oasis.opendocument.text")))
    (tmp_path / "list.ods").write_bytes(b"PK nothing")
    with pytest.raises(NotAllowedError, match="no OpenDocument workbook"):
        list(sheet.rows(tmp_path / "list.ods"))


def test_no_entity_is_resolved(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not for you", encoding="utf-8")
    before = f'<!DOCTYPE x [<!ENTITY it SYSTEM "{secret.as_uri()}">]>'
    rows = row(text("Reference")) + row(text("D-1 &it;"))
    assert "not for you" not in str(list(sheet.rows(workbook(tmp_path, rows, before=before))))
