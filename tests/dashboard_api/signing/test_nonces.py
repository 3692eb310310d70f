"""Nonces: nothing is believed twice after crashes, power cuts, full disks and clock jumps."""

from __future__ import annotations

import errno
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from dashboard_api.signing import nonces as module
from dashboard_api.signing.authorization import SKEW_SECONDS_MAX
from dashboard_api.signing.nonces import KEPT, SECOND, Nonces
from schema.errors import FengsuiError

FOLDER = Path("/signing/0/nonces")
START = 1_795_651_200 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR
KEPT_SECONDS = KEPT // SECOND


class Clocks:
    """Both clocks, moved by the test."""

    def __init__(self) -> None:
        self.wall = START
        self.counted = 0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> int:
        return self.counted

    def pass_seconds(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.counted += int(seconds * SECOND)

    @property
    def unix(self) -> int:
        return self.wall // SECOND


class FakeFiles:
    """Files twice over: as programs see them, and as they would be after the power failed."""

    def __init__(self) -> None:
        self.live: dict[Path, bytes] = {}
        self.durable: dict[Path, bytes] = {}
        self.removed: dict[Path, bytes] = {}
        self.room: int | None = None
        self.sync_fails = False
        self.locked = False
        self.syncs = 0

    def lock(self, folder: Path) -> None:
        assert not self.locked
        self.locked = True

    def release(self) -> None:
        self.locked = False

    def append(self, path: Path, data: bytes) -> None:
        fits = len(data) if self.room is None else min(self.room, len(data))
        self.live[path] = self.live.get(path, b"") + data[:fits]
        if self.room is not None:
            self.room -= fits
        if fits < len(data):
            raise OSError(errno.ENOSPC, "disk full")

    def sync(self, path: Path) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, "sync failed")
        self.syncs += 1
        self.durable[path] = self.live[path]

    def read(self, path: Path, offset: int, size: int) -> bytes:
        return self.live[path][offset : offset + size]

    def truncate(self, path: Path, size: int) -> None:
        self.live[path] = self.durable[path] = self.live[path][:size]

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in self.live if path.parent == folder)

    def remove(self, path: Path) -> None:
        del self.live[path]
        # Nobody syncs the folder for it: after a power cut the file may be back.
        if path in self.durable:
            self.removed[path] = self.durable.pop(path)

    def heal(self) -> None:
        self.room, self.sync_fails = None, False

    def lose_power(self, kept: float, *, zeroed: bool, returns: bool) -> None:
        """Of each unsynced tail a part stays, as it was written or as zeros."""
        for path, live in list(self.live.items()):
            durable = self.durable.get(path, b"")
            tail = live[len(durable) :]
            stays = tail[: int(len(tail) * kept)]
            if not durable and not stays:
                del self.live[path]
                continue
            self.live[path] = durable + (bytes(len(stays)) if zeroed else stays)
        if returns:
            self.live |= self.removed
        self.durable = dict(self.live)
        self.removed = {}


@dataclass
class Site:
    """One signing process's nonces, opened again and again over the same files."""

    clocks: Clocks
    files: FakeFiles
    records_max: int = module.RECORDS_MAX

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.files.release()
        self.nonces = Nonces(
            FOLDER,
            self.clocks,
            self.clocks.monotonic,
            files=self.files,
            records_max=self.records_max,
        )

    def reboot(self) -> None:
        """As ``open``, with a monotonic clock that counts anew."""
        self.clocks.counted = 7
        self.open()

    def ask(self, nonce: str, timestamp: int | None = None, credential: str = "a.1") -> str:
        """Empty when believed, else the reason of the refusal."""
        try:
            self.nonces.note(
                credential, nonce, self.clocks.unix if timestamp is None else timestamp
            )
        except FengsuiError as error:
            return error.code.removeprefix("dashboard_api.")
        return ""

    def call(self, nonce: str, timestamp: int | None = None) -> str:
        answer = self.ask(nonce, timestamp)
        self.nonces.commit()
        return answer


@pytest.fixture
def site() -> Site:
    return Site(Clocks(), FakeFiles())


def refused(site: Site, nonce: str, timestamp: int) -> bool:
    return site.ask(nonce, timestamp) in ("nonce.replayed", "timestamp.forgotten")


# One thing after another.


def test_a_nonce_is_believed_once(site: Site) -> None:
    assert site.call("n") == ""
    assert site.call("n") == "nonce.replayed"
    assert site.call("m") == ""


def test_a_nonce_is_used_up_before_the_commit(site: Site) -> None:
    assert site.ask("n") == ""
    assert site.ask("n") == "nonce.replayed"


def test_each_credential_has_nonces_of_its_own(site: Site) -> None:
    assert site.ask("n", credential="a.1") == ""
    assert site.ask("n", credential="a.2") == ""
    assert site.ask("n", credential="b.1") == ""
    assert site.ask("n", credential="a.2") == "nonce.replayed"


def test_credential_and_nonce_do_not_run_into_each_other(site: Site) -> None:
    assert site.ask("23", credential="a.1") == ""
    assert site.ask("3", credential="a.12") == ""


def test_a_nonce_is_refused_under_another_timestamp_too(site: Site) -> None:
    site.call("n")
    site.clocks.pass_seconds(KEPT_SECONDS)
    assert site.call("n") == "nonce.replayed"


def test_thousands_are_known_apart_before_and_after_a_restart(site: Site) -> None:
    for number in range(6000):
        assert site.ask(f"n{number}") == ""
    site.nonces.commit()
    site.reboot()
    assert len(site.nonces) == 6000
    assert all(site.ask(f"n{number}") == "nonce.replayed" for number in range(6000))
    assert all(site.ask(f"m{number}") == "" for number in range(6000))


def test_a_commit_of_nothing_touches_no_disk(site: Site) -> None:
    before = site.files.syncs
    site.nonces.commit()
    site.call("n")
    site.nonces.commit()
    assert site.files.syncs == before + 1


def test_a_group_costs_one_sync(site: Site) -> None:
    before = site.files.syncs
    for number in range(100):
        assert site.ask(f"n{number}") == ""
    site.nonces.commit()
    assert site.files.syncs == before + 1


def test_a_successor_knows_what_was_committed(site: Site) -> None:
    site.call("n")
    site.reboot()
    assert len(site.nonces) == 1
    assert site.call("n") == "nonce.replayed"


def test_what_was_never_committed_may_come_again_after_a_power_cut(site: Site) -> None:
    site.ask("n")
    site.files.lose_power(0, zeroed=False, returns=False)
    site.reboot()
    assert site.call("n") == ""


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_torn_tail_is_cut_and_what_comes_after_is_kept(
    site: Site, kept: float, zeroed: bool
) -> None:
    site.call("n")
    site.ask("m")
    site.files.sync_fails = True
    with suppress(OSError):
        site.nonces.commit()
    site.files.heal()
    site.files.lose_power(kept, zeroed=zeroed, returns=False)
    site.reboot()
    assert site.nonces.floor == 0
    assert site.call("later") == ""
    site.reboot()
    assert site.call("n") == "nonce.replayed"
    assert site.call("later") == "nonce.replayed"
    assert site.call("m") == ""


def test_a_byte_that_changed_on_disk_lets_no_replay_through(site: Site) -> None:
    for number in range(3):
        site.call(f"n{number}")
    asked = site.clocks.unix
    (path,) = site.files.live
    raw = bytearray(site.files.live[path])
    for at in range(len(raw) - 36):
        site.files.live[path] = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1 :])
        again = Site(site.clocks, site.files)
        for number in range(3):
            assert refused(again, f"n{number}", asked)
        assert again.nonces.floor == asked + SKEW_SECONDS_MAX
        for extra in set(site.files.live) - {path}:
            site.files.remove(extra)
    site.clocks.pass_seconds(SKEW_SECONDS_MAX + 1)
    assert again.call("fresh") == ""


def test_the_floor_of_a_damaged_folder_is_there_after_the_next_start(site: Site) -> None:
    site.call("n")
    site.call("m")
    (path,) = site.files.live
    site.files.live[path] = site.files.live[path][:40] + b"?" + site.files.live[path][41:]
    site.open()
    floor = site.nonces.floor
    assert floor == site.clocks.unix + SKEW_SECONDS_MAX
    site.files.remove(path)
    site.reboot()
    assert site.nonces.floor == floor


@pytest.mark.parametrize("failure", ["append", "sync"])
def test_after_a_commit_that_failed_nothing_is_believed_until_opened_anew(
    site: Site, failure: str
) -> None:
    site.call("n")
    site.ask("m")
    if failure == "append":
        site.files.room = 10
    else:
        site.files.sync_fails = True
    with pytest.raises(OSError, match=r"disk full|sync failed"):
        site.nonces.commit()
    site.files.heal()
    assert site.ask("o") == "signing.stopped"
    with pytest.raises(OSError, match="no more"):
        site.nonces.commit()
    site.reboot()
    assert site.call("o") == ""
    assert site.call("n") == "nonce.replayed"


def test_a_full_memory_refuses_rather_than_forgets_and_recovers_by_itself() -> None:
    site = Site(Clocks(), FakeFiles(), records_max=3)
    assert [site.call(nonce) for nonce in "abcd"] == ["", "", "", "signing.busy"]
    assert site.call("a") == "nonce.replayed"
    site.clocks.pass_seconds(KEPT_SECONDS)
    assert site.call("d") == "signing.busy"
    site.clocks.pass_seconds(2)
    assert site.call("d") == "signing.busy"
    assert site.call("d") == ""


def test_two_processes_never_have_the_folder_at_once(tmp_path: Path) -> None:
    clocks = Clocks()
    first = Nonces(tmp_path / "nonces", clocks, clocks.monotonic)
    with pytest.raises(FengsuiError) as caught:
        Nonces(tmp_path / "nonces", clocks, clocks.monotonic)
    assert caught.value.code == "dashboard_api.signing.busy"
    first.close()
    Nonces(tmp_path / "nonces", clocks, clocks.monotonic).close()


def test_real_files_come_and_go_and_are_read_again(tmp_path: Path) -> None:
    clocks = Clocks()
    folder = tmp_path / "signing" / "0" / "nonces"
    nonces = Nonces(folder, clocks, clocks.monotonic)
    for minute in range(60):
        nonces.note("a.1", f"n{minute}", clocks.unix)
        nonces.commit()
        clocks.pass_seconds(60)
        assert len(list(folder.glob("*.nonces"))) <= 6
    known = len(nonces)
    nonces.close()
    again = Nonces(folder, clocks, clocks.monotonic)
    assert 10 <= known == len(again) <= 14
    for minute in range(60):
        with pytest.raises(FengsuiError):
            again.note("a.1", f"n{minute}", START // SECOND + 60 * minute)
    again.close()


WRITER = """
import sys, time
from itertools import count
from pathlib import Path
from dashboard_api.signing.nonces import Nonces
class Clock:
    def now(self): return time.time_ns() // 1000
nonces = Nonces(Path(sys.argv[1]), Clock(), lambda: time.monotonic_ns() // 1000)
for number in count():
    at = int(time.time())
    nonces.note("a.1", f"{sys.argv[2]}-{number}", at)
    nonces.commit()
    print(f"{sys.argv[2]}-{number}", at, flush=True)
"""


def test_a_process_that_is_killed_leaves_every_committed_nonce_known(tmp_path: Path) -> None:
    folder = tmp_path / "nonces"
    told: list[list[str]] = []
    for life in ("first", "second", "third"):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), life], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(20)]
            process.kill()
            lines += process.stdout.readlines()
        told += [line.split() for line in lines if line.endswith("\n")]
    clocks = Clocks()
    clocks.wall = int(told[-1][1]) * SECOND
    nonces = Nonces(folder, clocks, clocks.monotonic)
    # Each life may have ended after a commit and before it was told.
    assert len(told) <= len(nonces) <= len(told) + 3
    for nonce, at in told:
        with pytest.raises(FengsuiError, match="used before"):
            nonces.note("a.1", nonce, int(at))
    nonces.close()


# Clocks.


def test_on_a_quiet_clock_files_go_and_no_honest_timestamp_is_refused(site: Site) -> None:
    floor = 0
    for number in range(2000):
        assert site.nonces.floor >= floor
        floor = site.nonces.floor
        for off in (-SKEW_SECONDS_MAX, 0, SKEW_SECONDS_MAX):
            assert site.call(f"n{number}/{off}", site.clocks.unix + off) == ""
        site.clocks.pass_seconds(7)
        assert len(site.nonces) <= 3 * (750 // 7 + 2)
        assert len(site.files.live) <= 6
    assert site.nonces.floor > 0


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("moved", ["wall", "monotonic"])
def test_one_clock_alone_makes_nothing_forgotten(site: Site, moved: str, restarted: bool) -> None:
    asked = site.clocks.unix
    site.call("n", asked)
    if restarted:
        site.reboot()
    if moved == "wall":
        site.clocks.wall += DAY
    else:
        site.clocks.counted += DAY
    for _ in range(10):
        site.clocks.pass_seconds(2)
        site.nonces.commit()
    assert site.nonces.floor == 0
    assert site.ask("n", asked) == "nonce.replayed"


def test_both_clocks_make_it_forgotten_and_leave_the_floor(site: Site) -> None:
    asked = site.clocks.unix
    site.call("n", asked)
    site.clocks.pass_seconds(KEPT_SECONDS)
    site.nonces.commit()
    assert (len(site.nonces), site.nonces.floor) == (1, 0)
    site.clocks.pass_seconds(2)
    site.nonces.commit()
    assert (len(site.nonces), site.nonces.floor) == (0, asked)
    assert site.ask("n", asked) == "timestamp.forgotten"
    assert site.ask("n", asked + 1) == ""
    # A new file with nothing to forget keeps the floor.
    site.nonces.commit()
    before = len(site.files.live)
    site.clocks.pass_seconds(module.GENERATION // SECOND)
    site.nonces.commit()
    assert len(site.files.live) == before + 1
    assert site.nonces.floor == asked


def test_a_clock_set_back_after_forgetting_believes_the_nonce_only_when_signed_anew(
    site: Site,
) -> None:
    asked = site.clocks.unix
    site.call("n", asked)
    site.clocks.pass_seconds(KEPT_SECONDS + 1)
    site.nonces.commit()
    site.clocks.wall -= SECOND
    assert site.ask("n", asked) == "timestamp.forgotten"
    assert site.ask("n", site.clocks.unix) == ""


def test_a_clock_a_day_ahead_and_back_keeps_serving_and_lets_no_replay_through(site: Site) -> None:
    before = site.clocks.unix
    site.call("before", before)
    site.clocks.wall += DAY
    ahead = site.clocks.unix
    assert site.call("ahead", ahead) == ""
    site.clocks.pass_seconds(300)
    site.clocks.wall -= DAY
    # Back within ten minutes: callers with the right time are served all along.
    for number in range(300):
        assert site.call(f"after{number}") == ""
        assert refused(site, "before", before)
        assert refused(site, "ahead", ahead)
        site.clocks.pass_seconds(60)
    # And when the time of the jump comes again, a day later.
    while site.clocks.unix < ahead + SKEW_SECONDS_MAX:
        site.clocks.pass_seconds(600)
        assert site.call(f"later{site.clocks.unix}") == ""
        assert refused(site, "ahead", ahead)
    assert len(site.files.live) <= 6


def test_a_clock_set_back_behind_what_was_forgotten_refuses_and_says_why(site: Site) -> None:
    asked = []
    for number in range(60):
        asked.append((f"n{number}", site.clocks.unix))
        site.call(*asked[-1])
        site.clocks.pass_seconds(60)
    site.clocks.wall -= DAY
    assert site.call("honest") == "timestamp.forgotten"
    assert all(refused(site, *one) for one in asked)
    site.reboot()
    assert site.call("honest") == "timestamp.forgotten"
    assert all(refused(site, *one) for one in asked)
    site.clocks.pass_seconds(86_400)
    assert site.call("honest") == ""


def test_a_restart_after_a_jump_back_keeps_what_is_not_yet_past(site: Site) -> None:
    asked = site.clocks.unix
    site.call("n", asked)
    site.clocks.wall -= DAY
    site.reboot()
    for number in range(100):
        site.call(f"m{number}")
        site.clocks.pass_seconds(60)
    assert site.ask("n", asked) == "nonce.replayed"


def test_a_restart_on_a_sound_clock_forgets_in_time(site: Site) -> None:
    for number in range(50):
        site.call(f"n{number}")
        site.clocks.pass_seconds(60)
        site.reboot()
    assert len(site.nonces) <= 15


def test_clocks_that_jump_all_day_leave_a_bounded_number_of_files(site: Site) -> None:
    asked = []
    for number in range(60):
        site.clocks.wall += DAY
        asked.append((f"n{number}", site.clocks.unix))
        site.call(*asked[-1])
        site.clocks.wall -= DAY
        site.clocks.pass_seconds(200)
        assert site.call(f"m{number}") == ""
        assert len(site.files.live) <= module.GENERATIONS_MAX
    assert len(site.files.live) == module.GENERATIONS_MAX
    site.reboot()
    assert all(site.ask(*one) == "nonce.replayed" for one in asked)
    # Once its time has come again, all of it goes.
    site.clocks.pass_seconds(DAY // SECOND + KEPT_SECONDS)
    site.nonces.commit()
    assert len(site.files.live) == 1


def test_the_floor_is_the_newest_of_what_is_forgotten(site: Site) -> None:
    asked = [site.clocks.unix + off for off in (0, SKEW_SECONDS_MAX, -SKEW_SECONDS_MAX)]
    for number, timestamp in enumerate(asked):
        site.call(f"n{number}", timestamp)
    site.clocks.pass_seconds(KEPT_SECONDS + 1)
    site.nonces.commit()
    assert site.nonces.floor == max(asked)


@dataclass(frozen=True)
class Asked:
    nonce: str
    timestamp: int
    wall: int
    counted: int
    """-1 when it was in another process."""
    latest: int
    """The furthest the wall clock has stood since: set back afterwards, it makes nothing known."""


class Replays(RuleBasedStateMachine):
    """Requests, replays, both clocks and every kind of end, in any order."""

    @initialize(records_max=st.sampled_from([5, 1000]))
    def begin(self, records_max: int) -> None:
        self.site = Site(Clocks(), FakeFiles(), records_max=records_max)
        self.noted: list[Asked] = []
        """Believed since the last commit."""
        self.answered: list[Asked] = []
        """Believed and committed: these were acted on."""
        self.ever: set[str] = set()
        self.newest = 0
        self.opened, self.floor = self.site.nonces, 0
        self.jumped = False

    @rule(
        nonce=st.sampled_from("abcdefgh"),
        off=st.integers(-SKEW_SECONDS_MAX, SKEW_SECONDS_MAX),
    )
    def ask(self, nonce: str, off: int) -> None:
        clocks = self.site.clocks
        timestamp = clocks.unix + off
        answer = self.site.ask(nonce, timestamp)
        known = [one for one in self.noted + self.answered if one.nonce == nonce]
        if answer == "":
            for one in known:
                assert one.timestamp != timestamp
                # Ten minutes by each clock that can be compared.
                assert one.latest - one.wall > KEPT
                assert one.counted < 0 or clocks.counted - one.counted > KEPT
            self.noted.append(Asked(nonce, timestamp, clocks.wall, clocks.counted, clocks.wall))
            self.ever.add(nonce)
            self.newest = max(self.newest, timestamp)
        elif answer == "nonce.replayed":
            assert nonce in self.ever
        elif answer == "timestamp.forgotten":
            assert timestamp <= self.newest
        else:
            assert answer == "signing.busy"
            assert len(self.site.nonces) >= self.site.records_max

    @precondition(lambda self: self.answered or self.noted)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.answered + self.noted))
        assert refused(self.site, one.nonce, one.timestamp)

    @rule()
    def commit(self) -> None:
        self.site.nonces.commit()
        self.answered += self.noted
        self.noted = []

    @rule(room=st.integers(0, 80), syncs=st.booleans(), power=st.booleans())
    def commit_on_a_bad_disk(self, room: int, syncs: bool, power: bool) -> None:
        self.site.files.room, self.site.files.sync_fails = room, not syncs
        try:
            self.site.nonces.commit()
        except OSError:
            assert self.site.ask("z") == "signing.stopped"
            self.noted = []
            self.site.files.heal()
            if power:
                self.site.files.lose_power(0.5, zeroed=False, returns=True)
            self.forget_the_monotonic_clock()
            self.site.open()
        else:
            self.answered += self.noted
            self.noted = []
            self.site.files.heal()

    @rule(seconds=st.sampled_from([1, 60, 151, 299, 301, 601, 1300]))
    def wait(self, seconds: int) -> None:
        self.site.clocks.pass_seconds(seconds)

    @rule(jump=st.sampled_from([-2 * DAY, -DAY, -HOUR, -SECOND, SECOND, HOUR, DAY, 2 * DAY]))
    def jump(self, jump: int) -> None:
        self.site.clocks.wall += jump
        self.jumped = True

    @rule(seconds=st.integers(0, 1300))
    def stall(self, seconds: int) -> None:
        """The wall clock stands, or is slewed hard."""
        self.site.clocks.counted += seconds * SECOND

    @rule()
    def kill(self) -> None:
        """Files are as they were written; what was not appended is gone."""
        self.noted = []
        self.forget_the_monotonic_clock()
        self.site.open()

    @rule(kept=st.floats(0, 1), zeroed=st.booleans(), returns=st.booleans())
    def lose_power(self, kept: float, zeroed: bool, returns: bool) -> None:
        self.noted = []
        self.site.files.lose_power(kept, zeroed=zeroed, returns=returns)
        self.forget_the_monotonic_clock()
        self.site.reboot()

    def forget_the_monotonic_clock(self) -> None:
        """A new process knows ages by the wall clock alone: none, if that has ever jumped."""
        wall = -DAY if self.jumped else 0
        self.answered = [replace(one, wall=wall or one.wall, counted=-1) for one in self.answered]

    @invariant()
    def time_is_followed(self) -> None:
        wall = self.site.clocks.wall
        self.noted, self.answered = (
            [replace(one, latest=max(one.latest, wall)) for one in asked]
            for asked in (self.noted, self.answered)
        )

    @invariant()
    def the_floor_never_falls_while_open(self) -> None:
        # A header whose sync failed may be read by a successor and be gone after a power cut:
        # nothing was forgotten on its word.
        if self.opened is self.site.nonces:
            assert self.opened.floor >= self.floor
        self.opened, self.floor = self.site.nonces, self.site.nonces.floor

    @invariant()
    def files_are_bounded(self) -> None:
        assert len(self.site.files.live) <= module.GENERATIONS_MAX + 2


Replays.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestReplays = Replays.TestCase
