"""An XLSX file is read as a CSV file is, and can neither blow up nor slip in a formula."""

import io
import zipfile

import pytest

from collector.registers import spreadsheet
from collector.registers.description import load
from collector.registers.importer import read
from schema.errors import FengsuiError
from schema.registers import Draft, unpack_fields, unpack_key
from schema.times import from_written
from sensors.mask import Masker

MASK = Masker(bytes(32)).mask
DESCRIPTIONS = load()
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TITLES = ("请求方", "服务", "授权编号", "每日配额", "valid_from")
DAY = '<c s="1"><v>46023</v></c>'
"""2026-01-01 as a sheet holds it: days since 1899-12-30."""


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def line(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


def book(*rows: str, more: dict[str, bytes] | None = None, hidden: bool = False) -> bytes:
    """A small true workbook; a hidden sheet may stand first."""
    state = ' state="hidden"' if hidden else ""
    sheets = f'<sheet name="一" sheetId="1"{state} r:id="r1"/>'
    sheets += '<sheet name="二" sheetId="2" r:id="r2"/>' if hidden else ""
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in (1, 2)
    )
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{{}}</sheetData></worksheet>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="b" '
        f'Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{sheets}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        f'<Relationship Id="s" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": sheet.format("" if hidden else "".join(rows)),
        "xl/worksheets/sheet2.xml": sheet.format("".join(rows)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in parts.items():
            packed.writestr(name, body)
        for name, raw in (more or {}).items():
            packed.writestr(name, raw)
    return out.getvalue()


HEAD = line(*map(text, TITLES))


def rows(data: bytes, register: str = "grants") -> list[Draft]:
    return read(DESCRIPTIONS.get(register), data, file="g.XLSX", mask=MASK)


def refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(FengsuiError) as caught:
        rows(data)
    return caught.value.code.rpartition(".")[2], str(caught.value)


def test_texts_numbers_and_dates_are_read_as_from_csv() -> None:
    row = line(text("甲局"), text("婚姻登记"), text("G1"), "<c><v>100</v></c>", DAY)
    (found,) = rows(book(HEAD, "<row/>", row))
    assert unpack_key(found.key) == ("甲局", "婚姻登记")
    assert unpack_fields(found.fields) == {"grant": "G1", "quota_per_day": 100}
    assert found.valid_from == from_written("2026-01-01")


def test_a_hidden_sheet_is_not_the_register() -> None:
    row = line(text("甲局"), text("婚姻登记"), text("G1"))
    assert len(rows(book(HEAD, row, hidden=True))) == 1


def test_a_formula_is_refused_and_not_believed() -> None:
    row = line(text("a"), text("b"), text("c"), "<c><f>50+50</f><v>100</v></c>")
    reason, told = refused(book(HEAD, row))
    assert reason == "cell"
    assert "formulas" in told


def test_a_number_a_sheet_cannot_hold_exactly_is_refused_with_its_line() -> None:
    row = line("<c><v>6222021234567890123</v></c>", text("b"), text("c"))
    reason, told = refused(book(HEAD, row))
    assert reason == "cell"
    assert "line 2" in told
    assert "6222" not in told


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "UNPACKED_BYTES_MAX", 2_000_000)
    data = book(HEAD, more={"xl/media/a.bin": bytes(50_000_000)})
    assert len(data) < 100_000
    assert refused(data)[0] == "too_large"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no archive", b"requester,service\n"])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    assert refused(data)[0] == "file"


def test_cells_beside_the_columns_are_refused() -> None:
    row = line(*map(text, ("a", "b", "c", "1", "2026-01-01", "stray")))
    assert refused(book(HEAD, row))[0] == "file"


def test_the_shipped_calendar_imports_and_marks_holidays_and_make_up_days() -> None:
    from importlib import resources

    data = resources.files("collector.registers").joinpath("data/calendar-2026.csv").read_bytes()
    found = read(DESCRIPTIONS.get("calendar"), data, file="calendar-2026.csv", mask=MASK)
    days = {unpack_key(one.key)[0]: unpack_fields(one.fields)["working"] for one in found}
    assert (len(days), sum(map(bool, days.values()))) == (39, 6)
    assert days["2026-10-01"] is False
    assert days["2026-10-10"] is True
