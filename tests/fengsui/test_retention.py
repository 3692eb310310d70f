"""A whole site over half a year: what is due goes with a tombstone, everything else stays."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from journey import copied, fengsui
from machine import HandClock, Machine, RemoteSensor, access, framed, now, until

from collector.index.unavailable import IndexUnavailableError
from collector.room import MIB, Marks
from collector.state import kept, missed
from collector.state.missed import MissedTable
from fengsui import backup, evidence
from fengsui.folder import DataFolder
from fengsui.retention import Space
from fengsui.serve import _failures, _served
from fengsui.settings import Settings, load
from fengsui.wiring import Site
from schema import tombstone
from schema.coverage import Missed
from schema.errors import FengsuiError
from schema.times import DAY, to_text

HALF_YEAR_US = 200 * DAY


class Years:
    """A site whose clock the test moves; each stay writes, closes its segments and ends."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.clock = HandClock()
        self.folder = DataFolder(self.machine.data)

    def open(self) -> Site:
        return self.machine.open(clock=self.clock)

    def stay(self, path: str, lines: int = 20) -> None:
        """Watch so many requests, then end: every segment is closed."""
        site = self.open()
        try:
            before = _events(site)
            self.machine.write("nginx-access", *(access(path, at=now()) for _ in range(lines)))
            until(site, lambda: _events(site) >= before + lines)
        finally:
            site.close()

    def codes(self, anchor: Path | None = None) -> set[str]:
        return {one.code for one in evidence.verify_folder(self.folder, anchor).findings}


def _events(site: Site) -> int:
    return sum(one.events for one in site.intake.status() if one.name == "host")


@pytest.fixture
def years(tmp_path: Path) -> Years:
    """Two stays today, then one two hundred days on: the first two are past their period."""
    made = Years(tmp_path)
    made.stay("/first")
    made.stay("/second")
    made.clock.ahead_us = HALF_YEAR_US
    made.stay("/third")
    return made


@pytest.fixture
def site(years: Years) -> Iterator[Site]:
    """The site after half a year, open."""
    opened = years.open()
    yield opened
    opened.close()


def _found(site: Site, path: str) -> int:
    from schema.filter import parse

    page = site.index.search(
        parse(f"url.path:{path}"), start=0, end=site.clock.now() + DAY, limit=100
    )
    return len(page.hits)


def test_what_is_past_its_period_goes_and_the_folder_still_verifies(
    years: Years, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor.json"
    evidence.export_anchor(years.folder, anchor)
    site = years.open()
    gone = site.retention.run(by="test", seconds=20)
    assert [stone.sensor for stone in gone if stone.sensor == "host"] == ["host", "host"]
    assert (_found(site, "/first"), _found(site, "/third")) == (0, 20)
    site.close()
    report = evidence.verify_folder(years.folder, anchor)
    assert (report.findings, report.anchored) == ([], True)
    assert "已到期 expired: host" in evidence.report_text(report)
    years.stay("/fourth")
    assert years.codes(anchor) == set()


def test_the_platform_does_so_once_a_day_and_not_at_its_first_look(
    years: Years, site: Site
) -> None:
    site.retention.look()
    assert tombstone.read(years.folder.segments / "host").stones == ()
    years.clock.ahead_us += DAY
    site.retention.look()
    assert len(tombstone.read(years.folder.segments / "host").stones) == 2


def test_a_clock_that_jumped_ages_nothing_until_a_person_says_so(years: Years, site: Site) -> None:
    site.retention.look()
    years.clock.ahead_us += 40 * DAY
    site.retention.look()
    assert site.retention.warnings() == ["fengsui.retention.clock"]
    assert tombstone.read(years.folder.segments / "host").stones == ()
    site.retention.run(by="Li", seconds=20)
    assert site.retention.warnings() == []
    assert {one.by for one in tombstone.read(years.folder.segments / "host").stones} == {"Li"}


def test_what_the_rules_have_not_committed_stays(years: Years) -> None:
    site = years.open()
    try:
        site.pipeline.committed = {}
        assert site.retention.run(by="test", seconds=20) == []
    finally:
        site.close()


def test_a_replay_never_reaches_behind_what_is_left(years: Years, site: Site) -> None:
    site.retention.run(by="test", seconds=20)
    with pytest.raises(FengsuiError, match="days later") as raised:
        site.second_look.replay(site.clock.now() - HALF_YEAR_US - DAY)
    assert raised.value.code == "fengsui.replay.expired"
    assert site.second_look.replay(site.clock.now() - 30 * DAY).withdrawn == 0


def test_what_came_too_late_for_what_is_gone_is_not_judged_by_what_is_left(
    years: Years, site: Site
) -> None:
    site.retention.run(by="test", seconds=20)
    at = site.clock.now() - HALF_YEAR_US
    rule = site.rulebook.current.rules[0].id
    late = Missed(
        rule_id=rule, entity="192.0.2.7", sensor="host", first_at=at, last_at=at, events=1
    )
    site.database.write(lambda state: missed.save(state, [late], noted_at=1))
    looked = site.second_look.look()
    assert looked is not None
    assert (looked.events, looked.withdrawn) == (0, 0)
    assert MissedTable(site.database).waiting(site.clock.now()) == []
    site.control.flush()
    assert _sealed(years, "rules_replayed") == []


def test_an_expired_event_an_alert_rests_on_names_its_tombstone(years: Years) -> None:
    site = years.open()
    event_id = site.index.search((), start=0, end=years.clock.now(), limit=1000).hits[-1].id
    site.retention.run(by="test", seconds=20)
    site.close()
    with pytest.raises(FengsuiError, match="only the tombstones") as raised:
        evidence.prove_event(years.folder, event_id)
    assert raised.value.code == "fengsui.event.unknown"
    import sqlite3

    with sqlite3.connect(years.folder.state) as state:
        state.execute(
            "INSERT INTO alerts VALUES ('a1', 9999, 'r', 1, 'f', 'e', 'final', ?, 1, ?)",
            (years.clock.now(), f'{{"events":["{event_id}"]}}'.encode()),
        )
        state.execute("INSERT INTO alert_sensors VALUES ('a1', 'host')")
    with pytest.raises(FengsuiError, match="tombstone of") as raised:
        evidence.prove_event(years.folder, event_id)
    assert raised.value.code == "fengsui.event.expired"


def test_a_backup_carries_tombstones_and_holds(years: Years, tmp_path: Path) -> None:
    site = years.open()
    keeping = _served(site, "/", sibling=None).administration.keeping
    span = {"from": "2026-01-01", "to": "2026-02-01"}
    keeping.handlers()["hold-add"](
        {"case": "1", "sensor": "*", "reason": "theft", "by": "Li", **span}
    )
    site.retention.run(by="test", seconds=20)
    site.close()
    backup.backup(years.folder, tmp_path / "backup.tgz", 1)
    restored = DataFolder(tmp_path / "restored")
    backup.restore(tmp_path / "backup.tgz", restored)
    assert tombstone.gone(restored.segments / "host") > 0
    copied(years.folder.root / "keys", restored.keys)
    for path in (years.folder.segments / "host").glob("*.seg"):
        (restored.segments / "host" / path.name).write_bytes(path.read_bytes())
    assert evidence.verify_folder(restored).findings == []
    (restored.root / "realm").write_text("duty")
    assert "theft" in fengsui("hold", "list", data=restored.root).stdout


def test_show_tells_of_each_class_and_source(years: Years, site: Site) -> None:
    show = _served(site, "/", sibling=None).administration.keeping.handlers()["retention-show"]
    told = msgspec.json.decode(show({"json": "yes"}))
    assert [(one["name"], one["floor_months"]) for one in told["classes"]] == [
        ("log", 6), ("given", 36),
    ]  # fmt: skip
    (host,) = [one for one in told["sources"] if one["sensor"] == "host"]
    assert (host["retention"], host["verdict"], host["expired_to"]) == ("log", "due", "")
    assert host["oldest_event_at"] < told["classes"][0]["required_from"]
    assert host["gaps"]
    site.retention.run(by="test", seconds=20)
    (host,) = [
        one for one in msgspec.json.decode(show({"json": "yes"}))["sources"]
        if one["sensor"] == "host"
    ]  # fmt: skip
    assert (host["expired_events"] >= 40, host["verdict"]) == (True, "newest")
    assert "host" in show({})


def test_the_api_shows_the_same_without_the_cases(years: Years, site: Site) -> None:
    served = _served(site, "/", sibling=None)
    span = {"from": "2026-01-01", "to": "2026-02-01"}
    served.administration.keeping.handlers()["hold-add"](
        {"case": "1", "sensor": "host", "reason": "theft", "by": "Li", **span}
    )
    view = served.services.retention()
    (host,) = [one for one in view.sources if one.sensor == "host"]
    assert (host.retention, host.held, host.expired_to) == ("log", True, None)
    assert "theft" not in str(view)


def test_a_dry_run_changes_nothing(years: Years) -> None:
    done = fengsui("retention", "run", "--dry-run", "--json", data=years.folder.root)
    assert done.returncode == 0, done.stderr
    # The command's clock is the machine's own: nothing is past its period yet.
    assert msgspec.json.decode(done.stdout) == {"would_expire": []}
    shown = fengsui("retention", "show", data=years.folder.root)
    assert "网络日志 logs" in shown.stdout
    refused = fengsui("retention", "run", data=years.folder.root)
    assert (refused.returncode, "fengsui.retention.stopped" in refused.stderr) == (3, True)


def test_holds_by_command_take_two_persons_to_end(years: Years) -> None:
    data = years.folder.root
    words = ("--from", "2026-11-01", "--to", "2026-11-30", "--reason", "盗取数据", "--by", "李")
    added = fengsui("hold", "add", "2026-001", "--sensor", "host", *words, data=data)
    assert added.returncode == 0, added.stderr
    hold_id = added.stdout.split()[0]
    (listed,) = msgspec.json.decode(fengsui("hold", "list", "--json", data=data).stdout)
    assert (listed["id"], listed["case_no"], listed["released_at"]) == (hold_id, "2026-001", None)
    begin, end = (to_text(listed[name]) for name in ("from_at", "to_at"))
    # The days are Beijing's.
    assert (begin[:16], end[:16]) == ("2026-10-31T16:00", "2026-11-30T15:59")
    why = ("--reason", "结案", "--by", "李")
    alone = fengsui("hold", "release", hold_id, *why, "--approved-by", "李", data=data)
    assert (alone.returncode, "one_person" in alone.stderr) == (2, True)
    done = fengsui("hold", "release", hold_id, *why, "--approved-by", "王", data=data)
    assert done.returncode == 0, done.stderr
    assert fengsui("hold", "add", "1", "--sensor", "nobody", *words, data=data).returncode == 2
    site = years.open()
    site.close()
    assert _sealed(years, "hold_released")[0]["labels.approved_by"] == "王"


def _sealed(years: Years, action: str) -> list[dict[str, object]]:
    from journey import control_records

    return [dict(fields) for fields in control_records(years.folder.root, action)]


def test_a_setting_below_the_floor_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[retention]\nlog_months = 5\n")
    with pytest.raises(FengsuiError, match="log_months"):
        load(path, {})
    path.write_text("[retention]\nlog_months = 12\ngiven_datasets = ['share.*']\n")
    assert load(path, {}).retention.periods().months == {"log": 12, "given": 36}
    assert Settings().retention.marks() == Marks(low=2048 * MIB, full=256 * MIB)


def _disk(site: Site, free: int) -> None:
    site.retention.space = lambda: Space(free=free, total=2**40)


def test_a_full_disk_stops_intake_says_so_and_loses_nothing(years: Years, site: Site) -> None:
    kept.ran(site.database, years.clock.now())
    site.retention.run(by="test", seconds=20)
    _disk(site, 10 * MIB)
    site.retention.look()
    assert (site.retention.failures(), _failures(site)) == (
        ["collector.storage.full"], ["collector.storage.full"],
    )  # fmt: skip
    served = _served(site, "/", sibling=None).services
    remote = RemoteSensor(site)
    batch = remote.seal(["/remote"], at=site.clock.now())
    with pytest.raises(FengsuiError, match="send it again") as raised:
        served.door.accept(framed(batch))
    assert raised.value.code == "collector.storage.full"
    years.machine.write("nginx-access", access("/while-full", at=now()))
    before = _events(site)
    for _ in range(5):
        site.pipeline.round()
    assert _events(site) == before
    _disk(site, 100 * 1024 * MIB)
    site.retention.look()
    assert (site.retention.failures(), site.retention.warnings()) == ([], [])
    assert served.door.accept(framed(batch))[0].head.number == 1
    until(site, lambda: _found(site, "/while-full") == 1)
    site.control.flush()
    assert _sealed(years, "storage_full")
    assert _sealed(years, "storage_ample")


def test_a_low_disk_lets_go_at_once_what_is_due_and_nothing_else(years: Years, site: Site) -> None:
    kept.ran(site.database, years.clock.now())
    _disk(site, 1024 * MIB)
    site.retention.look()
    assert site.retention.warnings() == ["collector.storage.low"]
    assert len(tombstone.read(years.folder.segments / "host").stones) == 2
    site.retention.look()
    assert len(tombstone.read(years.folder.segments / "host").stones) == 2
    assert site.retention.failures() == []


def test_expiry_and_check_run_beside_each_other(years: Years) -> None:
    """A check that is under way while segments go finds nothing wrong."""
    found: list[set[str]] = []
    site = years.open()
    done = threading.Event()

    def check() -> None:
        while not done.is_set():
            found.append(years.codes())

    thread = threading.Thread(target=check)
    thread.start()
    try:
        site.retention.run(by="test", seconds=20)
    finally:
        done.set()
        thread.join()
        site.close()
    assert found
    assert set().union(*found) == set()


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from machine import HandClock, Machine
from schema.times import DAY
clock = HandClock()
clock.ahead_us = 200 * DAY
machine = Machine.__new__(Machine)
machine.logs, machine.data = Path(sys.argv[1]) / "logs", Path(sys.argv[1]) / "data"
site = machine.open(clock=clock)
print("open", flush=True)
site.retention.run(by="test", seconds=60)
print("gone", flush=True)
site.close()
"""


def test_killed_while_it_lets_go_the_folder_verifies_and_ends_it(tmp_path: Path) -> None:
    years = Years(tmp_path)
    for stay in range(6):
        years.stay(f"/stay-{stay}", lines=5)
    years.clock.ahead_us = HALF_YEAR_US
    years.stay("/last", lines=5)
    command = [
        sys.executable,
        "-c",
        CHILD,
        str(tmp_path),
        str(Path(__file__).parents[1] / "journeys"),
    ]
    for milliseconds in (1, 20, 60, 120):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(milliseconds / 1000)
        child.kill()
        child.communicate()
        assert years.codes() == set(), milliseconds
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert years.codes() == set()
    assert len(tombstone.read(years.folder.segments / "host").stones) == 6
    assert len(list((years.folder.segments / "host").glob("*.seg"))) == 1


def test_a_full_disk_stops_intake_though_the_index_cannot_be_asked(
    years: Years, site: Site
) -> None:
    def away(_sensor: str) -> int:
        raise IndexUnavailableError("collector.index.unavailable", "the nodes are away")

    site.retention.expiry._needed = away
    site.retention._marks = Marks(low=2 * MIB, full=MIB)
    site.retention.space = lambda: Space(free=0, total=MIB)
    site.retention.look()
    # What is past its period may not go now: nothing new is let in, and nothing is lost.
    assert site.retention.failures() == ["collector.storage.full"]
    assert tombstone.read(years.folder.segments / "host").stones == ()
