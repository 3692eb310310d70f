"""Process starts and open ports, from a made-up /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schema import event, times
from schema.batch import Position
from schema.fields import catalogue
from sensors import inventory
from sensors.inventory import ListeningSource, Machine, ProcessSource

START = times.from_text("2026-11-20T12:00:00.000000Z")
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when  uid  timeout inode\n"


class World:
    """A folder laid out as /proc, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder
        self.now = START
        (folder / "net").mkdir()
        self.tick(0)
        self.ports("tcp")

    def tick(self, seconds: int) -> None:
        self.now += seconds * times.SECOND
        uptime = (self.now - START) / times.SECOND + 1000
        (self.proc / "uptime").write_text(f"{uptime:.2f} 1.00\n")

    def run(self, pid: int, name: str, *, parent: int = 1, at: float = 0.0, uid: int = 0) -> None:
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        ticks = int((1000 + at) * os.sysconf("SC_CLK_TCK"))
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {' 0' * 17} {ticks} 0 0\n")
        (folder / "cmdline").write_bytes(f"/bin/{name}\0--x\0a b\0".encode())
        (folder / "status").write_text(f"Name:\t{name}\nUid:\t{uid}\t{uid}\t0\t0\n")
        if not (folder / "exe").is_symlink():
            (folder / "exe").symlink_to(f"/bin/{name}")

    def stop(self, pid: int) -> None:
        (self.proc / str(pid)).rename(self.proc / f"gone-{pid}-{self.now}")

    def ports(self, protocol: str, *lines: str) -> None:
        (self.proc / "net" / protocol).write_text(HEAD + "\n".join(lines) + "\n")

    def machine(self) -> Machine:
        return Machine(
            host="h",
            boot_id="boot-1",
            now=lambda: self.now,
            proc=self.proc,
            user_of=lambda uid: f"u{uid}",
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_ran_before_the_first_look_is_no_event(world: World) -> None:
    world.run(1, "init")
    source = ProcessSource("p", world.machine())
    polled = source.poll(10)
    assert (list(polled.events), polled.position, polled.at_end) == (
        [],
        Position("boot-1", 0),
        True,
    )
    assert polled.watermark == START


def test_a_process_is_told_once_with_all_its_fields(world: World) -> None:
    world.run(1, "init")
    source = ProcessSource("p", world.machine())
    source.poll(10)
    world.tick(3)
    world.run(7, "x) y (z", at=1.5, uid=33)
    polled = source.poll(10)
    assert polled.events == [
        {
            "@timestamp": "2026-11-20T12:00:01.500000Z",
            "event.action": "process_started",
            "event.dataset": "host.process",
            "host.name": "h",
            "process.command_line": "/bin/x) y (z --x a b",
            "process.executable": "/bin/x) y (z",
            "process.name": "x) y (z",
            "process.parent.name": "init",
            "process.parent.pid": 1,
            "process.pid": 7,
            "user.name": "u33",
        }
    ]
    assert polled.places == [("boot-1", 0)]
    assert polled.position == Position("boot-1", 1)
    world.tick(3)
    assert source.poll(10).events == []


def test_a_number_given_again_is_another_process(world: World) -> None:
    source = ProcessSource("p", world.machine())
    world.run(7, "old")
    source.poll(10)
    world.tick(3)
    world.stop(7)
    world.run(7, "new", at=2)
    assert [fields["process.name"] for fields in source.poll(10).events] == ["new"]


def test_the_kernels_own_threads_are_left_out(world: World) -> None:
    source = ProcessSource("p", world.machine())
    source.poll(10)
    world.tick(3)
    world.run(50, "kworker", parent=2, at=1)
    assert source.poll(10).events == []


def test_events_wait_in_time_order_and_the_watermark_with_them(world: World) -> None:
    source = ProcessSource("p", world.machine())
    source.poll(10)
    world.tick(10)
    for pid, at in ((30, 1), (20, 2), (10, 3)):
        world.run(pid, "x", at=at)
    first = source.poll(2)
    assert [fields["process.pid"] for fields in first.events] == [30, 20]
    assert (first.watermark, first.at_end) == (START + 3 * times.SECOND, False)
    last = source.poll(2)
    assert [fields["process.pid"] for fields in last.events] == [10]
    assert last.places == [("boot-1", 2)]
    assert (last.watermark, last.at_end) == (START + 10 * times.SECOND, True)


def test_it_looks_once_an_interval_even_when_the_clock_goes_back(world: World) -> None:
    source = ProcessSource("p", world.machine(), interval_us=5 * times.SECOND)
    source.poll(10)
    world.tick(3)
    world.run(7, "x", at=1)
    assert source.poll(10).events == []
    world.tick(-3600)
    assert len(source.poll(10).events) == 1


def test_a_burst_past_the_limit_is_told_by_the_next_look(world: World, monkeypatch) -> None:
    monkeypatch.setattr(inventory, "PENDING_MAX", 2)
    source = ProcessSource("p", world.machine())
    source.poll(10)
    world.tick(3)
    for pid in range(10, 15):
        world.run(pid, "x", at=1)
    told = []
    for _ in range(4):
        told += [fields["process.pid"] for fields in source.poll(10).events]
        world.tick(3)
    assert told == [10, 11, 12, 13, 14]


def test_counting_goes_on_after_a_restart_and_anew_after_a_boot(world: World) -> None:
    for generation, first in (("boot-1", 41), ("boot-0", 0)):
        source = ProcessSource("p", world.machine())
        source.restore(Position(generation, 41))
        source.poll(10)
        world.tick(3)
        world.run(100 + first, "x", at=1)
        assert source.poll(10).places == [("boot-1", first)]


def test_a_process_that_ends_while_we_look_is_told_as_far_as_seen(world: World) -> None:
    source = ProcessSource("p", world.machine())
    source.poll(10)
    world.tick(3)
    world.run(7, "x", at=1)
    for name in ("cmdline", "status", "exe"):
        (world.proc / "7" / name).unlink()
    (world.proc / "8").mkdir()
    (world.proc / "9").mkdir()
    (world.proc / "9" / "stat").write_bytes(b"9 (\xff) what")
    (fields,) = source.poll(10).events
    assert "process.command_line" not in fields
    assert fields["process.pid"] == 7


def line(address: str, state: str = "0A", inode: int = 5) -> str:
    return f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:0 0  33 0 {inode} 1 0"


def test_a_port_that_opens_and_closes_is_told_with_its_owner(world: World) -> None:
    source = ListeningSource("l", world.machine())
    source.restore(Position("boot-1", 3))
    assert source.poll(10).events == []
    world.run(7, "nginx")
    (world.proc / "7" / "fd" / "3").symlink_to("socket:[5]")
    (world.proc / "7" / "fd" / "4").symlink_to("/dev/null")
    world.ports("tcp", line("0100007F:4E48"), line("0100007F:0016", state="01"))
    world.tick(3)
    polled = source.poll(10)
    opened = {
        "@timestamp": "2026-11-20T12:00:03.000000Z",
        "destination.ip": "127.0.0.1",
        "destination.port": 20040,
        "event.action": "port_opened",
        "event.dataset": "host.listening",
        "host.name": "h",
        "network.protocol": "tcp",
        "process.name": "nginx",
        "process.pid": 7,
        "user.name": "u33",
    }
    assert polled.events == [opened]
    assert polled.places == [("boot-1", 3)]
    world.ports("tcp")
    world.tick(3)
    (closed,) = source.poll(10).events
    assert (closed["event.action"], closed["destination.port"]) == ("port_closed", 20040)


def test_a_new_sensor_tells_all_open_ports(world: World) -> None:
    world.ports("tcp", line("00000000:0016"), "garbage", line("zz:0016"))
    world.ports("tcp6", line("B80D0120000000000000000001000000:1F90"))
    world.ports("udp", line("00000000:0035", state="07"), line("00000000:C350", state="07"))
    events = ListeningSource("l", world.machine()).poll(10).events
    assert [
        (e["network.protocol"], e["destination.ip"], e["destination.port"]) for e in events
    ] == [("tcp", "0.0.0.0", 22), ("tcp", "2001:db8::1", 8080), ("udp", "0.0.0.0", 53)]


def test_what_may_not_be_read_is_named(world: World, monkeypatch) -> None:
    def refuse(path: Path, mode: str = "r") -> None:
        raise PermissionError(path)

    source = ListeningSource("l", world.machine())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        assert source.poll(10).events == []
    assert source.unreadable["net/tcp"] == 1


def test_all_fields_are_in_the_catalogue_and_can_be_sealed(world: World) -> None:
    processes = ProcessSource("p", world.machine())
    processes.poll(10)
    world.tick(3)
    world.run(7, "名", at=1)
    world.ports("tcp", line("00000000:0016"))
    found = [*processes.poll(9).events, *ListeningSource("l", world.machine()).poll(9).events]
    assert len(found) == 2
    for fields in found:
        assert set(fields) <= set(catalogue())
        assert event.decode(event.encode(fields)) == fields


def test_this_machines_own_proc_can_be_looked_at() -> None:
    clock = iter(range(START, START + 10**9, 10**7))
    machine = Machine(host="h", boot_id="b", now=lambda: next(clock))
    for source in (ProcessSource("p", machine), ListeningSource("l", machine)):
        for _ in range(2):
            source.poll(10_000)


def test_ports_that_cannot_be_read_for_a_moment_neither_close_nor_open(world: World) -> None:
    world.ports("tcp", line("0100007F:4E48"))
    source = ListeningSource("ports", world.machine())
    assert [fields["event.action"] for fields in source.poll(10).events] == ["port_opened"]
    table = world.proc / "net" / "tcp"
    away = table.rename(world.proc / "tcp.away")
    table.mkdir()
    world.tick(3)
    unread = source.poll(10)
    assert (unread.events, unread.troubles["unreadable"]) == ([], 1)
    table.rmdir()
    away.rename(table)
    world.tick(3)
    again = source.poll(10)
    assert (again.events, again.troubles["unreadable"]) == ([], 0)
