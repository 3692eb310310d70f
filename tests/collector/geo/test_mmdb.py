"""A MaxMind DB file tells where an address lies; a damaged one says so and never hangs."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import geo_making
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.geo import mmdb
from collector.geo.mmdb import MmdbFile
from collector.geo.place import NOWHERE, Place
from schema.errors import FengsuiError

RECORDS: list[tuple[str, dict[str, object]]] = [
    ("198.18.0.0/24", geo_making.CITY),
    ("198.18.1.0/24", {"autonomous_system_number": 64500}),
    ("2001:db8::/32", {"country": {"iso_code": "DE"}}),
]
FILE = geo_making.mmdb(RECORDS)


def opened(folder: Path, data: bytes) -> MmdbFile:
    path = folder / "places.mmdb"
    path.write_bytes(data)
    return MmdbFile(path)


@pytest.mark.parametrize("bits", [24, 28, 32])
def test_each_width_of_record_gives_the_same_places(tmp_path, bits) -> None:
    file = opened(tmp_path, geo_making.mmdb(RECORDS, bits=bits))
    here = Place(country="CN", region="示例省", city="示例市")
    assert file.find(ip_address("198.18.0.255")) == here
    assert file.find(ip_address("198.18.1.1")) == Place(as_number=64500)
    assert file.find(ip_address("2001:db8::9")) == Place(country="DE")
    assert file.find(ip_address("198.18.2.1")) == NOWHERE
    assert file.find(ip_address("2001:db9::1")) == NOWHERE


def test_a_file_of_ipv4_alone_tells_nothing_of_ipv6(tmp_path) -> None:
    file = opened(tmp_path, geo_making.mmdb(RECORDS[:1], version=4))
    assert file.find(ip_address("198.18.0.1")).country == "CN"
    assert file.find(ip_address("2001:db8::1")) == NOWHERE


@pytest.mark.parametrize("data", [b"", b"no geo file", FILE[:-40], mmdb.MARK + b"\xe0"])
def test_what_is_no_such_file_is_refused_by_name(tmp_path, data) -> None:
    with pytest.raises(FengsuiError, match=r"places\.mmdb") as found:
        opened(tmp_path, data)
    assert found.value.code == "collector.geo.corrupt"


def test_a_record_that_unfolds_without_end_is_refused(tmp_path) -> None:
    # Each list holds two pointers to the list before it.
    lists = b"\x00\x04" + b"".join(b"\x02\x04" + bytes([0x20, to]) * 2 for to in range(0, 90, 6))
    data = geo_making.mmdb([("198.18.0.0/24", {"x": "y"})])
    head, _, about = data.partition(b"\xe1\x41x\x41y")
    last = len(lists) - 6
    file = opened(tmp_path, head + b"\x20" + bytes([last + 2]) + lists + about)
    with pytest.raises(FengsuiError) as found:
        file.find(ip_address("198.18.0.1"))
    assert found.value.code == "collector.geo.corrupt"


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(FILE) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_gives_a_place_or_a_clear_error(tmp_path_factory, at, byte) -> None:
    data = bytearray(FILE)
    data[at] = byte
    told = ""
    try:
        file = opened(tmp_path_factory.getbasetemp(), bytes(data))
        found: object = file.find(ip_address("198.18.0.9"))
    except FengsuiError as error:
        found, told = None, error.code
    assert isinstance(found, Place) or told == "collector.geo.corrupt"
