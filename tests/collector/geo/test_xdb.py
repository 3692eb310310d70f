"""An xdb file tells where an address lies; a damaged one says so and never hangs."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import geo_making
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.geo.place import NOWHERE, Place
from collector.geo.xdb import XdbFile
from schema.errors import FengsuiError

RANGES = [
    ("198.18.0.0/24", "中国|0|示例省|示例市|移动"),
    ("198.18.1.0/24", "中国|示例省|邻市|电信|CN"),
    ("203.0.113.0/25", "美国|0|0|0|0"),
    ("10.0.0.0/8", "0|0|0|内网IP|内网IP"),
]
FILE = geo_making.xdb(RANGES)


def opened(folder: Path, data: bytes) -> XdbFile:
    path = folder / "places.xdb"
    path.write_bytes(data)
    return XdbFile(path)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.18.0.0", Place(country="CN", region="示例省", city="示例市")),
        ("198.18.0.255", Place(country="CN", region="示例省", city="示例市")),
        ("198.18.1.7", Place(country="CN", region="示例省", city="邻市")),
        ("203.0.113.127", Place(country="US")),
        ("203.0.113.128", NOWHERE),
        ("198.18.2.0", NOWHERE),
        ("192.0.2.1", NOWHERE),
        ("10.1.2.3", NOWHERE),
        ("2001:db8::1", NOWHERE),
    ],
)
def test_the_first_and_last_address_of_a_range_lie_in_it(tmp_path, address, place) -> None:
    assert opened(tmp_path, FILE).find(ip_address(address)) == place


def test_a_file_of_ipv6_is_read_too(tmp_path) -> None:
    file = opened(tmp_path, geo_making.xdb([("2001:db8:1::/48", "德国|0|0|0|0")], version=6))
    assert file.find(ip_address("2001:db8:1::5")).country == "DE"
    assert file.find(ip_address("2001:db8:2::5")) == NOWHERE
    assert file.find(ip_address("198.18.0.1")) == NOWHERE


@pytest.mark.parametrize("data", [b"", b"no geo file", b"\1" + FILE[1:], FILE[:-60]])
def test_what_is_no_such_file_is_refused_by_name(tmp_path, data) -> None:
    with pytest.raises(FengsuiError, match=r"places\.xdb") as found:
        opened(tmp_path, data)
    assert found.value.code == "collector.geo.corrupt"


@settings(max_examples=200, deadline=None)
@given(
    at=st.integers(0, len(FILE) - 1) | st.integers(256 + 256 * 256 * 8, len(FILE) - 1),
    byte=st.integers(0, 255),
    address=st.sampled_from(["198.18.0.9", "198.18.1.9", "203.0.113.9"]),
)
def test_any_changed_byte_gives_a_place_or_a_clear_error(
    tmp_path_factory, at, byte, address
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = bytearray(FILE)
    data[at] = byte
    told = ""
    try:
        found: object = opened(folder, bytes(data)).find(ip_address(address))
    except FengsuiError as error:
        found, told = None, error.code
    assert isinstance(found, Place) or told == "collector.geo.corrupt"
