"""The exchange alive: the same deeds leave the same events as in memory, but for what only truth
can give."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from district.sharing.gateway import ANSWER_BYTES
from district.sharing.system import CALLERS, CONTROL, EXCHANGE, FLOWS, GATEWAY, UPLOADS, Sharing
from district.stream import EVENTS

from schema.event import Fields
from schema.times import from_text
from sensors.mask import Masker
from sensors.sources import Context, Format, open_format

pytestmark = pytest.mark.service
SEED, VOLUME = 5, 0.3
LONGEST_S = 400
"""Ten seconds of servers that start, and some thousand deeds, beside whatever else runs."""
"""Budget: 10 ms a deed. This machine may be doing other things; a deed that waits for a delayed
acknowledgement takes 40."""
LATE_US_MAX = 10_000_000
NEEDED = ("nginx", "unshare", "ip", "runuser", "openssl")
STREAMS = {stream.name: stream for stream in Sharing.streams}
FRIENDLY = 402
"""Bytes that nginx adds to short error pages for Chrome, so that it shows them
(``msie_padding``)."""


class Done(NamedTuple):
    """What one deed left behind, in memory and for real."""

    act: str
    generated: dict[str, list[Fields]]
    living: dict[str, list[Fields]]
    episodes: tuple[list[str], list[str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    missing += [] if Path("/usr/lib/postgresql/15/bin/initdb").exists() else ["PostgreSQL 15"]
    missing += [name for name in ("pg8000", "zstandard") if importlib.util.find_spec(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"a living exchange needs Linux, root and {' '.join(missing) or NEEDED}")
    out = tmp_path_factory.mktemp("sharing") / "told.json"
    script = Path(__file__).with_name("_sharing_town.py")
    command = (sys.executable, str(script), str(out), str(SEED), str(VOLUME))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_S, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(out.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def deeds(told: dict[str, object]) -> list[Done]:
    read = reader()
    found = told["deeds"]
    assert isinstance(found, list)
    return [
        Done(
            act=deed["act"],
            generated=read(deed["generated"]),
            living=read(deed["living"]),
            episodes=(
                [line[3] for line in deed["generated"]],
                [line[3] for line in deed["living"]],
            ),
        )
        for deed in found
    ]


def reader() -> Callable[[list[list[object]]], dict[str, list[Fields]]]:
    """Reads lines by the product's own formats, as its sensor does."""
    forms: dict[str, Format] = {
        name: open_format(stream.form) for name, stream in STREAMS.items() if stream.form != EVENTS
    }

    def read(lines: list[list[object]]) -> dict[str, list[Fields]]:
        found: dict[str, list[Fields]] = defaultdict(list)
        for at, name, text, _ in lines:
            stream, moment = STREAMS[str(name)], int(str(at))
            if isinstance(text, dict):
                found[stream.name].append(text)
                continue
            context = Context(
                host=stream.host, utc_offset_minutes=480, now=lambda moment=moment: moment
            )
            found[stream.name] += forms[stream.name].parse([str(text).encode()], context)
        return dict(found)

    return read


def pairs(deeds: list[Done], stream: str) -> Iterator[tuple[Fields, Fields, str]]:
    for deed in deeds:
        generated, living = deed.generated.get(stream, []), deed.living.get(stream, [])
        yield from ((made, lived, deed.act) for made, lived in zip(generated, living, strict=True))


def differing(
    deeds: list[Done], stream: str
) -> dict[str, list[tuple[object, object, Fields, str]]]:
    """Which fields differ, and each time how."""
    found: dict[str, list[tuple[object, object, Fields, str]]] = defaultdict(list)
    for made, lived, act in pairs(deeds, stream):
        for name in sorted({*made, *lived}):
            if made.get(name) != lived.get(name):
                found[name].append((made.get(name), lived.get(name), lived, act))
    return dict(found)


def late_us(values: tuple[object, object, Fields, str]) -> int:
    return from_text(str(values[1])) - from_text(str(values[0]))


def test_each_deed_leaves_as_many_events_of_the_same_episodes(deeds: list[Done]) -> None:
    assert len(deeds) > 1000
    for deed in deeds:
        made = {name: len(events) for name, events in deed.generated.items()}
        lived = {name: len(events) for name, events in deed.living.items()}
        assert made == lived, deed.act
        assert Counter(deed.episodes[0]) == Counter(deed.episodes[1])
        for events in deed.living.values():
            assert all(event["event.action"] != "unparsed" for event in events)


def test_the_exchange_says_the_same_of_each_call(deeds: list[Done]) -> None:
    differ = differing(deeds, EXCHANGE)
    assert set(differ) <= {
        "@timestamp", "event.original", "trace.id", "gov.share.rtime", "gov.share.sign_sm3",
        "observer.name", "labels.ms",
    }  # fmt: skip
    assert all(0 <= late_us(one) < LATE_US_MAX for one in differ["@timestamp"])
    # The console signs a moment after the clerk asked.
    assert all("user=''" not in act for *_, act in differ["gov.share.rtime"])
    assert len(differ["gov.share.sign_sm3"]) == len(differ["gov.share.rtime"])
    assert all(act.startswith("CallBack") for *_, act in differ["labels.ms"])
    codes = {str(lived["gov.share.status"]) for _, lived, _ in pairs(deeds, EXCHANGE)}
    assert codes >= {"0", "4040", "4102", "4103", "4105"}


def test_what_was_caught_before_the_databases_took_over_is_known_as_a_replay_after(
    deeds: list[Done],
) -> None:
    (again,) = (deed for deed in deeds if "across midnight" in deed.act)
    (event,) = again.living[EXCHANGE]
    assert event["gov.share.status"] == "4105"
    # Signed anew: the old private keys are left in memory.
    assert event["gov.crypto.sig_valid"] is True


def test_a_stopped_node_answers_nobody_and_the_other_one_takes_its_calls(
    deeds: list[Done],
) -> None:
    differ = differing(deeds, EXCHANGE)
    taken_over = {str(one[0]) for one in differ["observer.name"]}
    assert taken_over
    places = [str(lived.get("labels.upstream_addr", "")) for _, lived, _ in pairs(deeds, GATEWAY)]
    assert any("," in place for place in places)
    beats = [deed for deed in deeds if deed.act.startswith("HeartBeat")]
    assert any(not deed.living for deed in beats)


def test_the_real_gateway_writes_what_the_template_says(deeds: list[Done]) -> None:
    differ = differing(deeds, GATEWAY)
    assert set(differ) <= {
        "@timestamp", "event.original", "http.request.id", "labels.request_time",
        "labels.upstream_addr", "http.response.body.bytes",
    }  # fmt: skip
    assert all(0 <= late_us(one) < LATE_US_MAX for one in differ["@timestamp"])
    for made, lived, event, act in differ["http.response.body.bytes"]:
        if "union" in act:
            assert min(int(str(made)), int(str(lived))) > ANSWER_BYTES
        else:
            assert int(str(lived)) - int(str(made)) == FRIENDLY
            assert "Chrome" in str(event["user_agent.original"])
    statuses = {lived["http.response.status_code"] for _, lived, _ in pairs(deeds, GATEWAY)}
    assert statuses >= {200, 401, 403, 404, 409, 500, 502}


def test_callers_note_the_same_of_their_calls(deeds: list[Done]) -> None:
    differ = differing(deeds, CALLERS)
    assert set(differ) <= {"@timestamp", "event.original", "labels.cost"}
    assert all(abs(late_us(one)) < LATE_US_MAX for one in differ["@timestamp"])


def test_uploads_are_found_marked_or_protected_by_the_sensor_itself(deeds: list[Done]) -> None:
    masker = Masker(bytes(32))
    marked, protected = 0, 0
    for made, lived, act in pairs(deeds, UPLOADS):
        masker.mask([made, lived])
        assert made.get("gov.mask.rule") == lived.get("gov.mask.rule"), act
        assert made["user.id"] == lived["user.id"]
        assert made["organization.id"] == lived["organization.id"]
        assert made["file.name"] == lived["file.name"]
        is_marked, is_protected = "gov.mask.rule" in lived, "classified file" in act
        marked, protected = marked + is_marked, protected + is_protected
        if is_protected:
            assert made["file.hash.sm3"] == lived["file.hash.sm3"]
            assert lived["event.reason"] == "protected_file"
        assert lived["event.action"] == (
            "file_refused" if is_marked or is_protected else "file_uploaded"
        )
    assert marked
    assert protected


def test_what_is_not_carried_out_for_real_is_as_generated(deeds: list[Done]) -> None:
    for stream in (FLOWS, CONTROL):
        assert list(pairs(deeds, stream))
        assert differing(deeds, stream) == {}


def test_call_backs_are_really_fetched_even_where_clouds_keep_their_secrets(
    told: dict[str, object], deeds: list[Done]
) -> None:
    acts = [deed for deed in deeds if deed.act.startswith("CallBack")]
    assert told["reached"] == len(acts)
    assert all(
        event["event.outcome"] == "success" for deed in acts for event in deed.living[EXCHANGE]
    )
    assert any("169.254.169.254" in deed.act for deed in acts)
