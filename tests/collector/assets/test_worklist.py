"""What is declared and what events show are held against each other, and each gap is named."""

from collector.assets.sightings import Asset
from collector.assets.worklist import Entry, accepted, entries
from schema.event import Fields
from schema.registers import ALWAYS, FOREVER, Row
from schema.times import DAY

NOW = 1000 * DAY
WHOLE: Fields = {"unit": "tax", "owner": "zhang"}


def row(asset: str, known_from: int = 0, **fields: str | list[str]) -> Row:
    return Row(
        register="assets", key=(asset,), fields={**WHOLE, **fields}, valid_from=ALWAYS,
        valid_to=FOREVER, known_from=known_from, version=1,
    )  # fmt: skip


def seen(host: str, last_at: int = NOW, **ports: int) -> Asset:
    return Asset(
        host, NOW - 5 * DAY, last_at, {one.replace("_", "/"): at for one, at in ports.items()}
    )


def found(rows: list[Row], assets: list[Asset]) -> list[tuple[str, str]]:
    return [(one.finding, one.asset) for one in entries(rows, assets, now=NOW)]


def test_a_host_nobody_declared_is_unknown() -> None:
    assert found([], [seen("web-1")]) == [("unknown", "web-1")]


def test_a_host_is_known_by_its_key_its_name_or_an_address() -> None:
    rows = [row("a-1"), row("a-2", name="web-2"), row("a-3", addresses=["10.0.0.3"])]
    assert found(rows, [seen("a-1"), seen("web-2"), seen("10.0.0.3")]) == []


def test_a_declared_host_silent_for_thirty_days_has_vanished_and_a_new_row_has_not() -> None:
    rows = [row("old"), row("quiet"), row("new", known_from=NOW - DAY)]
    assert found(rows, [seen("quiet", NOW - 29 * DAY)]) == [("vanished", "old")]
    assert found(rows, [seen("quiet", NOW - 30 * DAY)]) == [
        ("vanished", "old"),
        ("vanished", "quiet"),
    ]


def test_a_row_without_unit_or_owner_is_an_orphan() -> None:
    assert found([row("a", owner="")], [seen("a")]) == [("orphan", "a")]


def test_a_port_nobody_approved_is_newly_exposed_since_it_was_seen() -> None:
    rows = [row("a", ports=["tcp/443"])]
    host = seen("a", tcp_443=NOW - 9, tcp_3306=NOW - 7)
    (entry,) = entries(rows, [host], now=NOW)
    assert entry == Entry(
        finding="newly_exposed", asset="a", ports=("tcp/3306",), first_at=NOW - 7, last_at=NOW,
        unit="tax", owner="zhang", seen=host,
    )  # fmt: skip
    assert accepted([entry], rows[0])["ports"] == ["tcp/3306", "tcp/443"]


def in_range(network: str, unit: str) -> Row:
    return Row(
        register="ip_ranges", key=(network,), fields={"unit": unit}, valid_from=ALWAYS,
        valid_to=FOREVER, known_from=0, version=1,
    )  # fmt: skip


def shown(host: str, *addresses: str) -> Asset:
    return Asset(host, NOW, NOW, {}, {"address": addresses})


def test_the_narrowest_range_suggests_whose_an_unknown_host_is() -> None:
    ranges = [
        in_range("10.0.0.0/8", "bureau"), in_range("10.1.0.0/16", "tax"),
        in_range("nonsense", "x"), in_range("fd00::/8", "v6"),
    ]  # fmt: skip
    units = [
        one.suggested_unit
        for one in entries(
            [], [shown("a", "10.1.2.3"), shown("10.2.0.1"), shown("b")], now=NOW, ranges=ranges
        )
    ]
    assert units == ["tax", "bureau", ""]


def test_a_host_under_another_name_is_known_by_an_address_of_its_own() -> None:
    assert found([row("a", addresses=["10.0.0.3"])], [shown("renamed", "10.0.0.3")]) == []


def test_an_accepted_row_carries_unit_owner_and_addresses() -> None:
    (entry,) = entries(
        [], [shown("a", "10.1.2.3")], now=NOW, ranges=[in_range("10.0.0.0/8", "bureau")]
    )
    assert accepted([entry], None) == {"addresses": ["10.1.2.3"], "unit": "bureau"}
    assert accepted([entry], None, unit="tax", owner="zhang") == {
        "addresses": ["10.1.2.3"], "unit": "tax", "owner": "zhang",
    }  # fmt: skip


def test_an_entry_says_what_is_declared_and_what_is_seen() -> None:
    (entry,) = entries([row("a", owner="")], [shown("a", "10.1.2.3")], now=NOW)
    assert (entry.finding, entry.unit, entry.owner) == ("orphan", "tax", "")
    assert entry.seen is not None
    assert entry.seen.values("address") == ("10.1.2.3",)
