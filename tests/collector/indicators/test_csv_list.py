"""A CSV list is read by its headings, Chinese or English, or as bare values without any."""

import pytest

from collector.indicators.reading import Origin, read
from schema.errors import FengsuiError
from schema.indicators import Indicator
from schema.times import from_written

ORIGIN = Origin(source="test", now=from_written("2026-11-01"))


def listed(text: str, encoding: str = "utf-8") -> list[Indicator]:
    return read(text.encode(encoding), ORIGIN, file="x.csv").indicators


def test_bare_values_need_no_heading() -> None:
    found = listed("# a comment\n198.51.100.7\n\n*.bad.example\n2001:db8::/32\n")
    assert [(one.kind, one.value, one.subdomains) for one in found] == [
        ("address", "198.51.100.7", False),
        ("domain", "bad.example", True),
        ("network", "2001:db8::/32", False),
    ]


def test_every_column_is_read() -> None:
    head = "value,kind,confidence,valid_from,valid_until,labels,note,subdomains\n"
    (one,) = listed(head + "BAD.example,hostname,75,2026-10-01,2026-12-01,a; b,seen,yes\n")
    assert one == Indicator(
        kind="domain", value="bad.example", source="test", confidence=75,
        valid_from=from_written("2026-10-01"), valid_until=from_written("2026-12-01"),
        labels=("a", "b"), note="seen", subdomains=True,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_chinese_headings_are_read(encoding: str) -> None:
    (one,) = listed("指标,类别,说明\n198.51.100.7,ip,挖矿\n", encoding)
    assert (one.value, one.note) == ("198.51.100.7", "挖矿")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("198.51.100.7,mutex", "unknown kind"),
        ("198.51.100.7,domain", "malformed domain"),
        ("x" * 5000 + ",url", "cell too long"),
        (",ip", "malformed address"),
    ],
)
def test_a_row_that_cannot_be_matched_is_named(row: str, reason: str) -> None:
    found = read(f"value,kind\n{row}\n".encode(), ORIGIN, file="x.csv")
    assert (found.indicators, found.refused) == ([], {reason: 1})


@pytest.mark.parametrize("confidence", ["", "-1", "1000", "high", "٣"])
def test_an_odd_confidence_is_as_none(confidence: str) -> None:
    (one,) = listed(f"value,confidence\n198.51.100.7,{confidence}\n")
    assert one.confidence == 50


@pytest.mark.parametrize("data", [b'"open', b"\xff\xff\xff"])
def test_what_is_no_text_or_csv_is_refused(data: bytes) -> None:
    with pytest.raises(FengsuiError, match=r"x\.csv"):
        read(data, ORIGIN, file="x.csv")
