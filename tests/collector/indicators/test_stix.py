"""A STIX pattern of values becomes those values; any other is refused by name, never halved."""

import json

import pytest

from collector.indicators.entry import Found
from collector.indicators.reading import Origin, read
from schema.indicators import Kind
from schema.times import from_written

ORIGIN = Origin(source="test", now=from_written("2026-11-01"))


def bundle(*objects: dict[str, object]) -> bytes:
    return json.dumps({"type": "bundle", "id": "bundle--made-up", "objects": objects}).encode()


def of(pattern: str, **more: object) -> Found:
    return read(
        bundle({"type": "indicator", "spec_version": "2.1", "pattern": pattern, **more}),
        ORIGIN,
        file="x.json",
    )


TAKEN: list[tuple[str, list[tuple[Kind, str]]]] = [
    ("[ipv4-addr:value = '198.51.100.7']", [("address", "198.51.100.7")]),
    ("[ipv4-addr:value = '198.51.100.0/24']", [("network", "198.51.100.0/24")]),
    ("[ipv6-addr:value = '2001:DB8::1']", [("address", "2001:db8::1")]),
    ("[domain-name:value='BAD.example']", [("domain", "bad.example")]),
    ("[url:value = 'http://bad.example/it\\'s']", [("url", "http://bad.example/it's")]),
    (f"[file:hashes.'SHA-256' = '{'A' * 64}']", [("hash", "a" * 64)]),
    (f"[file:hashes.MD5 = '{'b' * 32}']", [("hash", "b" * 32)]),
    (f"[file:hashes.'SHA-1' = '{'c' * 40}']", [("hash", "c" * 40)]),
    (f"[file:hashes.SM3 = '{'d' * 64}']", [("hash", "d" * 64)]),
    (f"[x509-certificate:hashes.'SHA-1' = '{'e' * 40}']", [("certificate", "e" * 40)]),
    ("[x509-certificate:serial_number = '00:1f']", [("certificate", "1f")]),
    (
        "[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'bad.example']",
        [("address", "198.51.100.7"), ("domain", "bad.example")],
    ),
    (
        "([domain-name:value = 'a.example'] OR [domain-name:value = 'b.example'])",
        [("domain", "a.example"), ("domain", "b.example")],
    ),
]


@pytest.mark.parametrize(("pattern", "values"), TAKEN)
def test_a_pattern_of_values_is_those_values(pattern: str, values: list[tuple[Kind, str]]) -> None:
    found = of(pattern)
    assert [(one.kind, one.value) for one in found.indicators] == values
    assert not found.refused


REFUSED = [
    ("[ipv4-addr:value = '198.51.100.7' AND url:value = 'http://x/']", "pattern with AND"),
    ("[url:value = 'http://x/'] FOLLOWEDBY [url:value = 'http://y/']", "pattern with FOLLOWEDBY"),
    ("[url:value = 'http://x/'] WITHIN 5 SECONDS", "pattern with WITHIN"),
    ("[url:value LIKE 'http://%']", "operator LIKE"),
    ("[url:value MATCHES '.*']", "operator MATCHES"),
    ("[url:value != 'x']", "operator !"),
    ("[url:value IN ('x')]", "operator IN"),
    ("[NOT url:value = 'x']", "pattern with NOT"),
    ("[process:name = 'x']", "property process:name"),
    ("[file:name = 'x.exe']", "property file:name"),
    ("[file:hashes.SSDEEP = 'x']", "property file:hashes.SSDEEP"),
    ("[ipv4-addr:value = 5]", "value that is no text"),
    ("[ipv4-addr:value = '198.51.100.7'", "malformed pattern"),
    ("[ipv4-addr:value = '198.51.100.7", "value that is no text"),
    ("", "pattern empty or too long"),
    ("[" + "x" * 20_000, "pattern empty or too long"),
    ("[" + " OR ".join(f"url:value = 'http://x/{n}'" for n in range(300)) + "]", "too many values"),
]


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_any_other_pattern_is_refused_by_name(pattern: str, reason: str) -> None:
    found = of(pattern)
    assert found.indicators == []
    ((told, count),) = found.refused.items()
    assert reason in told
    assert count == 1


def test_times_confidence_labels_and_name_are_kept() -> None:
    (one,) = of(
        "[domain-name:value = 'bad.example']",
        valid_from="2026-10-01T00:00:00.000Z", valid_until="2026-12-01T00:00:00Z", confidence=85,
        labels=["c2"], indicator_types=["malicious-activity"], name="made up", description="why",
    ).indicators  # fmt: skip
    assert (one.valid_from, one.valid_until) == (
        from_written("2026-10-01"), from_written("2026-12-01"),
    )  # fmt: skip
    assert (one.confidence, one.labels) == (85, ("c2", "malicious-activity"))
    assert one.note == "made up: why"
    assert not one.subdomains


def test_what_is_no_standing_stix_indicator_is_refused_by_name() -> None:
    some: list[dict[str, object]] = [
        {"type": "malware", "name": "x"},
        {"type": "indicator", "pattern": "[url:value = 'http://x/']", "revoked": True},
        {"type": "indicator", "pattern": "alert tcp any", "pattern_type": "snort"},
        {},
    ]
    found = read(bundle(*some), ORIGIN, file="x.json")
    assert found.refused == {
        "object malware": 1, "revoked": 1, "pattern type snort": 1, "object NoneType": 1,
    }  # fmt: skip
