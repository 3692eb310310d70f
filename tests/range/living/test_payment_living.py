"""A day of payments, lived on real servers, against the same day made in memory."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from district.payment import make
from district.run import District
from district.stream import EVENTS, Stream

from schema import times
from schema.event import Fields
from sensors.sources import Context, open_format

pytestmark = pytest.mark.service
ROOT = Path(__file__).parents[3]
WEEK = dt.date(2026, 11, 16)
SEED, WARM_UP, VOLUME = 5, 6, 0.3
LATE_US = 2 * times.SECOND
"""What a deed of a minute's second takes at most on a machine that does other things too."""
"""Four times the budget of 10 ms: this machine may be busy. The recording tells its own figure."""
NUMBERS = frozenset(
    {
        "gov.pay.notice_no", "gov.pay.order_id", "gov.pay.receipt_no", "gov.pay.refund_id",
        "gov.pay.trans_id", "http.request.id",
    }
)  # fmt: skip
"""Given out in turn: two deeds in the same millisecond may change places."""
TIMES = frozenset({"@timestamp", "event.original", "labels.time"})


@dataclass
class Lived:
    """What was recorded, and what the same seed gives in memory."""

    streams: Sequence[Stream]
    real: dict[str, list[Fields]]
    made: dict[str, list[Fields]]
    labels: dict[str, object]
    released: set[str]
    """What stands in the register of releases, fingerprints among it."""


def missing() -> str:
    """Why the district cannot live here."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return "namespaces need Linux and root"
    for program in ("unshare", "nginx", "runuser", "/usr/lib/postgresql/15/bin/postgres"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    for package in ("pg8000", "zstandard"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed (range/README.md)"
    return ""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    if reason := missing():
        pytest.skip(reason)
    out = tmp_path_factory.mktemp("lived")
    command = (
        sys.executable, ROOT / "range/living/record.py", out, "--systems", "payment", "--days", "1",
        "--warm-up", str(WARM_UP), "--seed", str(SEED), "--volume", str(VOLUME),
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return read(out)


def read(out: Path) -> Lived:
    district = District(
        [make], seed=SEED, volume=VOLUME, warm_up=WARM_UP, measured=1,
        first=WEEK - dt.timedelta(days=WARM_UP),
    )  # fmt: skip
    lines: dict[str, list[str | Fields]] = defaultdict(list)
    for today in district.run():
        for line in today.lines if today.day.measured else ():
            lines[line.stream].append(line.text)
    real, made = {}, {}
    for stream in district.streams:
        real[stream.name] = events(stream, recorded(out / f"{stream.name}.zst"))
        made[stream.name] = events(stream, [encoded(stream, one) for one in lines[stream.name]])
    released: set[str] = set()
    for path in (out / "registers").rglob("*releases*"):
        released.update(path.read_text("utf-8").replace('"', ",").split(","))
    labels = json.loads((out / "labels.json").read_text("utf-8"))
    return Lived(district.streams, real, made, labels, released)


def recorded(path: Path) -> list[bytes]:
    import zstandard

    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().split(b"\n")[:-1]


def encoded(stream: Stream, text: str | Fields) -> bytes:
    return text.encode(stream.encoding) if isinstance(text, str) else json.dumps(text).encode()


def events(stream: Stream, raw: Sequence[bytes]) -> list[Fields]:
    if stream.form == EVENTS:
        return [json.loads(line) for line in raw]
    context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: 0)
    return open_format(stream.form).parse(list(raw), context)


def by_content(rows: Iterable[Fields]) -> dict[str, list[int]]:
    """Times of events that say the same, whatever their numbers."""
    found: dict[str, list[int]] = defaultdict(list)
    for fields in rows:
        said = {key: value for key, value in fields.items() if key not in NUMBERS | TIMES}
        numbered = sorted(NUMBERS & fields.keys())
        found[json.dumps([said, numbered], sort_keys=True)].append(
            times.from_text(str(fields["@timestamp"]))
        )
    return {key: sorted(at) for key, at in found.items()}


@pytest.mark.parametrize(
    "stream",
    [
        "payment-platform.jsonl", "payment-nontax.jsonl", "payment-bank.txt",
        "payment-treasury.txt",
    ],
)  # fmt: skip
def test_real_services_leave_what_the_generated_ones_do_field_by_field(
    lived: Lived, stream: str
) -> None:
    real, made = by_content(lived.real[stream]), by_content(lived.made[stream])
    assert real
    counts = {key: len(at) for key, at in real.items()}
    assert counts == {key: len(at) for key, at in made.items()}
    for key, at in made.items():
        late = [there - here for here, there in zip(at, real[key], strict=True)]
        assert all(-LATE_US <= one <= LATE_US for one in late), (key, late)


def test_an_order_goes_through_the_same_steps(lived: Lived) -> None:
    def steps(rows: Iterable[Fields]) -> Counter[tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for fields in rows:
            if order := fields.get("gov.pay.order_id"):
                found[str(order)].append(f"{fields['event.action']} {fields['event.outcome']}")
        return Counter(map(tuple, found.values()))

    name = "payment-platform.jsonl"
    assert len(lived.real[name]) > 300
    assert steps(lived.real[name]) == steps(lived.made[name])


def told(rows: Iterable[Fields], *names: str) -> list[tuple[object, ...]]:
    return [tuple(fields.get(name) for name in names) for fields in rows]


def test_the_products_own_probe_sees_the_pages_that_nginx_serves(lived: Lived) -> None:
    real, made = lived.real["portal-probe"], lived.made["portal-probe"]
    same = ("event.action", "event.outcome", "http.response.status_code", "url.full", "url.domain")
    assert told(real, *same) == told(made, *same)
    assert set(made[0]) <= set(real[0])
    # A page changes for the probe exactly when it does in memory.
    assert patterns(real, "event.hash") == patterns(made, "event.hash")


def patterns(rows: Iterable[Fields], name: str) -> list[tuple[object, int]]:
    """Each page's fingerprints, by the turn in which they were first seen."""
    turns: dict[object, dict[object, int]] = defaultdict(dict)
    return [
        (
            page := fields["url.full"],
            turns[page].setdefault(fields[name], len(turns[page])),
        )
        for fields in rows
    ]


def test_the_products_own_watch_sees_each_page_that_changed(lived: Lived) -> None:
    names = ("event.action", "file.path", "file.owner", "file.name", "file.extension", "host.name")
    before: dict[object, object] = {}
    changed = []
    for fields in lived.made["portal-files"]:
        path, digest = fields["file.path"], (fields["file.hash.sm3"], fields["file.owner"])
        # What is written again as it stood there is no change to a file watch.
        if before.get(path) != digest:
            changed.append(fields)
        before[path] = digest
    real = lived.real["portal-files"]
    assert told(real, *names) == told(changed, *names)
    assert {fields["file.owner"] for fields in real} == {"deploy", "www-data"}


def test_released_pages_look_as_the_register_says_and_defaced_ones_do_not(lived: Lived) -> None:
    def known(fields: Fields, name: str) -> bool:
        return str(fields[name]) in lived.released

    for fields in lived.real["portal-files"]:
        assert known(fields, "file.hash.sm3") == (fields["file.owner"] == "deploy")
    unknown = [one for one in lived.real["portal-probe"] if not known(one, "event.hash")]
    assert 0 < len(unknown) < len(lived.real["portal-probe"]) // 4


def test_all_deeds_were_done(lived: Lived) -> None:
    recording = lived.labels["recording"]
    assert isinstance(recording, dict)
    assert recording["failures"] == {}
