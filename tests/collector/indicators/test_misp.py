"""MISP attributes meant for detection become indicators; the others are named and counted."""

import json

import pytest

from collector.indicators.entry import Found
from collector.indicators.reading import Origin, read
from schema.indicators import Kind
from schema.times import SECOND, from_written

ORIGIN = Origin(source="test", now=from_written("2026-11-01"))


def attribute(kind: str, value: str, **more: object) -> dict[str, object]:
    return {"type": kind, "value": value, "to_ids": True, **more}


def of(*attributes: dict[str, object]) -> Found:
    event = {"Event": {"info": "made up", "Attribute": attributes}}
    return read(json.dumps(event).encode(), ORIGIN, file="x.json")


TAKEN: list[tuple[str, str, list[tuple[Kind, str]]]] = [
    ("ip-src", "198.51.100.7", [("address", "198.51.100.7")]),
    ("ip-dst", "198.51.100.0/24", [("network", "198.51.100.0/24")]),
    ("domain", "bad.example", [("domain", "bad.example")]),
    ("hostname", "www.bad.example", [("domain", "www.bad.example")]),
    ("url", "http://bad.example/", [("url", "http://bad.example/")]),
    ("md5", "a" * 32, [("hash", "a" * 32)]),
    ("sha256", "B" * 64, [("hash", "b" * 64)]),
    ("x509-fingerprint-sha1", "c" * 40, [("certificate", "c" * 40)]),
    ("ip-dst|port", "198.51.100.7|443", [("address", "198.51.100.7")]),
    ("filename|sha1", "x.exe|" + "d" * 40, [("hash", "d" * 40)]),
    (
        "domain|ip",
        "bad.example|198.51.100.7",
        [("domain", "bad.example"), ("address", "198.51.100.7")],
    ),
]


@pytest.mark.parametrize(("kind", "value", "values"), TAKEN)
def test_an_attribute_is_its_values(kind: str, value: str, values: list[tuple[Kind, str]]) -> None:
    found = of(attribute(kind, value))
    assert [(one.kind, one.value) for one in found.indicators] == values
    assert not found.refused


def test_a_domain_stands_for_all_below_it_and_a_hostname_for_itself() -> None:
    found = of(attribute("domain", "a.example"), attribute("hostname", "b.example"))
    assert [one.subdomains for one in found.indicators] == [True, False]


def test_what_is_not_for_detection_is_counted() -> None:
    found = of(
        attribute("ip-src", "198.51.100.7", to_ids=False),
        attribute("ip-src", "198.51.100.8", deleted="1"),
        attribute("mutex", "x"),
        {"type": "ip-src", "to_ids": True},
    )
    assert found.indicators == []
    assert found.refused == {
        "not for detection (to_ids)": 1, "deleted": 1, "type mutex": 1, "no attribute": 1,
    }  # fmt: skip


def test_comment_tags_and_time_are_kept() -> None:
    (one,) = of(
        attribute("ip-src", "198.51.100.7", to_ids="1", comment="seen once", timestamp="1790000000",
                  Tag=[{"name": "tlp:amber"}])
    ).indicators  # fmt: skip
    assert (one.note, one.labels) == ("made up: seen once", ("tlp:amber",))
    assert one.valid_from == 1_790_000_000 * SECOND


ATTRIBUTES = [attribute("ip-src", "198.51.100.7")]
FORMS: dict[str, object] = {
    "an event": {"Event": {"Attribute": ATTRIBUTES}},
    "an event without its wrapping": {"Attribute": ATTRIBUTES},
    "a list": [{"Event": {"Attribute": ATTRIBUTES}}],
    "an answer with events": {"response": [{"Event": {"Attribute": ATTRIBUTES}}]},
    "an answer with attributes": {"response": {"Attribute": ATTRIBUTES}},
    "an object": {"Event": {"Object": [{"name": "file", "Attribute": ATTRIBUTES}]}},
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_of_export_is_read(content: object) -> None:
    found = read(json.dumps(content).encode(), ORIGIN, file="x.json")
    assert [one.value for one in found.indicators] == ["198.51.100.7"]


def test_a_deleted_object_is_left_out() -> None:
    content = {"Event": {"Object": [{"deleted": True, "Attribute": ATTRIBUTES}]}}
    assert read(json.dumps(content).encode(), ORIGIN, file="x.json").indicators == []
